"""The page of the magics, written by MkDocs from their own grammar each time that it builds: a hook, named in mkdocs.yml."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from cl_notebook.notebook import extension
from cl_notebook.notebook.command.help import verb_help
from cl_notebook.notebook.magics import lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from cl_notebook.notebook.command.command import Argument, Command, Option, Verb

PAGE = "magics.md"

_HEAD = """# Magics

`%load_ext cl_notebook` loads the magics into any IPython; the kernel *Block storage (cl_notebook)* has them loaded.

A plural lists, and returns a pandas DataFrame; a singular acts, and returns the object. You can assign both, as in `vol =
%cl_volume create --size 1`. Name a resource by its id, the start of its id, its name, or the variable that holds it.
`{python}` and `$variable` are expanded, also inside quotes; text in `$'…'` is not. Tab completes verbs, options, columns,
backends, ids and names. An error is one line; `%tb` shows the rest.

This page lists, for every magic, what `%cl_volume create?` and `%cl_volume create --help` show for a verb; Shift+Tab on the line
shows it, too. `%cl_help` is the map of the magics on one screen. The options of drivers depend on the
installation and are left out; `%cl_drivers NAME` shows them.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to the files that MkDocs builds."""
    files.append(File.generated(config, PAGE, content=page()))
    return files


def page() -> str:
    """Return the page as Markdown: a section a magic, in the order in which they are loaded."""
    return "\n".join([_HEAD, *(line for command in extension.COMMANDS for line in _section(command))])


def _section(command: Command) -> Iterator[str]:
    yield from (f"## {command.spelled} {{ #{command.name} }}", "", _plain(command.help), "")
    for verb in command.verbs:
        usage = verb_help(command, verb).usage
        if command.has_verbs:
            yield from (f"### {verb.name} {{ #{command.name}-{verb.name} }}", "", _plain(verb.help), "")
        yield from ("```text", usage, "```", "", *(() if verb.same_as else _table(verb)))
    if command in lists.COMMANDS and command.notes is not None:  # its filters, which depend on nothing that is installed
        filters, rules = command.notes(())
        names = [row.typed.split()[0].removeprefix("--").replace("-", "_") for row in filters.rows]
        yield from (f"`--COLUMN VALUE` filters by a column: {', '.join(f'`{name}`' for name in names)}.", "")
        yield from (*map(_plain, rules.notes), "")
    if command.examples:
        yield from ("Examples:", "", "```ipython", *command.examples, "```", "")


def _table(verb: Verb) -> list[str]:
    taken = [(argument.name, _meaning(argument)) for argument in verb.arguments]
    for option in verb.options:
        meaning = (
            f"{_meaning(option)}{' Repeatable.' if option.repeat else ''}{f' Short: {option.short}.' if option.short else ''}"
        )
        taken.append((f"{option.spelled} {option.value}".strip(), meaning))
    return _rows(taken)


def _meaning(taken: Argument | Option) -> str:
    return f"{taken.help} One of {', '.join(taken.choices)}." if taken.choices else taken.help


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    # as HTML: a bar between backticks is either a border of the table or, escaped, shown with its backslash
    rows = [
        f"| <code>{html.escape(name, quote=False).replace('|', '&#124;')}</code> | {_plain(meaning)} |" for name, meaning in pairs
    ]
    return ["| | |", "| --- | --- |", *rows, ""] if rows else []


def _plain(sentence: str) -> str:
    """Return a sentence of the help as Markdown that shows it as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]#|" else sign for sign in html.escape(sentence, quote=False))
