"""Complete arguments of calls in Python: what the parameter at the cursor takes follows from the signatures of this package."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook.frames.columns import SOURCES
from cl_notebook.model import Backend, Connection, Snapshot, Volume
from cl_notebook.notebook.command import completers
from cl_notebook.notebook.command.completers import Offer
from cl_notebook.notebook.command.help import brief
from cl_notebook.notebook.command.lexer import Token
from cl_notebook.notebook.command.parser import find_option
from cl_notebook.notebook.magics import drivers, lists
from cl_notebook.prerequisites.requirements import PROTOCOLS
from cl_notebook.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Option

_PACKAGE = __name__.partition(".")[0]
_TOKEN = re.compile(
    r"#[^\n]*|(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>'''|\"\"\"|'|\")|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>,)|\w+|(?P<line>\n)"
)
_OTHER_LANGUAGE = re.compile(r"[ \t]*[%!][^\n]*\n")
_NAME = re.compile(r"(?<![\w.\])])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_KEYWORD = re.compile(r"\s*(?:(\w+)\s*=\s*)?")
_WORD = re.compile(r"(?<![\w.)\]'\"])(?:[A-Za-z_]\w*)?\Z")
_OPENS = ("Backend", "backend")
_IMPORT = re.compile(rf"^import {_PACKAGE} as (\w+)", re.MULTILINE)
"""An import in the cell itself, which has not run yet."""

_KINDS = ("volume", "snapshot", "connection", "backend")

_BY_PARAMETER: Mapping[tuple[str, str], str] = {
    ("find", "text"): "any",
    ("each", "what"): "any",
    ("each", "kind"): f"choices:{','.join(_KINDS)}",
    ("doctor", "backend"): "examined",
    ("doctor", "protocol"): f"choices:{','.join(PROTOCOLS)}",
    ("get_connector_properties", "protocol"): f"choices:{','.join(PROTOCOLS)}",
    ("driver_options", "name"): "drivers",
    ("drivers", "word"): "drivers",
    ("drivers", "columns"): "column:drivers",
    ("read", "kind"): f"choices:{','.join(SOURCES)}",
    ("volumes_filtered", "volume_id"): "id:volumes",
    ("volumes_filtered", "volume_name"): "value:volumes:name",
    ("plan_cleanup", "owner"): "owner",
    ("setup", "store"): "file:memory,default",
}
"""What parameters take where their type does not say so, by the name of the function and theirs; see ``Option.completes``."""

_BY_NAME = {"volume_driver": "driver", "volume_backend_name": "backend", "backend_name": "backend", "python": "file"}
_BY_TYPE = {"Backend": "backend", "Volume": "volume", "Snapshot": "snapshot", "Connection": "connection", "Tracked": "any"}
_FILTERED = {"latency": "operations", "timeline": "operations"}
_OF_FRAMES = {"columns": "column:{}", "sort": "sort:{}", "marker": "id:{}"}


@dataclass(slots=True)
class _Bracket:
    """An open bracket: its position, that of the argument at hand, how many precede it, and the texts of those."""

    sign: str
    start: int
    argument: int
    passed: int = 0
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _String:
    """A string that is not closed: its prefix and quote, what was typed of it, and the brackets around it."""

    prefix: str
    quote: str
    typed: str
    start: int
    brackets: Sequence[_Bracket]


class Place(NamedTuple):
    """What is offered at the cursor, in place of the *fragment* before it; *is_all*: IPython shall offer nothing else."""

    fragment: str
    offers: Sequence[Offer]
    is_all: bool = True


def complete(shell: InteractiveShell, code: str) -> Place | None:
    """Return what is offered at the end of *code*; None leaves it to IPython.

    That is where the cursor is in no argument of a call of this package, or its parameter takes anything.
    """
    if "(" not in code and "[" not in code:
        return None
    brackets, string = _open_at_end(code)
    if not brackets:
        return None
    namespace = dict.fromkeys(_IMPORT.findall(code), sys.modules[_PACKAGE]) | shell.user_ns
    return _in_call(shell, code, brackets[-1], namespace) if string is None else _in_string(code, string, namespace)


def _in_string(code: str, string: _String, namespace: Mapping[str, Any]) -> Place | None:
    if "b" in string.prefix.lower() or ("f" in string.prefix.lower() and "{" in string.typed):
        return None
    completes = _expected(namespace, code, string)
    if completes is None:
        return None
    typed = _value(string.prefix, string.quote, string.typed)
    if typed is None:
        return Place(string.typed, [])
    prefix = completers.last_value(completes, typed)
    offers = completers.matching(completers.complete(completes, prefix, None, _words(string)), prefix)
    escaped = [(_escaped(offer.text, string.prefix, string.quote), offer.about) for offer in offers]
    shown = [Offer(text, about) for text, about in escaped if text is not None]
    return Place(completers.last_value(completes, string.typed), shown)


def _in_call(shell: InteractiveShell, code: str, bracket: _Bracket, namespace: Mapping[str, Any]) -> Place | None:
    """Offer, outside strings, the keywords that a call takes, and the variables and names that its parameter does."""
    word, name = _WORD.search(code), _NAME.search(code[: bracket.start].rstrip())
    keyword = _KEYWORD.fullmatch(code, bracket.argument, word.start()) if word is not None else None
    if word is None or keyword is None or name is None or bracket.sign != "(":
        return None
    function = _object(namespace, name[0])
    if not callable(function) or not _is_ours(_module(function)):
        return None
    parameter = _parameter(function, keyword[1], bracket.passed)
    objects = _objects(shell, function, parameter, word[0], namespace) if parameter is not None else []
    keywords = [] if keyword[1] else _keywords(function, bracket)
    offers = [*objects, *completers.matching(keywords, word[0])]
    # with nothing typed IPython would list all names that there are before these
    return Place(word[0], offers, is_all=not word[0]) if offers else None


def _objects(
    shell: InteractiveShell, function: Callable[..., Any], parameter: inspect.Parameter, prefix: str, namespace: Mapping[str, Any]
) -> list[Offer]:
    """Return the variables that begin with *prefix* and hold what *parameter* takes, and expressions for its names."""
    types = set(re.findall(r"\w+", str(parameter.annotation)))
    classes = tuple(cls for cls in (Backend, Volume, Snapshot, Connection) if cls.__name__ in types or "Tracked" in types)
    held = completers.matching(completers.variables(shell, classes), prefix)
    completes = _of_parameter(function, getattr(function, "__name__", ""), parameter)
    if completes is not None:
        before, behind = '"', '"'
        sources = [completes] if completes and not completes.startswith("file") else []
    else:
        alias = next((name for name, value in namespace.items() if value is sys.modules[_PACKAGE]), "")
        before, behind = f'{alias}.find("', '")'
        sources = [cls.kind for cls in classes] if alias else []
    names = [offer for source in sources for offer in completers.matching(completers.complete(source, prefix, None), prefix)]
    return [*held, *(Offer(f"{before}{_escaped(offer.text, '', before[-1])}{behind}", offer.about) for offer in names)]


def _keywords(function: Callable[..., Any], bracket: _Bracket) -> list[Offer]:
    """Return the keywords that *function* takes: parameters, filters, options of a driver."""
    listed = _listed(function, bracket)
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = [item for item in inspect.signature(function).parameters.values() if item.kind in by_name]
    signature = {
        item.name: brief(str(item.annotation).removesuffix(" | None").replace(" | ", " or "))
        for item in parameters[bracket.passed :]
    }
    if listed is not None:
        keywords = {
            "columns": "which columns",
            "sort": "by which column",
            "limit": "rows at most",
            "marker": "the last id before",
        }
        keywords |= {option.key: brief(option.help) for option in lists.filter_options(listed)}
    elif "volume_driver" in bracket.texts:
        keywords = {option.key: brief(option.help) for option in _driver_options(bracket)}
    else:
        keywords = {"volume_driver": "the driver"} if getattr(function, "__name__", "") in _OPENS else {}
    return [Offer(f"{name}=", about) for name, about in (signature | keywords).items() if name not in bracket.texts]


def _open_at_end(code: str) -> tuple[list[_Bracket], _String | None]:
    """Return the brackets that are open at the end of *code*, and the string, if one is."""
    brackets: list[_Bracket] = []
    position, is_line_start = 0, True
    while position < len(code):
        other = _OTHER_LANGUAGE.match(code, position) if is_line_start and not brackets else None
        match = _TOKEN.match(code, position)
        is_line_start = bool(other) or (match is not None and match.lastgroup == "line")
        if other is not None:
            position = other.end()
        elif match is None:
            position += 1
        elif match["quote"]:
            position = _end_of_string(code, match.end(), match["quote"])
            if position < 0:
                return brackets, _String(match["prefix"], match["quote"], code[match.end() :], match.start(), brackets)
            _note(code, match, position, brackets)
        else:
            position = match.end()
            _track(match, brackets)
    return brackets, None


def _track(match: re.Match[str], brackets: list[_Bracket]) -> None:
    """Keep *brackets* to what is open behind the token *match*."""
    if match.lastgroup == "open":
        brackets.append(_Bracket(match[0], match.start(), match.end()))
    elif match.lastgroup == "close" and brackets:
        brackets.pop()
    elif match.lastgroup == "comma" and brackets:
        brackets[-1].argument, brackets[-1].passed = match.end(), brackets[-1].passed + 1


def _end_of_string(code: str, start: int, quote: str) -> int:
    """Return the position behind the string whose text begins at *start*; -1 if *code* ends in it."""
    inner = r"(?:\\.|[^\\])*?" if len(quote) > 1 else r"(?:\\.|[^\\\n])*?"
    match = re.compile(f"{inner}({quote}|\n)" if len(quote) == 1 else f"{inner}({quote})", re.DOTALL).match(code, start)
    return match.end() if match is not None else -1


def _note(code: str, match: re.Match[str], end: int, brackets: Sequence[_Bracket]) -> None:
    """Keep the value of a whole string with the bracket that it is passed in."""
    if not brackets:
        return
    keyword = _KEYWORD.fullmatch(code, brackets[-1].argument, match.start())
    value = _value(match["prefix"], match["quote"], code[match.end() : end - len(match["quote"])])
    if keyword is not None and value is not None:
        brackets[-1].texts[keyword[1] or str(brackets[-1].passed)] = value


def _value(prefix: str, quote: str, typed: str) -> str | None:
    plain = "".join(sign for sign in prefix if sign not in "fF")
    try:
        value = ast.literal_eval(f"{plain}{quote}{typed}{quote}")
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _escaped(text: str, prefix: str, quote: str) -> str | None:
    """Return *text* as it is written in a string with that *prefix* and *quote*; None if it cannot be."""
    if "r" in prefix.lower():
        return text if text.isprintable() and not set("\\'\"{}") & set(text) else None
    signs = (
        f"\\{sign}" if sign in {"\\", quote[0]} else sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in text
    )
    written = "".join(signs)
    return written.replace("{", "{{").replace("}", "}}") if "f" in prefix.lower() else written


def _words(string: _String) -> list[Token]:
    """Return the options that were passed as text as words of a line of magic, as the sources of completions read them."""
    return [
        Token(word, word, 0)
        for bracket in string.brackets
        for name, value in bracket.texts.items()
        for word in (f"--{'driver' if name == 'volume_driver' else name}", value)
    ]


def _expected(namespace: Mapping[str, Any], code: str, string: _String) -> str | None:
    """Return what the string is to be, in the words of the magics' options; None if nothing here knows."""
    brackets, end = list(string.brackets), string.start
    while brackets:
        bracket = brackets.pop()
        keyword = _KEYWORD.fullmatch(code, bracket.argument, end)
        if keyword is None:
            return None
        name = _NAME.search(code[: bracket.start].rstrip())
        if name is not None and bracket.sign == "(":
            return _of_call(_object(namespace, name[0]), keyword[1], bracket)
        if name is not None and bracket.sign == "[":
            return _of_key(namespace, name[0])
        if name is not None or bracket.sign == "{" or keyword[1]:
            return None
        end = bracket.start  # a list or a tuple: what its items are to be is what the argument is to be
    return None


