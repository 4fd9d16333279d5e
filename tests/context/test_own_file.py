"""Which notebook's file is sent, written down and replayed: this notebook's own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from service import Address
from shells import LOAD, Kernel, Outcome, Shell, running, sent

from nemotron_magic.context.notebook_file import own_file
from nemotron_magic.storage.ledger import Ledger

Save = Callable[..., Path]


def text_of(title: str, *ids: str, minor: int = 5) -> str:
    code = [{"cell_type": "code", "id": one, "source": f"# {one}"} for one in ids]
    cells = [{"cell_type": "markdown", "source": f"# {title}", "id": title}, *code]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": minor})


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save notebooks, each newer than the one before."""
    seconds = iter(range(1, 1000))

    def write(name: str, *ids: str) -> Path:
        path = tmp_path / f"{name}.ipynb"
        path.write_text(text_of(name, *ids))
        os.utime(path, (at := next(seconds), at))
        return path

    return write


def path_of_file(
    named: str, asking: str = "", ran: tuple[str, ...] = (), vs_code: str = ""
) -> str:
    """Give the file that is found where these cells ask and ran."""
    message = {"metadata": {"cellId": asking} if asking else {}}
    names = {"__vsc_ipynb_file__": vs_code} if vs_code else {}
    shell = SimpleNamespace(
        kernel=object(), get_parent=lambda: message, user_ns={"In": [""], **names}
    )
    environ = {"JPY_SESSION_NAME": named} if named else {}
    return own_file(shell, environ, dict(enumerate(ran, 1)))


# ---- by the ids of its cells


@pytest.mark.parametrize(("asking", "ran"), [("q", ()), ("new", ("a", "b")), ("", "a")])
def test_the_named_file_is_own_if_it_holds_a_cell_that_asks_or_ran(
    save: Save, asking: str, ran: tuple[str, ...]
) -> None:
    path = str(save("Sales", "a", "q"))

    assert path_of_file(path, asking, tuple(ran)) == path


def test_another_notebook_under_the_old_name_is_not(save: Save) -> None:
    named = str(save("Sales", "x", "y"))

    assert path_of_file(named, "q", ("a", "b")) == ""


def test_the_renamed_file_is_found_beside_it(save: Save) -> None:
    named = str(save("Sales", "x"))
    renamed = str(save("Sales 2026 ü", "a", "q"))
    save("Other", "z")

    assert path_of_file(named, "q", ("a",)) == renamed
    os.unlink(named)
    assert path_of_file(named, "q", ("a",)) == renamed


def test_beside_a_script_no_notebook_is_own(save: Save, tmp_path: Path) -> None:
    save("a", "one")

    assert path_of_file(str(tmp_path / "a.py"), "one") == ""


def test_of_copies_the_one_that_is_named_counts(save: Save) -> None:
    named = str(save("Sales", "a", "q"))
    save("Sales-Copy1", "a", "q")

    assert path_of_file(named, "q", ("a",)) == named


def test_of_copies_beside_it_the_newest_counts_that_holds_what_asks(save: Save) -> None:
    named = str(save("Sales", "x"))
    save("One", "a", "q")
    newer = str(save("Two", "a", "q"))
    save("Three", "a")

    assert path_of_file(named, "q", ("a",)) == newer


def test_an_older_copy_under_the_old_name_does_not_count_before_what_asks(
    save: Save,
) -> None:
    named = str(save("Sales", "a"))
    renamed = str(save("Renamed", "a", "q"))

    assert path_of_file(named, "q", ("a",)) == renamed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON with q in it: \"id\": \"q\"",
        "[" * 100_000 + '"id": "q"',
        '["id", {"id": "q"}]',
        '{"cells": {"id": "q"}}',
        '{"cells": [{"id": 3}, "q", null, {"outputs": [{"id": "q"}]}]}',
        '{"cells": [{"source": "\\"id\\": \\"q\\"", "metadata": {"id": "q"}}]}',
        '{"cells": [], "metadata": {"id": "q"}}',
        '{"cells": [{"cell_type": "code", "source": "q"}], "nbformat_minor": 4}',
    ],
)  # fmt: skip
def test_only_the_id_of_a_cell_counts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text)

    assert path_of_file(str(path), "q") == ""


def test_without_ids_from_the_front_end_no_file_is_own(save: Save) -> None:
    assert path_of_file(str(save("Sales", "a"))) == ""


