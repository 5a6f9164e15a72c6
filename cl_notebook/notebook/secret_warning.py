"""Warn about secrets that are typed into cells, as notebooks and IPython's history keep them."""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from cl_notebook import session
from cl_notebook.masking import SHORTEST, is_secret
from cl_notebook.notebook.output.messages import echo_err

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

_MAGIC = re.compile(r"%?%?\bcl_backend\s+(?:add|open)\b(?P<words>.*)")
_OPTION = re.compile(r"--(?P<name>[A-Za-z][\w-]*)(?:=|\s+)(?P<quote>['\"]?)(?P<value>[^\s'\"]+)")
_OPENS = frozenset({"Backend", "Backends", "backend", "open_backend"})

_watching: weakref.WeakKeyDictionary[InteractiveShell, Callable[[Any], None]] = weakref.WeakKeyDictionary()


def install(shell: InteractiveShell) -> None:
    """Warn about secrets in each cell of *shell* after it ran; a second call changes nothing."""
    remove(shell)
    warned: set[str] = set()

    def after(result: Any) -> None:  # noqa: ANN401 - IPython's
        cell = getattr(getattr(result, "info", None), "raw_cell", None)
        names = sorted(set(exposed(str(cell), shell)) - warned) if cell else []
        if names:
            warned.update(names)
            echo_err(
                f"{', '.join(names)}: a secret stands in this cell, so in the notebook and in IPython's history. Take it out: "
                "%cl_backend add asks for what is left out, and getpass.getpass() keeps a value out of the cell."
            )

    _watching[shell] = after
    shell.events.register("post_run_cell", after)


def remove(shell: InteractiveShell) -> None:
    """Stop warning about secrets in the cells of *shell*."""
    after = _watching.pop(shell, None)
    if after is not None:
        with contextlib.suppress(ValueError):
            shell.events.unregister("post_run_cell", after)


def exposed(cell: str, shell: InteractiveShell) -> Iterator[str]:
    """Yield the names of the secrets in *cell*: of options that it types, and those of the backends that are open."""
    for line in cell.splitlines():
        magic = _MAGIC.search(line)
        for option in _OPTION.finditer(magic["words"]) if magic else ():
            is_typed = option["value"][:1] not in {"$", "{"} and not option["value"].startswith("--")
            if is_typed and is_secret(option["name"]):
                yield option["name"].replace("-", "_")
    yield from _in_calls(cell, shell)
    opened = session.opened_session()
    for opened_backend in list(opened.backends.values()) if opened is not None else ():
        for name, value in opened.secrets(opened_backend).items():  # type: ignore[union-attr] # it is there
            if isinstance(value, str) and len(value) >= SHORTEST and value in cell:
                yield name


def _in_calls(cell: str, shell: InteractiveShell) -> Iterator[str]:
    """Yield the secret options that are typed as text where a backend is opened."""
    if not any(word in cell for word in _OPENS):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is to be said of the cell was said when it ran
            tree = ast.parse(shell.transform_cell(cell))  # type: ignore[no-untyped-call] # IPython's
    except (SyntaxError, ValueError):
        return
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in _OPENS:
            yield from (word.arg for word in call.keywords if word.arg and is_secret(word.arg) and _is_text(word.value))
            for argument in (word.value for word in call.keywords if word.arg is None):
                yield from _in_dict(argument)


def _in_dict(argument: ast.expr) -> Iterator[str]:
    for key, value in zip(argument.keys, argument.values, strict=True) if isinstance(argument, ast.Dict) else ():
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and is_secret(key.value) and _is_text(value):
            yield key.value


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(value.value)
