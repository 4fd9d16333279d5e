"""The saved notebook as a part."""

from __future__ import annotations

import json

import pytest

from nemotron_magic.context.cells import Cell
from nemotron_magic.context.notebook_file import notebook_part
from nemotron_magic.core.errors import InputError

SAVED = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": ["# Sales\n", "by region"]},
            {"cell_type": "code", "source": "x = 1"},
            {"cell_type": "code", "source": "y = 2", "outputs": [{"data": "rows"}]},
            {"cell_type": "code", "source": ""},
            {"cell_type": "code", "source": "# nemotron: skip\nz = 3"},
        ]
    }
)


def test_markdown_and_code_come_in_the_order_of_the_document() -> None:
    part = notebook_part("a.ipynb", SAVED, [Cell(7, "y = 2")])

    assert part.fields == (
        (
            "document",
            "[markdown]\n# Sales\nby region\n\n[code, not run]\nx = 1\n\n"
            "[code, ran as cell 7]\ny = 2",
        ),
    )


def test_a_raw_cell_is_said_to_be_one() -> None:
    raw = json.dumps({"cells": [{"cell_type": "raw", "source": ["a\n", "b"]}]})

    assert notebook_part("a.ipynb", raw, []).fields == (("document", "[raw]\na\nb"),)


def test_a_file_older_than_what_ran_says_so() -> None:
    part = notebook_part("a.ipynb", SAVED, [Cell(1, "w = 0")])

    assert part.fields[0][0] == "note"
    assert "older than what ran" in part.fields[0][1]


def saved(*cells: tuple[str, int | None]) -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": source, "execution_count": count}
                for source, count in cells
            ]
        }
    )


def test_a_cell_that_was_changed_and_saved_makes_no_file_older() -> None:
    ran = [Cell(3, "x = 2"), Cell(2, "x = 1")]  # newest first

    part = notebook_part("a.ipynb", saved(("x = 2", 3)), ran)

    assert part.fields == (("document", "[code, ran as cell 3]\nx = 2"),)


@pytest.mark.parametrize(
    "ran",
    [
        [Cell(4, "y = 1"), Cell(3, "x = 2"), Cell(2, "x = 1")],
        [Cell(5, "x = 2"), Cell(4, "y = 1"), Cell(3, "x = 2")],
    ],
    ids=["new", "new, and then a saved one again"],
)
def test_a_cell_that_ran_since_the_file_was_saved_makes_it_older(
    ran: list[Cell],
) -> None:
    part = notebook_part("a.ipynb", saved(("x = 2", 3)), ran)

    assert part.fields[0][0] == "note"


def test_counts_of_an_earlier_kernel_say_nothing() -> None:
    part = notebook_part("a.ipynb", saved(("x = 2", 40)), [Cell(1, "y = 1")])

    assert part.fields[0][0] == "note"


def test_a_question_of_ours_ran_and_makes_no_file_older() -> None:
    ran = [
        Cell(4, "%nemotron so?", is_ours=True),
        Cell(3, "%nemotron why?", is_ours=True),
    ]

    part = notebook_part("a.ipynb", saved(("%nemotron why?", None)), ran)

    assert part.fields == (("document", "[code, ran as cell 3]\n%nemotron why?"),)


def test_a_cell_that_ran_twice_has_its_last_number() -> None:
    ran = [Cell(9, "x = 1"), Cell(2, "x = 1")]

    (document,) = notebook_part("a.ipynb", saved(("x = 1", 9)), ran).fields

    assert document[1].startswith("[code, ran as cell 9]")


@pytest.mark.parametrize(
    "mark", ["# nemotron: skip", "#nemotron:skip", " # nemotron: skip "]
)
def test_a_skipped_cell_stays_out_however_its_mark_is_written(mark: str) -> None:
    source = f"{mark}\nprivate = 1"

    part = notebook_part("a.ipynb", saved((source, 1), ("x = 1", 2)), [Cell(1, source)])

    assert part.fields == (("document", "[code, not run]\nx = 1"),)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{"])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a notebook file"):
        notebook_part("a.ipynb", text, [])
