"""A hook of MkDocs: a page shows its pictures in the theme that the reader has chosen."""

from __future__ import annotations

import re
from typing import Any

PICTURE = re.compile(r"!\[(?P<text>[^]]*)\]\((?P<path>(?:\.\./)*pictures/[\w-]+)\.png\)")

_LINKED = r"[![\g<text>](\g<path>{0}.png#only-{1})](\g<path>{0}.png)"


def on_page_markdown(markdown: str, **_words: Any) -> str:  # noqa: ANN401 - MkDocs' own
    """Return the page with each picture in both themes, of which Material hides one; a click shows it in full size."""
    return PICTURE.sub("".join(_LINKED.format(*twin) for twin in (("", "light"), ("-dark", "dark"))), markdown)
