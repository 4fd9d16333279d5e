"""What is sent when cells run again, in a kernel that is told which cell it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from service import Address
from shells import running

from nemotron_magic import Session
from nemotron_magic.context.cells import note_id
from nemotron_magic.context.gather import ContextGatherer
from nemotron_magic.context.history import History
from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.parser import parse
from nemotron_magic.magics.questions import QuestionBuilder
from nemotron_magic.session.conversation import Question


class Notebook:
    """As much of a kernel as gathering looks at, asked cell by cell.

    Nobody answers, so that only the ids tell what is sent.
    """

    def __init__(self, has_ids: bool = True) -> None:
        self._has_ids = has_ids
        self._known: dict[int, str] = {}
        self._parent: dict[str, Any] = {}
        self.inputs = [""]
        self.shell: Any = SimpleNamespace(
            kernel=object(),
            get_parent=lambda: self._parent,
            history_manager=SimpleNamespace(
                input_hist_raw=self.inputs, outputs={}, exceptions={}
            ),
            display_formatter=SimpleNamespace(formatters={}),
            user_ns={"In": self.inputs, "Out": {}},
        )
        gatherer = ContextGatherer(
            self.shell, str, History(self.shell, ids=self._known)
        )
        session = Session(environ={})
        self._questions = QuestionBuilder(self.shell, session, gatherer)

    def run(self, *cells: str) -> list[str]:
        """Run cells, each `id source`; give the numbers that went with the last.

        A dash is no id.
        """
        told: list[str] = []
        for cell in cells:
            cell_id, source = cell.split(" ", 1)
            is_named = self._has_ids and cell_id != "-"
            metadata = {"cellId": cell_id} if is_named else {}
            header = {"msg_id": str(len(self.inputs))}
            self._parent = {"metadata": metadata, "header": header}
            self.inputs.append(source)
            if "%nemotron" in source:
                told = self._asked(source.rpartition("%nemotron ")[2])
            self.end(source)
        return told

    def end(self, source: str, store_history: bool = True) -> None:
        info = SimpleNamespace(raw_cell=source, store_history=store_history)
        note_id(self.shell, self._known, info)

    def panel(self) -> list[str]:
        """Ask from a panel; return the numbers that were sent."""
        settings = Settings({"base_url": "http://127.0.0.1:1"})
        last = len(self.inputs) - 1
        return _numbers(self._questions.aside("why?", "", settings, last))

    def restart_counting(self) -> None:
        """As `%reset` does."""
        self.inputs[:] = [""]

    def _asked(self, line: str) -> list[str]:
        call = parse(line, None)
        values = {"base_url": "http://127.0.0.1:1", **call.values}
        return _numbers(self._questions.typed(call, Settings(values)))


def _numbers(question: Question) -> list[str]:
    return [title.removeprefix("cell ") for title in question.context_info.titles]


def test_a_cell_that_ran_again_goes_along_once_where_it_ran_last() -> None:
    told = Notebook().run("a x = 1", "b y", "a x = 2", "a x = 3", "q %nemotron why?")

    assert told == ["2", "4"]


def test_ranges_name_runs_as_they_are() -> None:
    notebook = Notebook()
    notebook.run("a x = 1", "a x = 2", "b y", "a x = 3")

    assert notebook.run("q %nemotron -c 1-3 why?") == ["1", "2", "3"]
    assert notebook.run("a x = 4", "q %nemotron -c 1-6 why?") == list("12346")


def test_a_number_counts_cells_and_not_runs() -> None:
    notebook = Notebook()
    notebook.run("a x = 1", "b y", "c z", "c z", "c z")

    assert notebook.run("q %nemotron -c 2 why?") == ["2", "5"]


def test_without_ids_what_ran_twice_goes_twice() -> None:
    told = Notebook(has_ids=False).run("- x += 1", "- x += 1", "- %nemotron why?")

    assert told == ["1", "2"]


def test_a_cell_with_a_question_in_it_is_no_context_of_itself() -> None:
    notebook = Notebook()
    notebook.run("a x = 1", "b y\n%nemotron why?")

    assert notebook.run("b y\n%nemotron why?") == ["1"]
    assert notebook.run("b y\n%nemotron how?") == ["1", "3"]


def test_a_question_typed_over_a_cell_is_about_that_cell() -> None:
    assert Notebook().run("a 1 / 0", "a %nemotron why?") == ["1"]


def test_the_newest_text_tells_whether_a_cell_stays_out() -> None:
    skipped = "# nemotron: skip\nx"

    assert Notebook().run("a x", f"a {skipped}", "q %nemotron why?") == []
    assert Notebook().run(f"a {skipped}", "a x", "q %nemotron why?") == ["2"]


def test_a_number_that_had_an_id_before_a_reset_has_none_after() -> None:
    notebook = Notebook()
    notebook.run("a x")
    notebook.restart_counting()

    assert notebook.run("- y", "a x", "q %nemotron why?") == ["1", "2"]


def test_a_panel_takes_along_the_newest_runs_too() -> None:
    notebook = Notebook()
    notebook.run("a x = 1", "b y", "a x = 2")

    assert notebook.panel() == ["2", "3"]


def test_what_has_no_number_of_its_own_takes_no_id_from_another() -> None:
    notebook = Notebook()
    notebook.run("a x")
    notebook.shell.get_parent()["metadata"]["cellId"] = "b"
    notebook.end("  \n")
    notebook.end("x", store_history=False)

    assert notebook.run("a x = 2", "q %nemotron why?") == ["2"]


@pytest.mark.slow
def test_what_ran_before_the_extension_was_loaded_or_loaded_it_goes_along_once(
    service: Address, tmp_path: Path
) -> None:
    with running(tmp_path, AIMLAPI_API_BASE=str(service)) as kernel:
        for name, cell in (
            ("a", "first = 1"),
            ("b", "second = 2"),
            ("l", "third = 3\n%load_ext nemotron_magic"),
            ("a", "first = 1"),
            ("l", "third = 4\n%load_ext nemotron_magic"),
            ("q", "%nemotron why?"),
        ):
            kernel.run(cell, name)

    (sent,) = [r.body["messages"][-1]["content"] for r in service.requests if r.body]
    assert sent.count("first = 1") == 1
    assert "third = 3" not in sent
    assert "third = 4" in sent
    assert sent.index("second = 2") < sent.index("first = 1")
