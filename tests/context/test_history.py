"""What ran is read back: in a shell here, and in kernels of both kinds of IPython."""

from __future__ import annotations

import base64
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from shells import Shell

from nemotron_magic.context.cells import Cell, is_ours
from nemotron_magic.context.history import History, Recorder, display_text


@pytest.fixture
def recorder(plain_shell: Shell) -> Iterator[Recorder | None]:
    if hasattr(plain_shell.ip.history_manager, "exceptions"):
        yield None
        return
    recorder = Recorder(plain_shell.ip)
    yield recorder
    recorder.close()


@pytest.fixture
def history(plain_shell: Shell, recorder: Recorder | None) -> History:
    return History(plain_shell.ip, recorder)


def cells(history: History) -> list[Cell]:
    return [
        history.load(cell, lambda value, plain: repr(value))
        for cell in history.newest_first()
    ]


def run(shell: Shell, *sources: str) -> None:
    for source in (*sources, "pass"):
        shell.run(source)


def test_what_a_cell_printed_gave_and_raised_is_read_newest_first(
    plain_shell: Shell, history: History
) -> None:
    run(
        plain_shell,
        "print('one'); import sys; print('two', file=sys.stderr); 3",
        "x = 1\nx / 0",
        "y =",
    )

    third, second, first = cells(history)
    assert first.printed == "one\ntwo\n"
    assert first.result == "3"
    assert (first.number, first.error) == (1, "")
    assert "ZeroDivisionError: division by zero" in second.error
    assert "SyntaxError" in third.error
    assert "\x1b" not in second.error + third.error


def test_questions_are_turns_and_not_cells(
    plain_shell: Shell, history: History
) -> None:
    run(
        plain_shell,
        "%%nemotron\nwhy?",
        "x = %nemotron why?",
        "%load_ext nemotron_magic\n%config Nemotron",
        "d['why', \"so\"] = %nemotron why?",
        "x: str = %nemotron why?",
        "%nemotron why \\\n  is it so?",
        "x = 1\n%nemotron why?",
    )

    assert [cell.is_ours for cell in cells(history)] == [False, *[True] * 6]


@pytest.mark.parametrize(
    ("source", "is_question"),
    [
        ("import nemotron_magic", True),
        ("import nemotron_magic as nm", True),
        ("nemotron_magic.panel()", True),
        ("nemotron_magic.panel();", True),
        ("import nemotron_magic; nemotron_magic.panel()", True),
        ("import nemotron_magic  # once; then the panel", True),
        ("import nemotron_magic, settings", False),
        ("nemotron_magic.panel() or load()", False),
        ("import nemotron_magic; df = load()", False),
        ("nemotron_magic.panel(); df = load()", False),
        ("import nemotron_magics", False),
    ],
)
def test_a_cell_is_ours_only_if_it_does_nothing_else(
    source: str, is_question: bool
) -> None:
    assert is_ours(source) is is_question


def test_a_displayed_table_keeps_its_rows_to_itself(
    plain_shell: Shell, history: History
) -> None:
    run(
        plain_shell,
        "from IPython.display import display, HTML\n"
        "display(HTML('<table><tr><td>secret</td></tr></table>'))",
    )

    assert "secret" not in cells(history)[0].result