def _of_key(namespace: Mapping[str, Any], mapping: str) -> str | None:
    owner, _, name = mapping.rpartition(".")
    value = _object(namespace, owner)
    return "open" if name == "backends" and (value is Backend or isinstance(value, Session)) else None


def _of_call(function: Any, keyword: str | None, bracket: _Bracket) -> str | None:  # noqa: ANN401 - what was called
    if not callable(function) or not _is_ours(_module(function)):
        return None
    named = _parameter(function, keyword, bracket.passed)
    if named is not None:
        return _of_parameter(function, getattr(function, "__name__", ""), named)
    if keyword is None:
        return None
    kind = _listed(function, bracket)
    if kind is not None:
        return _OF_FRAMES.get(keyword, f"value:{{}}:{keyword}").format(kind)
    if keyword in _BY_NAME:
        return _BY_NAME[keyword]
    option = find_option(_driver_options(bracket), f"--{keyword}")
    return option.completes if option is not None else None


def _listed(function: Callable[..., Any], bracket: _Bracket) -> str | None:
    """Return the kind of frame whose filters *function* takes as keywords."""
    if not _module(function).startswith((f"{_PACKAGE}.frames", f"{_PACKAGE}.plots")):
        return None
    name = getattr(function, "__name__", "")
    kind = bracket.texts.get("0", bracket.texts.get("kind", "")) if name == "read" else _FILTERED.get(name, name)
    return kind if kind in SOURCES else None


