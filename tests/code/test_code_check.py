"""What fails in a cell is found before it runs, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from bad_cells import BAD, INSTALLED, live
from good_cells import GOOD
from good_cells import live as live_good
from IPython.core.inputtransformer2 import TransformerManager

from nemotron_magic.code.check import check
from nemotron_magic.code.findings import Finding, told

LIBRARIES = ["IPython", "matplotlib", "numpy", "pandas", "polars", "sklearn"]


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    return live()


def transform(source: str) -> str:
    return TransformerManager().transform_cell(source)


@pytest.mark.parametrize("name", BAD)
def test_what_fails_is_found(name: str, namespace: dict[str, Any]) -> None:
    source, expected = BAD[name]
    found = check(source, namespace, transform, INSTALLED.__contains__)

    assert [without_words(finding) for finding in found] == expected


def without_words(finding: Finding) -> Finding:
    """Leave out what a compiler says: other versions say it otherwise."""
    is_syntax = finding.kind == "syntax"
    what = finding.what.partition(":")[0] if is_syntax else finding.what
    return replace(finding, what=what)


@pytest.mark.parametrize("source", ["x = '\0'", "(" * 10_000, "-" * 50_000 + "1"])
def test_what_the_compiler_cannot_read_is_found(source: str) -> None:
    assert [finding.kind for finding in check(source, {})] == ["syntax"]


DEEP = {
    "attributes": lambda n: "df" + ".a" * n,
    "sums": lambda n: "1" + " + df" * n,
    "negations": lambda n: "not " * n + "df",
    "branches": lambda n: "if df: 1\n" + "elif df: 1\n" * n,
}


@pytest.mark.parametrize("shape", DEEP)
def test_what_nests_deeper_than_anyone_writes_is_let_be(
    shape: str, namespace: dict[str, Any]
) -> None:
    kinds = {
        finding.kind
        for many in range(900, 1_000, 3)
        for finding in check(DEEP[shape](many), namespace)
    }

    assert kinds <= {"syntax"}  # where the compiler gives up, too


@pytest.mark.parametrize(
    "blocks",
    [
        "[" * 30 + "1" + " for x in total]" * 30,
        "{" * 30 + "1" + " for x in total}" * 30,
        "with " + "total, " * 19 + "total: [1 for x in total]",
        "".join(f"{' ' * n}try:\n" for n in range(9))
        + " " * 9
        + "pass\n"
        + "".join(f"{' ' * n}finally: pass\n" for n in range(8, -1, -1)),
    ],
    ids=["lists", "sets", "contexts", "tries"],
)
def test_what_ends_the_compiler_is_not_compiled(
    blocks: str, namespace: dict[str, Any]
) -> None:
    alone = check("return", namespace)

    assert [finding.kind for finding in alone] == ["syntax"]
    assert check(f"{blocks}\nreturn", namespace) == ()


def test_what_the_transformer_chokes_on_fails_before_it_runs() -> None:
    found = check("x = %", {}, transform)

    assert [finding.kind for finding in found] == ["syntax"]


def test_a_cell_of_a_hundred_thousand_lines_is_let_be() -> None:
    assert check("x = y\n" * 100_000, {}) == ()


def test_the_corpus_of_bad_cells_is_large() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_there_is_no_false_alarm(number: int) -> None:
    found = check(GOOD[number], live_good(), transform, installed)

    assert found == (), GOOD[number]


def test_the_good_cells_do_run(tmp_path: Path) -> None:
    script = Path(__file__).with_name("running.py")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )

    assert json.loads(done.stdout.splitlines()[-1]) == []


def installed(module: str) -> bool:
    """Tell whether a module is there on every machine that these tests run on."""
    return module in {*sys.stdlib_module_names, *LIBRARIES}


def test_the_corpus_of_good_cells_is_large() -> None:
    assert len(GOOD) >= 120


class Hostile:
    """Says of itself that it is a table, and notes whoever asks."""

    asked: ClassVar[list[str]] = []

    def __getattribute__(self, name: str) -> Any:
        Hostile.asked.append(name)
        raise RuntimeError(name)

    __class__ = property(lambda self: Hostile.asked.append("class"))  # type: ignore
    __len__ = __iter__ = __contains__ = __eq__ = __hash__ = __bool__ = __repr__ = (
        lambda self, *rest: Hostile.asked.append("a method") or 1 / 0
    )


class Table(pd.DataFrame):
    """A table of the user's, which knows columns that it does not list."""

    asked: ClassVar[list[str]] = []

    @property
    def columns(self) -> Any:
        Table.asked.append("columns")
        return super().columns


def test_no_object_of_an_unknown_class_is_asked_anything() -> None:
    named = {"df": Hostile(), "t": object.__new__(Table), "f": Hostile, "pd": Hostile()}
    source = 'df["a"]\nt["b"]\nf()\npd.concat([df])\ndf.groupby("x")\nnot_there'
    found = check(source, named, transform)

    assert found == (Finding("name", "not_there"),)
    assert Hostile.asked == []
    assert Table.asked == []


@pytest.mark.parametrize(
    ("source", "told_first"),
    [
        ("print(totl)", "Look before you run it: totl is not defined (total?)."),
        ("def f(:", "Look before you run it: it does not compile (line 1: "),
    ],
)
def test_what_is_told_names_what_to_look_at(source: str, told_first: str) -> None:
    assert told(check(source, {"total": 1})).startswith(told_first)
