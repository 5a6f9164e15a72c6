"""How a line is split, expanded and understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.notebook.command.lexer import Token, split, without_comment

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a  b", ["a", "b"]),
        ("'my vol' \"it's\"", ["my vol", "it's"]),
        (r"my\ vol \"x", ["my vol", '"x']),
        (r'"a \"b\" \n"', [r'a "b" \n']),
        ("--size='>10'", ["--size=>10"]),
        ("{names['a b']} x{1 + 1}y", ["{names['a b']}", "x{1 + 1}y"]),
        ("'' a", ["", "a"]),
        ("{ open", ["{", "open"]),
        (r"$'it\'s {x} $y' b", ["it's {x} $y", "b"]),
        (r"a$'\n\x1b\u202e\U0001f4a9\\\q'{c}", ["a\n\x1b\u202e\U0001f4a9\\\\q{c}"]),
        ("$ 'a' \"$'b'\"", ["$", "a", "$'b'"]),
        ("", []),
    ],
)
def test_words_are_split_as_in_a_shell(line: str, words: list[str]) -> None:
    """Quotes and backslashes work as in a shell, and what stands in braces is one word."""
    assert [word.text for word in split(line)] == words


def _expanded(text: str, namespace: dict[str, Any]) -> str:
    return Token(text, text, 0).expand(namespace).text


def test_expansion_is_ipythons() -> None:
    """Braces hold any Python, a dollar a name; what cannot be evaluated stays as it is."""
    names = {"n": 3, "d": {"a b": "x y"}}
    assert _expanded("{n + 1}-$n-{d['a b']}", names) == "4-3-x y"
    assert _expanded("{missing} $gone", names) == "{missing} $gone"
    assert _expanded('{"host": "web"}', names) == '{"host": "web"}'


def test_a_dollar_before_quotes_takes_them_literally(lab: Notebook) -> None:
    """What stands in $'…' is not expanded, the rest of its word is; one that is not closed is reported."""
    lab.shell.user_ns["n"] = "one"
    made = lab.run(r"%cl_volume create --size 1 --name $n-$'{n} $n \u202e'-{n}")
    assert made.name == "one-{n} $n \u202e-one"
    assert "The quote $' is not closed" in lab.refused("%cl_volume show $'db")
    lab.run("%cl_volume create --size 1 --name db-1")
    assert lab.tab("%cl_volume show $'db") == ["$'db-1'"]


def test_a_variable_is_one_word_and_never_an_option(lab: Notebook) -> None:
    """What a variable holds is one value, with its spaces and quotes, even if it looks like options."""
    for name in ("my 'vol", "--cascade", 'a" b'):
        lab.shell.user_ns["chosen"] = name
        assert lab.run("%cl_volume create --size 1 --name {chosen}").name == name
        assert lab.run("%cl_volume show $chosen")["name"] == name


def test_a_variable_holding_a_resource_expands_to_it(lab: Notebook) -> None:
    """{vol} and $vol mean the volume itself, as the name of the variable does, also inside a function."""
    lab.run("vol = %cl_volume create --size 1 --name db")
    for way in ("vol", "$vol", "{vol}", "{vol.id}", "{[vol][0]}"):
        assert lab.run(f"%cl_volume show {way}").resource is lab.shell.user_ns["vol"]
    assert lab.run("def f(inner):\n    return get_ipython().run_line_magic('cl_volume', 'show inner')\nf(vol)")["name"] == "db"


def test_an_expression_is_evaluated_once_and_never_by_tab(lab: Notebook) -> None:
    """A {expression} with an effect takes effect once when the line runs, and not at all when Tab is pressed."""
    lab.run("count = iter(range(1, 10))")
    lab.tab("%cl_volume create --size {next(count)} --na")
    lab.run("%cl_volume create --size {next(count)} --name one")
    assert lab.run("next(count)") == 2


def test_a_value_may_begin_with_a_dash(lab: Notebook) -> None:
    """A value that begins with a dash is taken; only a word that is an option says that the value was forgotten."""
    assert lab.run("%cl_volume create --size 1 --name -x- --description=--size").description == "--size"
    assert lab.refused("%cl_volume create --name --size 1").endswith("--name needs a value: --name NAME.")
    assert lab.run("%cl_volume show -- -x-")["name"] == "-x-"


def test_an_id_that_is_no_python_is_a_word(lab: Notebook) -> None:
    """A word that Python's tokenizer refuses (a number with letters behind it) is taken as it stands, and its result is shown."""
    volume_id = "58904884-5451-492e-9d1c-0b7a3e5f6c2d"
    assert lab.run(f"%cl_volume create --size 1 --name db --id {volume_id}").id == volume_id
    assert lab.run(f"%cl_volume show {volume_id}")["name"] == "db"
    assert lab.run(f"%cl_volume show {volume_id};") is None


