"""A notebook whose kernel reloads what changes on disk, and so would reload us."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Address
from shells import Kernel, running

import nemotron_magic

OURS = Path(nemotron_magic.__file__).parent
LOAD = "%load_ext nemotron_magic"
RELOAD = "%load_ext autoreload\n%autoreload"
SAY = "rehearsal: say"
ASK = f"%nemotron {SAY}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the package, which a test may change."""
    unwanted = shutil.ignore_patterns("__pycache__")
    return Path(
        shutil.copytree(OURS, tmp_path / "site/nemotron_magic", ignore=unwanted)
    )


@pytest.fixture
def reloading(copy: Path, tmp_path: Path, service: Address) -> Iterator[Kernel]:
    path = os.pathsep.join([str(copy.parent), os.environ.get("PYTHONPATH", "")])
    environ = {"AIMLAPI_API_BASE": str(service), "PYTHONPATH": path}
    with running(tmp_path, **environ) as kernel:
        yield kernel


def upgrade(package: Path, *patterns: str) -> None:
    """Change modules, each so that autoreload runs all of it again."""
    for file in (one for pattern in patterns for one in package.rglob(pattern)):
        later_s = file.stat().st_mtime + 60
        text = file.read_text(encoding="utf-8")
        file.write_text(
            f"{text}\nwith open(__file__):\n    _UPGRADED = {later_s}\n",
            encoding="utf-8",
        )
        os.utime(file, (later_s, later_s))


def shown_html(kernel: Kernel, cell: str) -> str:
    outcome = kernel.run(cell)

    assert outcome.status == "ok", outcome.error
    assert "autoreload" not in outcome.text
    return str(outcome.outputs[-1]["data"].get("text/html"))


@pytest.mark.parametrize(
    "cells",
    [
        [f"{RELOAD} 2", LOAD],
        [LOAD, f"{RELOAD} 3"],
        [f"{LOAD}\n{RELOAD} 2\n{ASK} *first*"],
        [LOAD, f"{RELOAD} 1\n%aimport nemotron_magic.session.reply"],
    ],
)
def test_replies_stay_replies_when_our_files_change(
    reloading: Kernel, copy: Path, cells: list[str]
) -> None:
    for cell in cells:
        assert reloading.run(cell).status == "ok"
    assert "<em>one</em>" in shown_html(reloading, f"{ASK} *one*")

    upgrade(copy, "reply.py", "page.py", "events.py")
    assert "<em>two</em>" in shown_html(reloading, f"{ASK} *two*")

    upgrade(copy, "*.py")
    assert "<em>three</em>" in shown_html(reloading, f"%autoreload\n{ASK} *three*")


def test_what_was_asked_before_our_files_change_is_gone_on_with(
    reloading: Kernel, copy: Path
) -> None:
    reloading.run(f"{LOAD}\n{RELOAD} 3")
    reloading.run(f"kept = get_ipython().run_line_magic('nemotron', '{SAY} *kept*')")

    upgrade(copy, "*.py")

    assert "<em>kept</em>" in shown_html(reloading, "kept")
    assert "<em>kept</em>" in shown_html(reloading, "%nemotron retry")
    assert shown_html(reloading, "%nemotron panel") != "None"


def test_modules_of_others_are_still_reloaded(reloading: Kernel, copy: Path) -> None:
    others = copy.parent / "nemotron_magic_of_others.py"
    others.write_text("value = 1\n")
    reloading.run(f"{LOAD}\n{RELOAD} 2\nimport nemotron_magic_of_others as others")
    reloading.run(f"{ASK} *one*")

    upgrade(copy.parent, others.name)

    assert reloading.run("print(others._UPGRADED > 0)").text == "True\n"