ROWS = {"city": ["Zora", "Bersabea"], "n": [97_531, 2]}
TABLES: dict[str, Callable[[Any, Any], object]] = {
    "a frame": lambda pandas, polars: pandas.DataFrame(ROWS),
    "a frame of one column": lambda pandas, polars: pandas.DataFrame({"a": [97_531]}),
    "a frame with an index": lambda pandas, polars: pandas.DataFrame(ROWS, [97_532, 2]),
    "a long frame": lambda pandas, polars: pandas.DataFrame({"a": [97_531] * 500}),
    "a wide frame": lambda pandas, polars: pandas.DataFrame([[97_531] * 90]),
    "a series": lambda pandas, polars: pandas.Series([97_531, 2], name="a"),
    "categories": lambda pandas, polars: pandas.Series([97_531], dtype="category"),
    "an index": lambda pandas, polars: pandas.Index([97_531, 2]),
    "dates": lambda pandas, polars: pandas.to_datetime(["2026-05-31"]),
    "an array": lambda pandas, polars: pandas.Series([97_531]).to_numpy(),
    "a frame of polars": lambda pandas, polars: polars.DataFrame(ROWS),
    "a series of polars": lambda pandas, polars: polars.Series([97_531]),
    "a table of arrow": lambda pandas, polars: polars.DataFrame(ROWS).to_arrow(),
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_displayed_as_text_keeps_its_rows_to_itself(table: str) -> None:
    pandas, polars, _ = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    made = TABLES[table](pandas, polars)

    assert display_text({"text/plain": repr(made)}) == "[a table was displayed]"


@pytest.mark.parametrize(
    "text",
    ["", "'zora'", "two\nlines", "a  b\ncde", "x = 5\ny = 6", "{'a': 1,\n 'b': 2}",
     "Pipeline(steps=[('a', 1)])", "<Figure size 640x480 with 1 Axes>", "(1, 2)"],
)  # fmt: skip
def test_other_text_that_is_displayed_stays(text: str) -> None:
    assert display_text({"text/plain": text}) == text


@pytest.mark.parametrize(
    "text",
    ["'Zora'", "'Zebulon Quimby'", "['Dr Voss', 'jsmith']", "{'O’Brien': 3}",
     "Counter({'Zora': 3})", "[('Zora', 3)]", "Row(customer='Zebulon Quimby', n=3)",
     "{'patient': 'zora'}"],
)  # fmt: skip
def test_people_that_are_displayed_stay_here(text: str) -> None:
    assert display_text({"text/plain": text}) == "[what was displayed looks personal]"


def test_the_cell_that_runs_is_not_among_them(
    plain_shell: Shell, history: History
) -> None:
    plain_shell.ip.user_ns["history"] = history
    run(plain_shell, "1", "numbers = [c.number for c in history.newest_first()]")

    assert plain_shell["numbers"] == [1]


def test_only_what_is_taken_is_read(
    plain_shell: Shell, recorder: Recorder | None
) -> None:
    described: list[object] = []

    def describe(value: object, plain: str) -> str:
        described.append(value)
        return ""

    history = History(plain_shell.ip, recorder)
    run(plain_shell, "1", "2", "3")

    newest = next(history.newest_first())
    before = list(described)
    history.load(newest, describe)

    assert (before, described) == ([], [3])


def test_a_huge_output_is_bounded(plain_shell: Shell, history: History) -> None:
    run(plain_shell, "print('a' * 3_000_000)")

    assert len(cells(history)[0].printed) < 250_000


PROGRESS = r"""
import sys
for done in range(5_000):
    print(f"\r{done:>5} of 5,000", end="", file=sys.stderr)
print("\r\nall done\r\nbye\r")
"""


def test_of_a_progress_bar_its_end_is_read(
    plain_shell: Shell, history: History
) -> None:
    recorder = Recorder(plain_shell.ip)
    run(plain_shell, PROGRESS)
    recorder.close()

    assert cells(history)[0].printed == " 4999 of 5,000\nall done\nbye\n"
    assert "".join(recorder.heard[1].said).endswith("all done\r\nbye\r\n")


def test_a_recorder_hears_cells_and_puts_the_streams_back(plain_shell: Shell) -> None:
    before = sys.stdout
    recorder = Recorder(plain_shell.ip)
    run(plain_shell, "print('heard')", "1 / 0")
    recorder.close()
    run(plain_shell, "print('not heard')")

    assert "heard\n" in "".join(recorder.heard[1].said)
    assert "ZeroDivisionError" in recorder.heard[2].error
    assert max(recorder.heard) == 3
    assert sys.stdout is before


IMAGE = base64.b64encode(bytes(range(256)) * 3).decode()


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (IMAGE, "[… 1,024 characters of base64]"),
        (f"<img src='data:image/png;base64,{IMAGE}'>", "base64,[… 1,024 characters"),
        ("\n".join(textwrap.wrap(IMAGE, 76)), "[… 1,037 characters of base64]"),
        (IMAGE.replace("+", "-").replace("/", "_"), "[… 1,024 characters"),
    ],
)
def test_encoded_files_in_prints_are_folded(
    plain_shell: Shell, recorder: Recorder | None, printed: str, seen: str
) -> None:
    history = History(plain_shell.ip, recorder)
    run(plain_shell, f"print('before')\nprint({printed!r})\nprint('after')")

    (cell,) = cells(history)
    assert seen in cell.printed
    assert cell.printed.startswith("before\n")
    assert cell.printed.rstrip().endswith("after")


@pytest.mark.parametrize(
    "line", ["=" * 400, "ACGT" * 100, "0123456789abcdef" * 20, "camelCase1 " * 60]
)
def test_long_lines_of_another_kind_are_not(
    plain_shell: Shell, recorder: Recorder | None, line: str
) -> None:
    history = History(plain_shell.ip, recorder)
    run(plain_shell, f"print({line!r})")

    (cell,) = cells(history)
    assert cell.printed.strip() == line.strip()
