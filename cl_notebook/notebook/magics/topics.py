"""Define ``%cl_help``: the map of the magics, and the help of a magic, a verb, an option or a status."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.model.operations import lifecycle, tables
from cl_notebook.notebook.command.command import Argument, Command, Part, Row, Verb
from cl_notebook.notebook.command.help import Help, brief, command_help, map_of, option_row, verb_help
from cl_notebook.notebook.magics import lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cl_notebook.notebook.command.command import Invocation

_MOST_ROWS = 15
_STATUS = "status:"
_KINDS = ("volume", "snapshot", "connection")
_NAMES = Help(
    "%cl_volume show NAME …",
    "How a resource, or several, is named in a line of magic. Several words add up.",
    [
        Part(
            "One:",
            [
                Row("db", "its name."),
                Row("3f2a91c0", "its id, or the beginning of it: at least four characters to change it."),
                Row("vol", "the variable that holds it."),
                Row("'my vol'", "quotes for blanks; $'…' for any characters, where nothing is expanded."),
            ],
        ),
        Part(
            "Several:",
            [
                Row("db-*", "a glob: what begins with db-."),
                Row("db-{1..3}", "a range: db-1, db-2 and db-3; %cl_volume create takes one, too."),
                Row("status:error", "a term of the tree's filter: it restricts the others, and alone selects from everything."),
                Row("size>10 !web*", "further terms: larger than 10 GiB, and not called so."),
                Row("$df {vols[:2]}", "a frame, a list, or an expression that gives one."),
            ],
            ["Add --dry-run to see what is meant."],
        ),
    ],
)


def command(commands: Sequence[Command]) -> Command:
    """Return ``%cl_help``, which explains *commands*."""
    topic = Argument(
        "TOPIC",
        "A magic (volume), a verb (create, volume create), an option (--size), a status (error), names, filters, or a word to "
        "search for.",
        f"choices:{','.join(_topics(commands))}",
        optional=True,
        repeat=True,
        takes_dashes=True,
    )
    return Command(
        "cl_help",
        "Show the map of the magics, or explain one of them, a verb, an option or a status. %cl_volume? and %cl_volume create? "
        "explain, too, and Shift+Tab does in a notebook.",
        (Verb("", "Show the map, or explain TOPIC.", partial(_help, commands), (topic,)),),
        (
            "%cl_help",
            "%cl_help volume",
            "%cl_help create",
            "%cl_help volume create",
            "%cl_help --jobs",
            "%cl_help status:error",
            "%cl_help names",
            "%cl_help trace",
        ),
        purpose="Begin",
    )


def _help(commands: Sequence[Command], call: Invocation) -> Help:
    words = [word.lstrip("%") for word in call["topic"]]
    if not words:
        return map_of(commands)
    page = _exact(commands, words) or _matches(commands, words)
    if page is None:
        topic = " ".join(words)
        msg = f"There is no help on {topic!r}.{errors.did_you_mean(topic, _topics(commands))} %cl_help is the map of all magics."
        raise errors.NotFound(msg)
    return page


def _exact(commands: Sequence[Command], words: Sequence[str]) -> Help | None:
    """Return the help of the magic, verb, option or status that *words* name."""
    first, *rest = words
    named = next((item for item in commands if first in {item.name, item.name.removeprefix("cl_")}), None)
    if named is not None:
        return _of_magic(named, rest)
    if rest:
        return None
    if first in _TOPICS:
        return _TOPICS[first]()
    return _of_verb(commands, first) or _of_status(first.removeprefix(_STATUS)) or _of_option(commands, first)


def _filters() -> Help:
    volumes = next(item for item in lists.COMMANDS if item.name == "cl_volumes")
    return Help("%cl_volumes --COLUMN VALUE", "Filter a list by its columns.", [*(volumes.notes(()) if volumes.notes else ())])


_TOPICS: Mapping[str, Callable[[], Help]] = {"names": lambda: _NAMES, "filters": _filters}
"""What is explained beside the magics."""


def _of_magic(named: Command, words: Sequence[str]) -> Help | None:
    if not words:
        return command_help(named)
    verb = named.verb(words[0]) if named.has_verbs else None
    if verb is None:
        return None
    subcommand = verb.subcommand_at(words[1:])
    return verb_help(named, verb) if subcommand is None else _of_magic(subcommand, words[1:])


def _of_verb(commands: Sequence[Command], name: str) -> Help | None:
    matches = [(item, verb) for item in commands if item.has_verbs for verb in item.verbs if verb.name == name]
    if len(matches) == 1:
        return verb_help(*matches[0])
    rows = [Row(f"{item.spelled} {verb.name}", brief(verb.help)) for item, verb in matches]
    hint = f"%cl_help {matches[0][0].name.removeprefix('cl_')} {name} explains the first." if matches else ""
    return Help(name, f"A verb of {len(matches)} magics.", [Part("", rows, [hint])]) if matches else None


def _of_status(status: str) -> Help | None:
    parts = []
    for kind in _KINDS:
        if status not in lifecycle.statuses(kind):
            continue
        allowed = ", ".join(lifecycle.allowed_actions(kind, status))
        rows = [Row("means", f"{lifecycle.meaning(kind, status)}.")]
        rows += [Row("may begin", f"{allowed}.")] if allowed else []
        if lifecycle.stuck_reason(kind, status):
            rows.append(Row(f"%cl_scan repair {kind.upper()}", "finishes what was cut short, or undoes it."))
        rows.append(Row(f"%cl_{kind}s --status {status}", "lists them."))
        parts.append(Part(f"Of a {kind}:", rows))
    if status in tables.MEANINGS:
        rows = [Row("means", f"{tables.MEANINGS[status]}."), Row(f"%cl_history --status {status}", "lists them.")]
        parts.append(Part("Of an operation:", rows))
    return Help(f"{_STATUS}{status}", "A status.", parts) if parts else None


def _of_option(commands: Sequence[Command], word: str) -> Help | None:
    name = word.lstrip("-").replace("_", "-")
    users: dict[Row, dict[str, list[str]]] = {}
    for item in commands:
        for verb in item.verbs:
            for option in verb.options:
                if name in (option.name, *option.aliases) or option.short == word:
                    users.setdefault(option_row(option), {}).setdefault(item.spelled, []).append(verb.name)
    parts = [
        Part(f"{row.typed}: {row.meaning}", [Row(magic, ", ".join(verbs)) for magic, verbs in by_magic.items()])
        for row, by_magic in users.items()
    ]
    return Help(f"--{name}", "An option of the verbs below.", parts) if parts else None


def _matches(commands: Sequence[Command], words: Sequence[str]) -> Help | None:
    """Return the verbs and options in whose help all *words* are; None if there are none."""
    rows = list(_rows_with(commands, [word.lower() for word in words]))
    more = [f"And {len(rows) - _MOST_ROWS} more: add a word."] if len(rows) > _MOST_ROWS else []
    topic = " ".join(words)
    return Help(topic, "No magic is called that. It is mentioned here:", [Part("", rows[:_MOST_ROWS], more)]) if rows else None


def _rows_with(commands: Sequence[Command], words: Sequence[str]) -> Iterator[Row]:
    for item in commands:
        for verb in item.verbs:
            sentences = f"{item.help} {verb.help}" if not item.has_verbs else verb.help
            if all(word in f"{item.title(verb)} {sentences}".lower() for word in words):
                yield Row(item.title(verb), brief(verb.help))
            for option in verb.options:
                if all(word in f"{option.name} {option.help}".lower() for word in words):
                    yield Row(f"{item.title(verb)} {option.spelled}", brief(option.help))


def _topics(commands: Sequence[Command]) -> list[str]:
    magics = (item.name.removeprefix("cl_") for item in commands)
    verbs = (verb.name for item in commands if item.has_verbs for verb in item.verbs)
    statuses = (status for kind in _KINDS for status in lifecycle.statuses(kind))
    return list(dict.fromkeys((*magics, *_TOPICS, *verbs, *statuses, *tables.MEANINGS)))
