"""The saved notebook as a part."""

from __future__ import annotations

import json

import pytest

from nemotron_magic.context.cells import Cell
from nemotron_magic.context.document import document_part
from nemotron_magic.errors import InputError

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
    part = document_part("a.ipynb", SAVED, [Cell(7, "y = 2")])

    assert part.fields == (
        (
            "document",
            "[markdown]\n# Sales\nby region\n\n[code, not run]\nx = 1\n\n"
            "[code, ran as cell 7]\ny = 2",
        ),
    )


def test_a_file_older_than_what_ran_says_so() -> None:
    part = document_part("a.ipynb", SAVED, [Cell(1, "w = 0")])

    assert part.fields[0][0] == "note"
    assert "older than what ran" in part.fields[0][1]


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{"])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no notebook file"):
        document_part("a.ipynb", text, [])
