"""Of a cell that ran several times, the newest run is sent."""

from __future__ import annotations

import pytest

from nemotron_magic.context.cells import Cell, latest_runs


def ran(*runs: str) -> list[Cell]:
    """Give cells, newest first, each told as `id source`; a dash is no id."""
    cells = []
    for number, run in enumerate(runs, 1):
        name, source = run.split(" ", 1)
        cell_id = "" if name == "-" else name
        is_ours = source.startswith("%nemotron")
        cells.append(Cell(number, source, is_ours=is_ours, cell_id=cell_id))
    return cells[::-1]


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        ((), []),
        (("a x = 1", "b y = 2"), [2, 1]),
        (("a x = 1", "b y = 2", "a x = 1"), [3, 2]),
        (("a x = 1", "b y = 2", "a x = 3", "a x = 4"), [4, 2]),
        (("a x", "b x"), [2, 1]),
        (("- x += 1", "- x += 1"), [2, 1]),
        (("- x = 1", "- y", "a x = 1", "b y"), [4, 3]),
        (("- x = 1", "a x = 1", "a x = 2"), [3]),
        (("- x = 1", "a x = 2"), [2, 1]),
        (("a 1 / 0", "a %nemotron fix"), [2, 1]),
        (("a x", "a %nemotron why?", "a x"), [3, 2]),
    ],
    ids=[
        "nothing ran",
        "two cells",
        "run again",
        "edited and run again",
        "two cells of one text",
        "no ids",
        "before the ids were known",
        "before the ids were known, then edited",
        "another text before the ids were known",
        "a question in the cell that failed",
        "a question between",
    ],
)
def test_of_each_cell_the_newest_run_is_given(
    runs: tuple[str, ...], kept: list[int]
) -> None:
    assert [cell.number for cell in latest_runs(ran(*runs))] == kept


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        (("a f()", "b y", "a f()\n%nemotron why?"), [3, 2]),
        (("b y", "a f()\n%nemotron how?"), [1]),
        (("a f()", "a f()\n%nemotron how?"), [1]),
        (("b f()\n%nemotron how?",), [1]),
    ],
    ids=["asked something else", "asked this", "not asked yet", "another cell"],
)
def test_runs_of_the_asking_cell_that_asked_the_same_are_left_out(
    runs: tuple[str, ...], kept: list[int]
) -> None:
    asking = Cell(9, "f()\n%nemotron how?", cell_id="a")

    assert [cell.number for cell in latest_runs(ran(*runs), asking)] == kept