def test_a_semicolon_silences(lab: Notebook) -> None:
    """A semicolon at the end is no part of the last word, and hides the result."""
    assert lab.run("%cl_volume create --size 1 --name db;") is None
    assert lab.run("%cl_volume show db")["name"] == "db"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%cl_volume", "%cl_volume needs a verb: create, show"),
        ("%cl_volume creat", "has no verb 'creat'. Did you mean 'create'?"),
        ("%cl_volume create --sise 1", "%cl_volume create has no option --sise. Did you mean '--size'?"),
        ("%cl_volume create", "needs --size GIB: size in GiB."),
        ("%cl_volume create --size", "--size needs a value: --size GIB."),
        ("%cl_volume create --size big", "--size takes a whole number of GiB above 0 (10, 10G, 1.5T), not 'big'."),
        ("%cl_volume create --size 1 --bootable=yes", "--bootable takes no value."),
        ("%cl_volume create --size 1 --metadata tier", "--metadata takes KEY=VALUE, not 'tier'."),
        ("%cl_volume create --si 1", "has no option --si. Did you mean '--size'?"),
        ("%cl_volume show", "%cl_volume show needs a VOLUME"),
        ("%cl_volume revert a b c", "'c' is one word too many."),
        ("%cl_setup --read-only False", "--read-only takes true or false, not 'False'. Did you mean 'false'?"),
        ("%cl_setup --non-uuid-ids yes", "--non-uuid-ids takes true or false, not 'yes'."),
        ("%cl_volume show 'db", "The quote ' is not closed"),
        ("%cl_volume extend db", "needs the new size"),
        ("%cl_volumes db", "Filters are options"),
        ("%cl_volumes --staus x", "Did you mean '--status'?"),
        ("%cl_volumes -f jsn", "not 'jsn'. Did you mean 'json'?"),
        ("%cl_volumes -c nam", "no column 'nam'. Did you mean 'name'?"),
        ("%cl_volumes --sort sise", "Did you mean 'size'?"),
        ("%cl_volumes --size big", "size takes a comparison"),
        ("%cl_volumes --limit -1", "--limit takes a whole number of rows (0 for all), not '-1'."),
        ("%cl_find x -v 1a", "-v takes the name of a variable, not '1a'."),
        ("%cl_backend add x", "needs --driver DRIVER: local, sim, "),
        ("%cl_backend add x --driver locl --path y", "Did you mean 'local'?"),
        ("%cl_backend add x --driver local --pth y", "Did you mean '--path'?"),
        ("%cl_backend add x --driver sim --path y --latency fast", "'latency' of driver 'sim' must be a number"),
    ],
)
def test_a_wrong_word_is_answered_with_one_line(lab: Notebook, line: str, message: str) -> None:
    """A wrong line is an error of one line that says what is wrong and what was probably meant."""
    assert message in lab.refused(line)
    assert isinstance(lab.seen(line).error, cl.errors.InvalidInput | cl.errors.NotFound)


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("db  # the first", "db", ["db"]),
        ("db #the first", "db", ["db"]),
        ("# nothing else", "", []),
        ("a#1 b", "a#1 b", ["a#1", "b"]),
        ("'#7' x", "'#7' x", ["#7", "x"]),
        (r"\#7", r"\#7", ["#7"]),
        ("--name=#7", "--name=#7", ["--name=#7"]),
        ("{d['#']} # c", "{d['#']}", ["{d['#']}"]),
        ("$'#7' # 'c", "$'#7'", ["#7"]),
    ],
)
def test_a_comment_ends_the_line(line: str, code: str, expected: list[str]) -> None:
    """A word that begins with an unquoted # begins a comment, which is no part of the line."""
    assert [word.text for word in split(line)] == expected
    assert without_comment(line) == code


def test_a_magic_may_be_followed_by_a_comment(lab: Notebook) -> None:
    """A comment behind a magic, with or without a semicolon before it, changes nothing but that."""
    assert lab.run("vol = %cl_volume create --size 1 --name db  # 'the first\nvol").name == "db"
    assert len(lab.run("%cl_volumes --name db # all of them")) == 1
    assert lab.run("%cl_volumes ; # silent") is None
    assert lab.tab("%cl_volumes # --na") == []


def test_a_name_that_looks_like_a_comment_is_offered_in_quotes(lab: Notebook) -> None:
    """Tab offers a name that begins with # so that it stays a name."""
    lab.run("import cl_notebook as cl; cl.Backend('sim').create_volume(1, '#7')")
    assert "'#7'" in lab.tab("%cl_volume show ")
    assert lab.run("%cl_volume show '#7'")["name"] == "#7"
