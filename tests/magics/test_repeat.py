"""Notebooks that run again without asking again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service import Address
from shells import Kernel, Shell, asked, close_event_loops

from nemotron_magic.session.reply import NotebookReplyCache

CELLS = (
    "%config Nemotron.cache = 'on'",
    "x = 3\nx",
    "one = %nemotron what is $`x`?",
    "print('between')",
    "two = %nemotron and now?\ntwo.code",
)


@pytest.fixture
def new_shell(environment: None, home: Path) -> Iterator[Callable[[], Shell]]:
    shells: list[Shell] = []

    def make() -> Shell:
        while shells:
            shells.pop().close()
        shells.append(Shell())
        shells[-1].run("%load_ext nemotron_magic")
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


def test_run_all_after_a_restart_asks_nothing_twice(
    new_shell: Callable[[], Shell], service: Address
) -> None:
    told: list[list[str]] = []
    for _ in range(2):
        shell = new_shell()
        assert [shell.run(cell).status for cell in CELLS] == ["ok"] * len(CELLS)
        told.append([str(shell["one"]), str(shell["two"]), shell["two"].code])

    assert told[0] == told[1]
    assert asked(service) == 2
    assert shell["two"].cost_usd == 0


def test_run_all_in_the_same_kernel_asks_nothing_twice_where_no_cells_go_along(
    new_shell: Callable[[], Shell], service: Address
) -> None:
    shell = new_shell()
    shell.run("%config Nemotron.context = 'none'")
    for _ in range(2):
        assert [shell.run(cell).status for cell in CELLS] == ["ok"] * len(CELLS)

    assert asked(service) == 2
    assert len(shell["two"].messages) == 4


def test_the_footer_says_that_a_reply_is_cached(
    new_shell: Callable[[], Shell],
) -> None:
    first = new_shell().run("%nemotron --cache why?")
    second = new_shell().run("%nemotron --cache why?")

    assert "cached" not in first.text
    assert "cached, from disk (" in second.text
    assert (
        first.text.partition(" tokens")[0].rpartition("\n")[0]
        == (second.text.partition(" s · cached")[0].rpartition("\n")[0])
    )


def test_a_preview_says_whether_the_reply_is_there_already(
    new_shell: Callable[[], Shell], service: Address
) -> None:
    shell = new_shell()
    before = shell.run("%nemotron --cache --preview why?").text
    shell.run("%nemotron --cache why?")
    shell.run("%nemotron reset")
    after = shell.run("%nemotron --cache --preview why?").text

    assert "kept" not in shell.run("%nemotron --preview why?").text
    assert [word for word in ("in the cache", "no") if word not in before] == []
    assert "yes: nothing would be sent" in after
    assert asked(service) == 1
    missed = shell.run("%nemotron --cache=replay --preview how?").text
    assert "no: it would fail" in missed


def test_replay_fails_with_a_clear_line(
    new_shell: Callable[[], Shell], service: Address
) -> None:
    shell = new_shell()
    shell.run("%config Nemotron.cache = 'replay'")
    missed = shell.run("%nemotron why?")

    assert missed.status == "error"
    assert "there is no cached reply to this question" in missed.error
    assert service.requests == []


def test_the_cache_tells_what_it_holds_and_is_cleared(
    new_shell: Callable[[], Shell], home: Path, service: Address
) -> None:
    shell = new_shell()
    assert "The cache is off: every question goes to the service." in shell.run(
        "%nemotron cache"
    ).text.replace("\n", " ")
    shell.run("%nemotron --cache why?")
    told = shell.run("%nemotron cache").text

    assert "1 reply (0.0 of 100 MB)" in told
    assert str(home / "replies.sqlite") in told
    assert "Deleted 1 reply." in shell.run("%nemotron cache: clear").text
    refused = shell.run("%nemotron cache: all").error
    assert "cache takes clear or nothing" in refused
    shell.run("%nemotron reset")
    shell.run("%nemotron --cache why?")
    assert asked(service) == 2


def test_a_log_of_the_calls_tells_which_were_cached(
    new_shell: Callable[[], Shell],
) -> None:
    shell = new_shell()
    shell.run("%nemotron --cache why?")
    shell.run("%nemotron reset")
    shell.run("%nemotron --cache why?")

    assert "answered from the cache" in shell.run("%nemotron log").text
    assert "1 call answered from the cache, free of charge." in shell.run(
        "%nemotron usage"
    ).text.replace("\n", " ")


def notebook_of(outputs: list[list[dict[str, Any]]]) -> str:
    cells = [
        {"cell_type": "code", "id": f"c{n}", "outputs": found}
        for n, found in enumerate(outputs)
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.slow
def test_a_shared_notebook_runs_again_offline_from_its_own_outputs(
    service: Address, tmp_path: Path
) -> None:
    cells = ("%load_ext nemotron_magic", "x = 3\nx", "%nemotron what is $`x`?")
    path = tmp_path / "Ärger 日本.ipynb"
    environ = {"AIMLAPI_API_BASE": str(service), "JPY_SESSION_NAME": str(path)}
    try:
        here = Kernel(tmp_path, NEMOTRON_MAGIC_HOME=str(tmp_path / "a"), **environ)
        outputs = [here.run(cell, f"c{n}").outputs for n, cell in enumerate(cells)]
        here.close()
        path.write_text(notebook_of(outputs), "utf-8")
        there = Kernel(tmp_path, NEMOTRON_MAGIC_HOME=str(tmp_path / "b"), **environ)
        again = [
            there.run(cell, f"c{n}").outputs
            for n, cell in enumerate(
                (f"{cells[0]}\n%config Nemotron.cache = 'replay'", *cells[1:])
            )
        ]
        there.close()
    finally:
        close_event_loops()

    first, second = outputs[2][0], again[2][0]
    assert second["data"]["text/plain"] == first["data"]["text/plain"]
    about = second["metadata"]["nemotron"]
    assert about["cached"]["from"] == "notebook"
    assert about["request_hash"] == first["metadata"]["nemotron"]["request_hash"]
    assert "cached, from this notebook" in second["data"]["text/html"]
    assert "which anyone could have written" in second["data"]["text/html"]
    assert asked(service) == 1


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["on", "replay"])
def test_the_code_of_a_forged_reply_is_looked_over_like_any_other(
    service: Address, tmp_path: Path, cache: str
) -> None:
    path = tmp_path / "a.ipynb"
    environ = {"AIMLAPI_API_BASE": str(service), "JPY_SESSION_NAME": str(path)}
    code = f"```python\nx = 1{' ' * 300}; import os; os.system('true')\n```"
    question = f"%nemotron -c none --cache={cache} --code make x"
    try:
        kernel = Kernel(tmp_path, NEMOTRON_MAGIC_HOME=str(tmp_path / "b"), **environ)
        kernel.run("%load_ext nemotron_magic", "c0")
        new = kernel.run(question.replace(f"={cache}", "=off"), "c1").outputs[-1]
        kernel.run("%nemotron reset", "c0")
        about = {**new["metadata"]["nemotron"], "characters": len(code)}
        forged = {"data": {"text/plain": code}, "metadata": {"nemotron": about}}
        path.write_text(notebook_of([[], [forged]]), "utf-8")
        done = kernel.run(question, "c1")
        kernel.close()
    finally:
        close_event_loops()

    shown = done.outputs[-1]["data"]["text/html"]
    assert done.next_cell == "x = 1 ; import os; os.system('true')"
    for words in (
        "which anyone could",
        "This cell runs a shell.",
        "behind 300 blanks stands",
    ):
        assert words in shown


# ---- the notebook's file

ABOUT = {"request_hash": "h", "characters": 2, "finish_reason": "stop"}
OUTPUT = {"data": {"text/plain": "Hi"}, "metadata": {"nemotron": ABOUT}}


def test_what_was_seen_in_the_file_stays_known(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    saved = NotebookReplyCache(lambda: str(path))
    assert saved.find("h") is None

    path.write_text(notebook_of([[OUTPUT]]))
    assert saved.find("h") is not None
    path.write_text(notebook_of([[]]))
    assert saved.find("h") is not None
    path.unlink()
    assert saved.find("h") is not None


def test_the_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook_of([[]]))
    before = path.stat()
    saved = NotebookReplyCache(lambda: str(path))
    saved.find("h")
    text = notebook_of([[OUTPUT]])
    path.write_text(" " * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert saved.find("h") is None

    path.write_text(text)
    assert saved.find("h") is not None


@pytest.mark.parametrize("path", ["", "/nothing/a.ipynb", "/tmp"])
def test_without_a_file_nothing_is_found(path: str) -> None:
    assert NotebookReplyCache(lambda: path).find("h") is None
