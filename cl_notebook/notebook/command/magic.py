"""Build the function that IPython registers for a magic, with its help and one-line errors."""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
import tokenize
import traceback
import weakref
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import DisplayHook
from IPython.core.magic import needs_local_scope, no_var_expand

from cl_notebook import errors, masking, session
from cl_notebook.notebook.command.command import Invocation
from cl_notebook.notebook.command.help import WIDTH, command_help, verb_help
from cl_notebook.notebook.command.lexer import split, with_word_replaced, without_comment
from cl_notebook.notebook.command.parser import parse
from cl_notebook.notebook.output.messages import show
from cl_notebook.notebook.output.progress import asked_by
from cl_notebook.store import damage
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import CodeType

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command


class Body:
    """The compiled body of a cell magic."""

    def __init__(self, shell: InteractiveShell, magic: str, source: str) -> None:
        """Compile *source*, the cell's lines below *magic*.

        Raises:
            SyntaxError: *source* is not valid Python.
            InvalidInput: *source* has a top-level await; IPython runs no event loop for a magic's cell.

        """
        # one empty line in place of the magic's keeps the line numbers of the cell
        text = "\n" + shell.transform_cell(source)  # type: ignore[no-untyped-call] # IPython's
        name = shell.compile.cache(text, shell.execution_count, raw_code=source)
        tree = shell.transform_ast(shell.compile.ast_parse(text, filename=name))  # type: ignore[no-untyped-call] # as above
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._shell = shell
        self._code = _compiled(tree, name, "exec", magic)
        self._last = None if last is None else _compiled(ast.Expression(last.value), name, "eval", magic)

    def run(self) -> Any:  # noqa: ANN401 - whatever the user's last line gives
        """Run the body in the user's namespace and return the value of its last expression, if any."""
        __tracebackhide__ = True  # a notebook shows the cell's own lines
        exec(self._code, self._shell.user_ns)  # noqa: S102 - the cell is the user's
        return None if self._last is None else eval(self._last, self._shell.user_ns)  # noqa: S307 - as above


def _compiled(tree: ast.Module | ast.Expression, name: str, mode: str, magic: str) -> CodeType:
    code: CodeType = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        msg = f"{magic} cannot await outside of functions; `with cl.scratch():` in the cell can."
        raise errors.InvalidInput(msg)
    return code


_RED, _BACK = "\x1b[31m", "\x1b[39m"
_DRIVER_HEADING = "\nIn the driver's own process:\n"


