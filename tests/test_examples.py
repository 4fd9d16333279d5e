"""The examples run against the rehearsal, and what is saved in them is what they give.

`python tests/test_examples.py` runs them and saves their outputs anew.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest
import service
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from nemotron_magic import rehearsal
from nemotron_magic.markdown.parser import code_blocks
from nemotron_magic.session.credentials import BASE_VARIABLES, KEY_VARIABLES
from nemotron_magic.storage.files import HOME_VARIABLE

EXAMPLES = Path(__file__).parents[1] / "examples"
BOOKS = sorted(
    path for path in EXAMPLES.glob("*.ipynb") if ".executed" not in path.name
)
TELLS_COST = EXAMPLES / "compare.ipynb"  # the rehearsal's own cost is none
REVIEWS = EXAMPLES / "reviews.ipynb"
PUTS_CODE = ("%nemotron --code", "%nemotron fix")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def executed(path: Path, home: Path) -> Any:
    """Give the notebook, run in its folder against the rehearsal, its ledger apart."""
    book = read(path)
    environ = {k: v for k, v in os.environ.items() if k not in KEY_VARIABLES}
    client = NotebookClient(
        book,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=40"],
        timeout=120,
    )
    serve = service.serve if path == TELLS_COST else rehearsal.serve
    with serve(tokens_per_s=None) as url:
        environ |= {BASE_VARIABLES[0]: str(url), HOME_VARIABLE: str(home)}
        client.execute(env=environ)
    return book


@pytest.fixture(scope="module", params=BOOKS, ids=lambda path: path.stem)
def saved_and_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    path: Path = request.param
    saved = read(path)
    return saved, executed(path, tmp_path_factory.mktemp("home"))


def cells(book: Any) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def replies(book: Any) -> Iterator[tuple[str, str]]:
    """Give each reply's question and its Markdown."""
    for cell in cells(book):
        for output in cell.outputs:
            if "nemotron" in output.get("metadata", {}):
                yield cell.source, output.data["text/plain"]


def previews(book: Any) -> list[str]:
    """Give what the previews show, but for where it would go."""
    asked = [cell for cell in cells(book) if "--preview" in cell.source]
    shown = [output.data["text/plain"] for cell in asked for output in cell.outputs]
    return [re.sub(r"127\.0\.0\.1:\d+", "here", text) for text in shown]


def ends_of_runs(book: Any) -> list[str]:
    """Give the line of each run over rows, but for how long it took."""
    texts = [
        o.get("data", {}).get("text/plain", "") for c in cells(book) for o in c.outputs
    ]
    lines = re.findall(r"(?m)^\d.* rows.* · .*", "\n".join(texts))
    return [re.sub(r"(, | · )\d+ s\b.*", "", line).rstrip() for line in lines]


def test_every_example_runs(saved_and_run: tuple[Any, Any]) -> None:
    _, run = saved_and_run

    nbformat.validate(run)  # type: ignore[no-untyped-call]
    assert all(cell.execution_count for cell in cells(run))
    assert list(replies(run))


def test_only_the_cells_that_are_meant_to_fail_do(
    saved_and_run: tuple[Any, Any],
) -> None:
    for book in saved_and_run:
        for cell in cells(book):
            fails = any(output.output_type == "error" for output in cell.outputs)
            assert fails == ("raises-exception" in cell.metadata.get("tags", []))


def test_the_saved_replies_are_those_that_come(saved_and_run: tuple[Any, Any]) -> None:
    saved, run = saved_and_run

    assert list(replies(saved)) == list(replies(run))


def test_the_saved_previews_are_those_that_come(saved_and_run: tuple[Any, Any]) -> None:
    assert previews(saved_and_run[0]) == previews(saved_and_run[1])


def test_the_saved_runs_over_rows_are_those_that_come(
    saved_and_run: tuple[Any, Any],
) -> None:
    # How many rows a budget lets through depends on what is under way when it ends.
    varies = r"^\d+(?= of 200 rows · )|\d+(?= asked)|(?<=would be )\$0\.001\d"
    saved, run = (
        [re.sub(varies, "…", line) for line in ends_of_runs(book)]
        for book in saved_and_run
    )

    assert saved == run


@pytest.mark.parametrize("saved_and_run", [REVIEWS], indirect=True, ids=["reviews"])
def test_reviews_are_asked_once_each_over_a_stop(
    saved_and_run: tuple[Any, Any],
) -> None:
    first, stopped, rest = ends_of_runs(saved_and_run[1])
    asked = [int(re.findall(r"(\d+) asked", line)[0]) for line in (stopped, rest)]

    assert first.startswith("5 of 200 rows (193 different) · rehearsal, would be $")
    assert " of 200 rows · " in stopped
    assert min(asked) > 20
    assert 5 + sum(asked) == 193
    assert rest.startswith("200 rows · ")


def test_the_cell_below_a_question_for_code_is_that_code(
    saved_and_run: tuple[Any, Any],
) -> None:
    _, run = saved_and_run

    for asked, below in pairwise(cells(run)):
        if asked.source.startswith(PUTS_CODE):
            (output,) = asked.outputs
            first = code_blocks(output.data["text/plain"])[0].code
            assert below.source == first.rstrip("\n")


def test_a_saved_example_reads_well_on_a_static_page(
    saved_and_run: tuple[Any, Any],
) -> None:
    saved, _ = saved_and_run
    page, _ = HTMLExporter().from_notebook_node(saved)

    assert page.count("Rehearsal: no model is behind this reply.") >= len(
        {reply for _, reply in replies(saved)}
    )
    assert sys.prefix not in page


def save_anew() -> None:
    """Run every example and save it with its outputs."""
    with TemporaryDirectory() as home:
        for path in BOOKS:
            book = executed(path, Path(home) / path.stem)
            for cell in book.cells:
                cell.metadata.pop("execution", None)
            saved = nbformat.writes(book)  # type: ignore[no-untyped-call]
            saved = saved.replace(home, "~/.local/share/nemotron_magic")
            path.write_text(f"{saved.replace(sys.prefix, '~/.venv')}\n", "utf-8")


if __name__ == "__main__":
    sys.exit(save_anew())  # type: ignore[func-returns-value]
