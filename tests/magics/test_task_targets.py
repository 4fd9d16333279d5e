"""What tells of a cell that failed is whole where it matters, and short."""

from __future__ import annotations

import pytest

from nemotron_magic.display.insert import diff_html
from nemotron_magic.magics.tasks import (
    clipped_traceback,
    is_similar,
    names_in,
    syntax_error,
)

HEAD = "Traceback (most recent call last)\nCell In[1], line 1\n  a()\n"
LIBRARY = "/lib/python3.12/site-packages"
FIRST = f"File {LIBRARY}/a.py:3, in a()\n  b()\n"
LAST = f"File {LIBRARY}/b.py:4, in b()\n  raise E\n\nValueError: no"


def test_a_traceback_keeps_the_users_frames_and_the_last_of_others() -> None:
    assert clipped_traceback(HEAD + FIRST + LAST) == HEAD + LAST


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("~/project/helpers.py", True),
        ("/home/ana/lib/load.py", True),
        ("C:\\work\\helpers.py", True),
        ("<string>", True),
        ("~/.venv/lib/python3.12/site-packages/pandas/core/frame.py", False),
        ("/usr/lib/python3/dist-packages/numpy/core.py", False),
        ("/usr/lib/python3.12/json/decoder.py", False),
        ("C:\\Python312\\Lib\\json\\decoder.py", False),
        ("<frozen importlib._bootstrap>", False),
    ],
)
def test_a_module_of_the_users_own_is_theirs(path: str, is_kept: bool) -> None:
    frame = f"File {path}:3, in load(path)\n  b()\n"

    assert (frame in clipped_traceback(HEAD + frame + LAST)) is is_kept


def test_of_a_chain_of_errors_each_keeps_its_last_frame() -> None:
    whole = f"{HEAD}{FIRST}{LAST}\n\nThe above:\n\n{FIRST}{LAST}"

    assert clipped_traceback(whole) == f"{HEAD}{LAST}\n\nThe above:\n\n{LAST}"


@pytest.mark.parametrize(
    ("many", "told"),
    [(80, None), (81, "[… 1 lines cut …]"), (5_083, "[… 5,003 lines cut …]")],
)
def test_a_long_traceback_keeps_its_head_and_its_tail(
    many: int, told: str | None
) -> None:
    lines = [f"line {n}" for n in range(many)]

    kept = [*lines[:40], *([told] if told else []), *lines[-40:]]
    assert clipped_traceback("\n".join(lines)).splitlines() == kept


def test_a_long_line_of_a_traceback_is_cut() -> None:
    assert clipped_traceback("x" * 501 + "\ny") == "x" * 500 + "\ny"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("b = a + f(a)\nd.e, g[h]", ["a", "f", "d", "g", "h"]),
        ("def f(x): return x", ["x"]),
        ("%%time\nx = y", ["get_ipython"]),
        ("a b c = a", ["a", "b", "c"]),
        ("", []),
        ("\n".join(f"n{n}" for n in range(20)), [f"n{n}" for n in range(12)]),
        (" ".join(f"n{n}" for n in range(20)), [f"n{n}" for n in range(12)]),
    ],
    ids=[
        *("read", "of a function", "magic", "broken", "empty", "many"),
        "many, broken",
    ],
)
def test_the_names_of_a_cell_are_those_that_it_reads(
    source: str, names: list[str]
) -> None:
    def transform(text: str) -> str:
        return "get_ipython().magic('')" if text[:2] == "%%" else text

    assert names_in(source, transform) == names


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\ny = = 2\n", "line 2: y = = 2\nSyntaxError: invalid syntax"),
        ("x = '\0'", "SyntaxError: "),
        ("x = 1\nawait x", ""),
        ("x = 1\nreturn x", "line 2: "),
    ],
)
def test_why_a_cell_cannot_run_is_told_with_its_line(source: str, told: str) -> None:
    found = syntax_error(source, str)

    assert found.startswith(told)
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("total = df.sum()", "total = df.amount.sum()", True),
        ("import json", "total = df.sum()", False),
        ("abcdef", "fedcba", False),  # the same letters
        ("x" * 5_000 + "a" * 9_999, "x" * 5_000 + "b", True),
    ],
)
def test_a_cell_is_like_what_it_was_before_a_change(
    one: str, other: str, is_so: bool
) -> None:
    assert is_similar(one, other) == is_so


def test_a_difference_is_a_block_with_two_lines_around() -> None:
    before = "\na\nb\nc\nx = 1\n"

    assert diff_html(before, "a\nb\nc\nx = 2") == (
        "```diff\n--- the cell\n+++ the new cell\n@@ -2,3 +2,3 @@\n"
        " b\n c\n-x = 1\n+x = 2\n```"
    )
    assert diff_html(before, before.strip()) == ""
    assert diff_html(before.strip(), before) == ""