def test_a_link_is_followed_and_what_is_no_file_is_passed_over(
    save: Save, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = save("Sales", "q").rename(elsewhere / "Sales.ipynb")
    link = tmp_path / "Linked.ipynb"
    link.symlink_to(target)
    (tmp_path / "Broken.ipynb").symlink_to(tmp_path / "nothing")
    (tmp_path / "Folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "Pipe.ipynb")

    assert path_of_file(str(link), "q") == str(link)
    assert path_of_file(str(tmp_path / "Gone.ipynb"), "q") == str(link)
    assert path_of_file(str(tmp_path / "Pipe.ipynb"), "q") == str(link)
    assert path_of_file(str(tmp_path / "no folder" / "Gone.ipynb"), "q") == ""


def test_only_so_many_files_are_looked_into(save: Save, tmp_path: Path) -> None:
    save("Renamed", "q")
    for number in range(60):
        save(f"Other {number}", "x")

    assert path_of_file(str(tmp_path / "Sales.ipynb"), "q") == ""


def test_a_file_that_is_too_large_is_not_read(save: Save) -> None:
    path = save("Sales", "q")
    os.truncate(path, 100_000_001)  # sparse: it takes no room

    assert path_of_file(str(path), "q") == ""


@pytest.mark.slow
def test_many_cells_that_ran_take_no_longer_to_find_than_one(
    save: Save, tmp_path: Path
) -> None:
    for name in ("Other", "Another"):
        save(name, "x" * 10_000_000)

    def spent_s(ran: tuple[str, ...]) -> float:
        begun_s = time.process_time()
        assert path_of_file(str(tmp_path / "Sales.ipynb"), "q", ran) == ""
        return time.process_time() - begun_s

    one_s = min(spent_s(("a",)) for _ in range(3))
    assert spent_s(tuple(f"gone {number}" for number in range(300))) < 10 * one_s


def test_a_file_that_has_changed_is_looked_into_again(save: Save) -> None:
    path = str(save("Sales", "a"))
    assert path_of_file(path, "q") == ""

    save("Sales", "a", "q")
    assert path_of_file(path, "q") == path


# ---- in VS Code


@pytest.mark.parametrize("form", ["{}#W0sZmlsZQ%3D%3D", "//wsl%2Bubuntu{}#X1"])
def test_in_vs_code_the_cell_tells_its_file(save: Save, form: str) -> None:
    path = str(save("My Büro", "a"))
    stale = str(save("Sales", "a"))
    address = form.format(path.replace(" ", "%20").replace("ü", "%C3%BC"))
    asking = f"vscode-notebook-cell:{address}"

    assert path_of_file("", asking, vs_code=stale) == path
    assert path_of_file("", "", (f"vscode-notebook-cell:{stale}#a", asking)) == path


@pytest.mark.parametrize(
    "address",
    ["Untitled-1.ipynb?jupyter-notebook#W0", "/nothing/a.ipynb#W0", "/etc/passwd#W0"],
)
def test_in_vs_code_a_notebook_without_a_file_has_none(
    save: Save, address: str
) -> None:
    stale = str(save("Sales", "a"))

    assert path_of_file("", f"vscode-notebook-cell:{address}", vs_code=stale) == ""


def test_an_id_in_a_file_of_jupyters_is_no_address(save: Save) -> None:
    other = save("Private", "a")
    named = str(save("Sales", "q"))

    assert path_of_file(named, f"vscode-notebook-cell:{other}#W0") == ""


# ---- in a kernel


@pytest.fixture
def kernel(service: Address, tmp_path: Path, save: Save) -> Iterator[Kernel]:
    """Give the kernel of a notebook, `Sales.ipynb`, of which one cell ran."""
    environ = {
        "AIMLAPI_API_BASE": str(service),
        "JPY_SESSION_NAME": str(tmp_path / "Sales.ipynb"),
        "NEMOTRON_MAGIC_HOME": str(tmp_path / "home"),
    }
    with running(tmp_path, **environ) as kernel:
        kernel.run(LOAD, "a")
        yield kernel


def asked(kernel: Kernel, cell_id: str, flags: str = "--notebook") -> Outcome:
    return kernel.run(f"%nemotron -c none {flags} why?", cell_id)


def footer_of(outcome: Outcome) -> str:
    return str(outcome.outputs[-1]["data"]["text/html"]).partition('class="nm-footer"')[
        2
    ][:300]


def test_after_a_rename_the_file_under_the_old_name_is_not_sent(
    kernel: Kernel, service: Address, save: Save, tmp_path: Path
) -> None:
    save("Sales", "a", "q")
    first = asked(kernel, "q")
    own = sent(service)
    (tmp_path / "Sales.ipynb").rename(tmp_path / "Renamed.ipynb")
    save("Sales", "secret")
    second = asked(kernel, "q2")
    after = sent(service)
    (tmp_path / "Renamed.ipynb").unlink()
    before = len(service.requests)
    third = asked(kernel, "q3")
    preview = asked(kernel, "q4", "--notebook --preview")

    assert "# Sales" in own
    assert "1 attachment sent (Sales.ipynb)" in footer_of(first)
    assert "# Sales" in after
    assert "secret" not in after
    assert "1 attachment sent (Renamed.ipynb)" in footer_of(second)
    for refused in (third, preview):
        assert refused.status == "error"
        assert "this notebook's file could not be found, and nothing was sent" in (
            refused.error
        )
        assert "Save the notebook and ask again" in refused.error
    assert len(service.requests) == before
    names = [call.notebook for call in Ledger(tmp_path / "home/ledger.sqlite").all()]
    assert names == ["Sales.ipynb", "Renamed.ipynb"]


def test_another_notebooks_saved_replies_answer_nothing(
    kernel: Kernel, service: Address, tmp_path: Path
) -> None:
    reply = asked(kernel, "q", "").outputs[-1]
    output = {"data": reply["data"], "metadata": reply["metadata"]}
    cell = {"cell_type": "code", "id": "other", "source": "", "outputs": [output]}
    path = tmp_path / "Sales.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    kernel.run("%nemotron reset", "r")
    not_own = asked(kernel, "q", "--cache=replay")
    path.write_text(json.dumps({"cells": [{**cell, "id": "q"}]}))
    own = asked(kernel, "q", "--cache=replay")

    assert "there is no cached reply to this question" in not_own.error
    assert "cached, from this notebook" in footer_of(own)
    assert sum(record.method == "POST" for record in service.requests) == 1


def test_in_a_shell_without_cells_that_are_named_there_is_no_file(
    shell: Shell, service: Address
) -> None:
    outcome = shell.run("%nemotron --notebook why?")

    assert outcome.status == "error"
    assert "this notebook's file could not be found" in outcome.error
    assert service.requests == []


# ---- where links lead


def attached(shell: Shell, path: object, *more: str) -> tuple[str, ...]:
    flags = " ".join([f'-f "{path}"', *more])
    assert shell.run(f"%nemotron -c none {flags} why?").status == "ok"
    reply: Any = shell["_nemotron"]
    return tuple(reply.metadata.context_info.files)


@pytest.mark.parametrize("kind", ["file", "chain", "folder", "up", "relative"])
def test_where_a_link_leads_is_shown_and_not_sent(
    shell: Shell,
    service: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    away, here = tmp_path / "private", tmp_path / "work"
    for folder in (away, away / "deep", here):
        folder.mkdir()
    target = away / "salaries.txt"
    target.write_text("1 2 3")
    (here / "link").symlink_to(away / "deep")
    (here / "linked").symlink_to(away)
    (here / "first.txt").symlink_to(target)
    (here / "notes.txt").symlink_to(here / "first.txt")
    monkeypatch.chdir(here)
    path = {
        "file": here / "first.txt",
        "chain": here / "notes.txt",
        "folder": here / "linked" / "salaries.txt",
        "up": "link/../salaries.txt",
        "relative": "notes.txt",
    }[kind]
    preview = shell.run(f'%nemotron -c none --preview -f "{path}" why?').text
    outcome_files = attached(shell, path)

    assert outcome_files == (f"{path} → {target}",)
    assert str(target) in preview.replace("\n", "")
    assert "1 2 3" in sent(service)
    assert str(away) not in sent(service)
    assert shell["_nemotron"].metadata.context_info.titles == outcome_files


def test_a_file_without_links_is_shown_as_it_was_typed(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.chdir(tmp_path / "deep")

    assert attached(shell, "../a.txt") == ("../a.txt",)
    assert attached(shell, tmp_path / "a.txt") == (f"{tmp_path}/a.txt",)


def test_a_link_that_leads_round_is_refused(
    shell: Shell, service: Address, tmp_path: Path
) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    outcome = shell.run(f"%nemotron -f {tmp_path / 'a'} why?")

    assert "cannot attach" in outcome.error
    assert service.requests == []