def _parameter(function: Callable[..., Any], keyword: str | None, position: int) -> inspect.Parameter | None:
    """Return the parameter called *keyword*, or at *position* without one."""
    parameters = list(inspect.signature(function).parameters.values())
    if keyword:
        return next((item for item in parameters if item.name == keyword and item.kind is not item.VAR_KEYWORD), None)
    positional = [
        item for item in parameters if item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD, item.VAR_POSITIONAL}
    ]
    if positional and positional[-1].kind is inspect.Parameter.VAR_POSITIONAL:
        return positional[min(position, len(positional) - 1)]
    return positional[position] if position < len(positional) else None


def _of_parameter(function: Callable[..., Any], function_name: str, parameter: inspect.Parameter) -> str | None:
    kind = getattr(getattr(function, "__self__", None), "kind", "")
    if function_name in {"get_by_id", "get_by_name"} and kind in _KINDS:
        return f"value:{kind}s:{'id' if function_name == 'get_by_id' else 'name'}"
    known = _BY_PARAMETER.get((function_name, parameter.name)) or _BY_NAME.get(parameter.name)
    if known is not None:
        return known
    types = set(re.findall(r"\w+", str(parameter.annotation)))
    if "PathLike" in types:
        return "file"
    if "str" not in types:
        return None
    if function_name == "backend" and parameter.name == "name":
        return "backend"
    return next((completes for name, completes in _BY_TYPE.items() if name in types), "")


def _driver_options(bracket: _Bracket) -> Sequence[Option]:
    """Return the options of the driver that was passed before as text; none if none was."""
    driver = bracket.texts.get("volume_driver")
    return () if driver is None else drivers.of_driver(["--driver", driver])


def _object(namespace: Mapping[str, Any], dotted: str) -> Any:  # noqa: ANN401 - whatever the name refers to
    """Return what *dotted* names; behind its first name only what is of this package, and no property is asked."""
    first, *names = dotted.split(".")
    value = namespace.get(first)
    for name in names:
        if isinstance(value, ModuleType) and _is_ours(value.__name__):
            value = getattr(value, name, None)
            continue
        if not _is_ours(value.__module__ if isinstance(value, type) else type(value).__module__):
            return None
        cls = value if isinstance(value, type) else type(value)
        attribute = inspect.getattr_static(cls, name, None)
        if isinstance(attribute, (staticmethod, classmethod)) or isinstance(value, type):
            value = attribute.__get__(None, cls) if isinstance(attribute, (staticmethod, classmethod)) else attribute
        else:
            value = MethodType(attribute, value) if isinstance(attribute, FunctionType) else None
    return value


def _module(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__module__", ""))


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] == _PACKAGE
