"""The rehearsal plays a model that puts cells right, by rule."""

from __future__ import annotations

import pytest

from nemotron_magic.rehearsal.notebook_replies import (
    Attachment,
    correction,
    reply_to,
    split_attachments,
)

SALES = Attachment("value", "sales", {"value": "DataFrame of region, total"})


def answer(source: str, error: str, question: str = "Fix cell 3.\n\nBriefly.") -> str:
    cell = Attachment("cell", "cell 3", {"source": source, "error": error})
    return reply_to(question, (cell, SALES))


@pytest.mark.parametrize(
    ("source", "error", "code"),
    [
        ("sum(totls)\ntotals = 1", "NameError: name 'totls' is not defined", None),
        ("a.shpe", "AttributeError: no 'shpe'. Did you mean: 'shape'?", "a.shape"),
        ("sales['regoin']", "KeyError: 'regoin'", "sales['region']"),
        ("sales[['totl']]", "KeyError: \"None of [Index(['totl'])\"", None),
        ("print(1", "SyntaxError: '(' was never closed", "print(1)"),
        ("if x\n    y", "SyntaxError: expected ':'", "if x:\n    y"),
        ("a = (\n    1\nb = 2", "SyntaxError: never closed", "a = (\n    1)\nb = 2"),
        ("sales['regoin']", "KeyError: 'Column not found: regoin'", "sales['region']"),
    ],
)
def test_what_the_error_tells_of_is_put_right(
    source: str, error: str, code: str | None
) -> None:
    code = code or source.replace("totls", "totals").replace("totl'", "total'")

    assert answer(source, error).endswith(f"```python\n{code}\n```")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", "ZeroDivisionError: b"),
        ("some prose here", "SyntaxError: invalid syntax"),
        ("[]['x']", "TypeError: list"),
        ("open('none.csv')", "FileNotFoundError: none.csv"),
        ("x = 1", ""),
    ],
)
def test_what_is_no_misspelt_name_is_left_to_a_model(source: str, error: str) -> None:
    text = answer(source, error)

    assert "a model would correct the cell here" in text
    assert error in text
    assert "```" not in text


def test_the_other_requests_are_played_or_left_to_a_model() -> None:
    tests = reply_to("Write tests for the function `double`.\n\nWrite plain …", ())
    function = "def double(x):\n    return 2 * x"

    assert "cell 3 has 1 line" in answer("1 / 0", "E: b", "Explain cell 3.").lower()
    assert "a model would do" in answer(function, "", "Document cell 3. briefly")
    assert "Write tests for the function `double`: a model would" in tests
    assert reply_to("Fix the legend of cell 3, please", ()) == ""


def test_a_value_that_came_along_is_read_to_its_end() -> None:
    value = "<Mark value x>\nlist\n"
    message = f"Data up to </Mark>.\n{value}{value}</Mark>\n\nwhy?"

    one = Attachment("value", "x", {"value": "list"})
    assert split_attachments(message) == ((one, one), "why?")


def test_code_that_is_complained_of_comes_back_without_the_fault() -> None:
    reply = "So:\n\n```python\nprint(totl, foo)\n```"
    complaint = "- totl is not defined (total?)\n- foo is not defined"

    assert "```python\nfoo = None\nprint(total, foo)\n```" in correction(
        reply, complaint
    )
