"""Which cells are sent as context."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nemotron_magic.context.cells import Cell, select

CELLS = [Cell(n, f"cell {n}", is_ours=n == 4) for n in range(9, 0, -1)]


def chosen(text: str, since: int = 0) -> list[int]:
    return [c.number for c in select(text, CELLS, since)]


@pytest.mark.parametrize(
    ("text", "since", "numbers"),
    [
        ("auto", 0, [9, 8, 7, 6, 5, 3, 2, 1]),
        ("auto", 6, [9, 8, 7]),
        ("none", 0, []),
        ("all", 6, [9, 8, 7, 6, 5, 3, 2, 1]),
        ("3", 6, [9, 8, 7]),
        ("3-5 8", 6, [8, 5, 3]),
        ("8-8", 9, [8]),
        ("50", 0, [9, 8, 7, 6, 5, 3, 2, 1]),
    ],
)
def test_a_word_a_number_or_ranges_choose(
    text: str, since: int, numbers: list[int]
) -> None:
    assert chosen(text, since) == numbers


@pytest.mark.parametrize("text", ["auto", "2", "7-9"])
def test_cells_that_cannot_be_chosen_any_more_are_not_read(text: str) -> None:
    read: list[int] = []

    def cells() -> Iterator[Cell]:
        for cell in CELLS:
            read.append(cell.number)
            yield cell

    list(select(text, cells(), since=6))

    assert len(read) <= 4


def test_of_many_questions_in_a_row_only_the_newest_are_read() -> None:
    read: list[int] = []

    def questions() -> Iterator[Cell]:
        for number in range(1_000, 0, -1):
            read.append(number)
            yield Cell(number, "%nemotron why?", is_ours=True)

    assert [*select("auto", questions(), since=999)] == []
    assert read == [1_000, 999]


@pytest.mark.parametrize(
    "mark",
    [
        "# nemotron: skip",
        "  #nemotron:skip\nx = 1",
        "# Nemotron: SKIP\nx = 1",
        "# nemotron: skip, it names patients\nx = 1",
        "%%bash\n# nemotron: skip\nenv",
        "%%time\n\n  # nemotron: skip\nx = 1",
    ],
)
def test_a_cell_that_says_so_is_skipped(mark: str) -> None:
    cells = [Cell(2, mark), Cell(1, "x = '# nemotron: skip'")]

    assert [c.number for c in select("all", cells, 0)] == [1]


def test_a_cell_that_says_so_is_pinned() -> None:
    assert Cell(1, "# nemotron: pin\nx = 1").mark == "pin"
    assert Cell(1, "%%time\n# nemotron: pin\nx = 1").mark == "pin"
    assert Cell(1, "x = 1  # nemotron: pin").mark == ""
    assert Cell(1, "x = 1\n%%time\n# nemotron: pin").mark == ""
    assert Cell(1, "# nemotron: pinned\nx = 1").mark == ""
