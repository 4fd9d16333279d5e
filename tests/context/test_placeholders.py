"""Values that a prompt names: found, refused, described once."""

from __future__ import annotations

import pytest

from nemotron_magic.context.variables import evaluate, interpolate
from nemotron_magic.core.errors import InputError


def said(expression: str) -> str:
    return f"<{expression}>"


def valued(expression: str) -> str:
    return repr(evaluate(expression, {"x": [1]}))


def missing(expression: str) -> str:
    raise KeyError(expression)


PATHS = ("x", "df.a", 'df["a"]', "d['k'][0]", "df.a.iloc[0]", "x[-1]", "x[1:3, 'b']")
PATHS += ("d[key]", "x[:]", "x[::2]", "x[None]", "df[['a', 'b']]", "obj.attr.x")


@pytest.mark.parametrize("path", PATHS)
def test_a_name_or_path_becomes_a_reference(path: str) -> None:
    found = interpolate(f"why is $`{path}` so?", said)

    assert found == (f"why is `{path}` so?", {path: f"<{path}>"})


REFUSED = ("f(x)", "x + 1", "lambda: 1", "f'{x}'", "x if y else z", "[x]", "x[f()]")
REFUSED += ("(y := 1)", "not x", "x[y.z]", "1", "'a'", "await x")
REFUSED += ("x[~1]", "df.a()", "x[lambda: 1]")
NO_VALUES = ("x.", "", " ", "a +", "x; y", "import os", "*x", "\0", "(" * 3000)


@pytest.mark.parametrize("code", REFUSED, ids=lambda code: code[:20])
def test_what_would_have_to_be_run_is_refused_with_the_way_out(code: str) -> None:
    with pytest.raises(InputError, match="Assign it first: x = ") as error:
        interpolate(f"look at $`{code}`", valued)

    assert f"$`{code}`" in str(error.value)


@pytest.mark.parametrize("code", NO_VALUES, ids=lambda code: code[:20])
def test_what_stands_for_no_value_is_refused_with_examples(code: str) -> None:
    with pytest.raises(InputError, match="Such as: ") as error:
        interpolate(f"look at $`{code}`", valued)

    shown = code.replace("\0", "").strip()  # as any error shows what was typed
    assert f"$`{shown}`" in str(error.value)


def test_a_value_named_twice_is_described_once() -> None:
    text, found = interpolate("$`a` and $`b` and $` a `", said)

    assert text == "`a` and `b` and `a`"
    assert list(found) == ["a", "b"]


def test_a_backslash_sends_it_as_typed() -> None:
    assert interpolate(r"keep \$`f(x)` so", missing) == ("keep $`f(x)` so", {})


PLAIN = ("$5 and `code`", "`a`$", "$ `a`", "$`a\nb`", "{x} $x ${x}", "", "$``$"[:2])


@pytest.mark.parametrize("prompt", PLAIN)
def test_every_other_dollar_stays(prompt: str) -> None:
    assert interpolate(prompt, missing) == (prompt, {})


@pytest.mark.parametrize(
    ("typed", "hint"), [("f(x)", "x = f(x)"), (" a + b ", "x = a + b")]
)
def test_what_is_no_path_is_to_be_assigned_first(typed: str, hint: str) -> None:
    with pytest.raises(InputError) as error:
        interpolate(f"why $`{typed}`?", valued)

    assert error.value.hint == f"Assign it first: {hint}; then write $`x`"


def test_the_words_of_the_look_up_are_kept() -> None:
    def refuse(expression: str) -> str:
        raise InputError("not this one")

    with pytest.raises(InputError, match=r"\Anot this one\Z"):
        interpolate("why $`x`?", refuse)