def function(shell: InteractiveShell, command: Command) -> Callable[..., Any]:
    """Return the function to register as the magic *command* in *shell*."""

    def run_line(line: str, local_ns: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - what the verb returns
        try:
            with asked_by(shell), _damage_named():
                return _run(shell, command, line, {**shell.user_ns, **(local_ns or {})})
        except (errors.Error, errors.Interrupted) as error:
            if isinstance(error, errors.PartialFailure) and error.report is not None:
                show(shell, error.report, repr(error.report))
            if isinstance(error, errors.Ambiguous) and hasattr(shell, "kernel"):
                _offer_candidates(shell, command, line, error)
            _show_in_one_line(error, shell)
            raise
        except KeyboardInterrupt as error:  # between acts: nothing is left half done
            message = one_line(error) or "Interrupted."  # an act on several resources says how far it came
            vars(error)["_render_traceback_"] = lambda: [f"KeyboardInterrupt: {message}"]
            raise

    def on_line(line: str, local_ns: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - as above
        result = run_line(line, local_ns)
        return None if without_comment(line).endswith(";") else result

    def on_cell(line: str, cell: str, local_ns: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - what the cell gives
        __tracebackhide__ = True
        within = run_line(line, local_ns)
        if within is None:
            return None
        value = _run_within(within, shell, command, cell)
        return None if _ends_with_semicolon(cell) else value

    magic: Callable[..., Any] = on_cell if command.is_cell else on_line
    # no_var_expand: the line is split before it is expanded, see cl_notebook.notebook.command.lexer
    magic = needs_local_scope(no_var_expand(magic))
    magic.__name__ = magic.__qualname__ = command.name
    magic.__doc__ = command_help(command, live=False).text(WIDTH)
    vars(magic)["getdoc"] = lambda: command_help(command).text()  # what IPython's ? asks first, as wide as the terminal
    return magic


def _ends_with_semicolon(cell: str) -> bool:
    """Return whether the last token of *cell* is a semicolon, which hides its value.

    IPython's ``output_can_be_silenced`` asks this of a line, too. A line is no Python: since Python 3.12 the tokenizer refuses
    words such as ``58904884-5451-492e-``, the beginning of an id.
    """
    try:
        return bool(DisplayHook.semicolon_at_end_of_expression(cell))  # type: ignore[no-untyped-call] # IPython's
    except tokenize.TokenError:
        return False


def _damage_named() -> AbstractContextManager[None]:
    """Return a context in which errors from damaged rows of the default session's store name the row."""
    opened = session.opened_session()
    return damage.named(opened.store) if opened is not None else contextlib.nullcontext()


def _run(shell: InteractiveShell, command: Command, line: str, namespace: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
    parsed = parse(command, without_comment(line).removesuffix(";"), namespace)
    if parsed.help or parsed.verb is None:
        command = parsed.command or command
        page = verb_help(command, parsed.verb) if parsed.verb is not None else command_help(command)
        show(shell, page, repr(page))
        return None
    return parsed.verb.run(Invocation(shell, namespace, parsed.values))


def _offer_candidates(shell: InteractiveShell, command: Command, line: str, error: errors.Ambiguous) -> None:
    """Show a button for each resource that the ambiguous word of *line* may mean: it runs the line with the id."""
    from IPython.display import display  # noqa: PLC0415 - only a notebook pays for widgets

    from cl_notebook.notebook.output import buttons  # noqa: PLC0415 - as above

    first = next((token.text for token in split(line)), "")
    verb = command.verb(first) if command.has_verbs else command.verbs[0]
    asks = verb is not None and any(option.name == "yes" for option in verb.options)
    lines = [with_word_replaced(line.strip(), error.word, resource_id) for resource_id in error.ids]
    acts = [
        buttons.Act(candidate, f"%{command.name} {text}", asks=asks)
        for candidate, text in zip(error.candidates, lines, strict=False)
        if text is not None
    ]
    if acts and not command.is_cell:
        display(buttons.LineButtons(shell, acts))  # type: ignore[no-untyped-call] # IPython's


def _run_within(within: AbstractContextManager[object], shell: InteractiveShell, command: Command, cell: str) -> Any:  # noqa: ANN401 - as above
    """Run *cell* in the context *within*; show the cell's own errors in full and the magic's as one line."""
    __tracebackhide__ = True
    is_ours = True
    try:
        body = Body(shell, command.spelled, cell)
        with within:
            is_ours = False
            value = body.run()
            is_ours = True
    except errors.Error as error:
        if is_ours:
            _show_in_one_line(error, shell)
        raise
    return value


def one_line(error: BaseException) -> str:
    """Return the message of *error* as one line without control characters."""
    return sanitize(" ".join(str(error).split()))


def _show_in_one_line(error: errors.Error | errors.Interrupted, shell: InteractiveShell) -> None:
    """Make IPython show *error* as one line; its type is unchanged for ``except`` and test runners."""
    error.args = (one_line(error),)
    reference = weakref.ref(error)

    def render() -> list[str]:
        shown_error = reference()
        if shown_error is None:
            return []
        # IPython asks while it handles the error: the cell. %tb asks later, when nothing is being handled: the rest.
        return _lines(shown_error, shell) if sys.exc_info()[1] is shown_error else _full_traceback(shown_error, shell)

    vars(error)["_render_traceback_"] = render


def _lines(error: BaseException, shell: InteractiveShell) -> list[str]:
    name, lines = type(error).__name__, [sanitize(line) for line in errors.displayed_lines(error, magic=True)]
    coloured = str(shell.colors).lower() != "nocolor"
    return [f"{_RED}{name}{_BACK}{lines[0].removeprefix(name)}", *lines[1:]] if coloured else lines


def _full_traceback(error: BaseException, shell: InteractiveShell) -> list[str]:
    chain = traceback.TracebackException.from_exception(error)
    driver_traceback = _take_driver_traceback(error, chain)
    texts = [*chain.format(), *([_DRIVER_HEADING, driver_traceback] if driver_traceback else [])]
    lines = [masking.text(text) for text in texts]  # the line of the cell may hold a secret, too
    if driver_traceback or lines != texts or any(sanitize(line) != line for text in lines for line in text.splitlines()):
        return ["\n".join(sanitize(line) for line in text.splitlines()) for text in lines]  # a driver's words hold escapes
    return list(shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__))


def _take_driver_traceback(error: BaseException, chain: traceback.TracebackException) -> str:
    """Remove the driver process's traceback from *chain* and return it, to be shown last."""
    from cl_notebook.drivers.cinder.errors import RemoteError  # noqa: PLC0415 - only needed for a traceback

    while error.__cause__ is not None and chain.__cause__ is not None:
        if isinstance(error.__cause__, RemoteError):
            chain.__cause__ = None
            return str(error.__cause__).strip("\n")
        error, chain = error.__cause__, chain.__cause__
    return ""
