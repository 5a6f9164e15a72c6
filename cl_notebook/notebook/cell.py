"""The body of a cell magic: compiled before anything begins, and run as the cell itself would be."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

from cl_notebook import errors

if TYPE_CHECKING:
    from types import CodeType

    from IPython.core.interactiveshell import InteractiveShell


class Body:
    """What stands below the magic in its cell."""

    def __init__(self, shell: InteractiveShell, magic: str, source: str) -> None:
        """Compile *source*, which stands below *magic*.

        Raises:
            SyntaxError: it is no Python.
            InvalidInput: it awaits something outside of functions: the cell's own loop is not there for a magic.

        """
        # an empty line for that of the magic: lines are counted as the cell shows them
        text = "\n" + shell.transform_cell(source)  # type: ignore[no-untyped-call] # IPython's
        name = shell.compile.cache(text, shell.execution_count, raw_code=source)
        tree = shell.transform_ast(shell.compile.ast_parse(text, filename=name))  # type: ignore[no-untyped-call] # as above
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._shell = shell
        self._code = _compiled(tree, name, "exec", magic)
        self._last = None if last is None else _compiled(ast.Expression(last.value), name, "eval", magic)

    def run(self) -> Any:  # noqa: ANN401 - whatever the user's last line gives
        """Run it among the user's variables, and return the value of the last line if that is an expression."""
        __tracebackhide__ = True  # a notebook shows the cell's own lines
        exec(self._code, self._shell.user_ns)  # noqa: S102 - the cell is the user's
        return None if self._last is None else eval(self._last, self._shell.user_ns)  # noqa: S307 - as above


def _compiled(tree: ast.Module | ast.Expression, name: str, mode: str, magic: str) -> CodeType:
    code: CodeType = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        msg = f"{magic} cannot await outside of functions; `with cl.scratch():` in the cell can."
        raise errors.InvalidInput(msg)
    return code
