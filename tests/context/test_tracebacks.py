"""Of a traceback the user's frames are sent, and what each error said."""

from __future__ import annotations

import pytest
from shells import Kernel

from nemotron_magic.context.tracebacks import clip_traceback

HEAD = "Traceback (most recent call last)\nCell In[1], line 1\n----> 1 a()\n"
LIBRARY = "/lib/python3.12/site-packages"
FIRST = f"File {LIBRARY}/a.py:3, in a()\n      2 x\n----> 3 b()\n\n"
LAST = f"File {LIBRARY}/b.py:4, in b()\n----> 4 raise E\n\nValueError: no"
OWN = "Cell In[1], line 1\n----> 1 a()"


def test_frames_within_libraries_stay_out() -> None:
    assert clip_traceback(HEAD + FIRST + LAST) == f"{OWN}\nValueError: no"


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
        ("pandas/_libs/index.pyx", False),
        ("index_class_helper.pxi", False),
        ("sklearn/utils/_cython_blas.pyx", False),
    ],
)
def test_a_module_of_the_users_own_is_theirs(path: str, is_kept: bool) -> None:
    frame = f"File {path}:3, in load(path)\n      2 a = 1\n----> 3 b()\n"

    assert (frame in clip_traceback(HEAD + frame + LAST)) is is_kept


CHAIN = "\n\nThe above exception was the direct cause of the following exception:\n\n"


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (f"{FIRST}KeyError: 'x'", "KeyError: 'x'\nled to\n"),
        (f"{FIRST}ValueError: no", ""),  # pandas says the same twice
        (f"{HEAD}\nKeyError: 'x'", f"{OWN}\nKeyError: 'x'\nled to\n"),
    ],
    ids=["another", "the same", "of the user's"],
)
def test_a_cause_is_told_where_it_is_news(cause: str, told: str) -> None:
    whole = cause + CHAIN + HEAD + FIRST + LAST

    assert clip_traceback(whole) == f"{told}{OWN}\nValueError: no"
    assert clip_traceback(whole, is_newest=False) == f"{OWN}\nValueError: no"


def test_without_a_frame_of_the_users_the_innermost_is_told() -> None:
    assert clip_traceback(FIRST + LAST) == (
        f"File {LIBRARY}/b.py:4, in b()\nValueError: no"
    )


def test_an_error_without_frames_borrows_none_of_its_cause() -> None:
    whole = f"{HEAD}\nKeyError: 'x'{CHAIN}ValueError: no"

    assert clip_traceback(whole) == f"{OWN}\nKeyError: 'x'\nled to\nValueError: no"
    assert clip_traceback(whole, is_newest=False) == "ValueError: no"


@pytest.mark.parametrize(
    ("times", "told"), [(2, "1 more frame like"), (4, "3 more frames like")]
)
def test_frames_that_come_again_are_counted(times: int, told: str) -> None:
    frame = "File ~/own.py:3, in a()\n----> 3 a()\n\n"

    clipped = clip_traceback(HEAD + frame * times + LAST)
    assert clipped.count("in a()") == 1
    assert f"[… {told} these …]" in clipped


@pytest.mark.parametrize(
    ("many", "told"),
    [(60, None), (61, "[… 1 line cut …]"), (5_063, "[… 5,003 lines cut …]")],
)
def test_a_long_message_keeps_its_head_and_its_tail(
    many: int, told: str | None
) -> None:
    lines = [f"line {n}" for n in range(many)]

    kept = [*lines[:30], *([told] if told else []), *lines[-30:]]
    assert clip_traceback("\n".join(lines)).splitlines() == kept


def test_a_long_line_of_a_traceback_is_cut() -> None:
    assert clip_traceback("x" * 501 + "\ny") == "x" * 500 + "\ny"


# ---- as real kernels write them

PREPARED = """
import sys
import pandas as pd
sys.setrecursionlimit(400)  # of 1,000 frames IPython writes for seconds
df = pd.DataFrame({"region": ["n", "s"], "total": [1, 2]})
def again(n):
    return again(n + 1)
def ping(n):
    return pong(n)
def pong(n):
    return ping(n)
def gather():
    errors = []
    for value in ("x", "2", "y"):
        try:
            int(value)
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup("two of three", errors)
async def one(value):
    int(value)
async def together():
    import asyncio
    async with asyncio.TaskGroup() as group:
        group.create_task(one("x"))
"""


@pytest.fixture(scope="module")
def prepared(kernel: Kernel) -> Kernel:
    assert kernel.run(PREPARED).status == "ok"
    return kernel


def context_of(kernel: Kernel, *cells: str) -> str:
    """Return what is sent of cells as context."""
    for number, cell in enumerate(cells):
        kernel.run(cell, f"cell-{number}")
    shown = kernel.run(f"%nemotron --preview -c {len(cells)} why?", "asking")
    return str(shown.outputs[0]["data"]["text/plain"])


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("cell", "frames", "message"),
    [
        ("df['regoin']", 1, "KeyError: 'regoin'"),
        ("df.groupby('a').sum()", 1, "KeyError: 'a'"),
        ("df.groupby('region').apply(lambda d: d['no'])", 2, "KeyError: 'no'"),
        ("df.merge(df, on='key')", 1, "KeyError: 'key'"),
        ("pd.to_datetime(['x'], format='%Y')", 1, "ValueError: time data"),
        ("df.loc[5, 'total']", 1, "KeyError: 5"),
        ("import json; json.loads('{')", 1, "JSONDecodeError: Expecting"),
        ("again(0)", 2, "RecursionError: "),
        ("ping(0)", 3, "RecursionError: "),
        ("x = = 1", 1, "SyntaxError: invalid syntax"),
    ],
)
def test_an_ordinary_error_is_told_by_the_users_frames(
    prepared: Kernel, cell: str, frames: int, message: str
) -> None:
    told = context_of(prepared, cell).partition(" error>\n")[2].partition("</")[0]

    assert told.count("Cell In[") == frames
    assert told.count(message) == 1
    assert ("more frames like these …]" in told) == ("Recursion" in message)
    assert all(told.count(line) <= 1 for line in ("return again", "return ping"))
    assert "site-packages" not in told
    assert ".pyx" not in told
    assert len(told) < 600


@pytest.mark.kernel
def test_of_older_errors_the_last_frame_and_the_message_are_told(
    prepared: Kernel,
) -> None:
    older = "def read():\n    return df['nope']\nread()"
    told = context_of(prepared, older, older.replace("nope", "never"))

    assert told.count("in read()") == 2
    assert told.count("KeyError: 'nope'") == 1
    assert told.count("----> 3 read()") == 1


@pytest.mark.kernel
@pytest.mark.parametrize("cell", ["gather()", "await together()"])
def test_a_group_of_errors_is_told_once_and_whole(prepared: Kernel, cell: str) -> None:
    told = context_of(prepared, cell)

    assert told.count("ExceptionGroup: ") == 1
    assert told.count("with base 10: 'x'") == 1
    assert "interactiveshell" not in told
    assert "taskgroups.py" not in told
