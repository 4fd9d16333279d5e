"""What fails in a cell is found before it runs, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pandas as pd
import pytest
from bad_cells import BAD, INSTALLED, live
from good_cells import GOOD
from good_cells import live as live_good
from IPython.core.inputtransformer2 import TransformerManager

from nemotron_magic.code.check import check, is_installed
from nemotron_magic.code.syntax import Finding, compile_cell, format_findings

LIBRARIES = [
    "IPython", "altair", "bs4", "dask", "ipywidgets", "matplotlib", "networkx", "numpy",
    "pandas", "plotly", "polars", "pyarrow", "pydantic", "requests", "scipy", "seaborn",
    "sklearn", "sqlalchemy", "statsmodels", "torch", "tqdm", "xarray",
]  # fmt: skip


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
        for many in range(900, 1_000, 11)
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
    def choke(source: str) -> str:
        raise IndexError(source)

    found = check("x = %", {}, transform)

    assert [finding.kind for finding in found] == ["syntax"]
    assert check("x = %", {}, choke) == (
        Finding("syntax", "IPython cannot read it, IndexError"),
    )


def test_our_own_future_is_not_that_of_a_cell() -> None:
    assert compile_cell("x: (await y)")  # not where annotations are kept as texts


def test_a_cell_of_a_hundred_thousand_lines_is_let_be() -> None:
    assert check("x = y\n" * 100_000, {}) == ()


def test_the_corpus_of_bad_cells_is_large() -> None:
    assert len(BAD) >= 150


def test_there_is_no_false_alarm() -> None:
    namespace = live_good()
    found = {cell: check(cell, namespace, transform, installed) for cell in GOOD}

    assert {cell: findings for cell, findings in found.items() if findings} == {}


@pytest.mark.extended
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
    """Tell whether a module is there for an analyst who has what these cells use."""
    return module in {*sys.stdlib_module_names, *LIBRARIES}


def test_the_corpus_of_good_cells_is_large() -> None:
    assert len(GOOD) >= 600


@pytest.fixture
def finder() -> Iterator[Any]:
    """Have a finder that refuses a module, as `sys.meta_path` may hold one."""

    class Refusing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "refused_module":
                raise ImportError(name)

    sys.meta_path.insert(0, made := Refusing())  # type: ignore[arg-type]
    yield
    sys.meta_path.remove(made)  # type: ignore[arg-type]


@pytest.mark.usefixtures("finder")
def test_a_module_is_there_that_was_imported_or_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "made_by_hand", ModuleType("made_by_hand"))
    names = ["json", "__main__", "made_by_hand", "this", "not_there", "refused_module"]

    assert [is_installed(name) for name in names] == [True] * 4 + [False] * 2
    assert "this" not in sys.modules  # it would print a poem


@pytest.mark.parametrize(
    "change",
    [
        "%pip install q",
        "%conda install q",
        "!pip install q",
        "x = !pip install q",
        "!uv add q; pip install q",
        "%run setup.py",
        "%cd ..",
        "import sys\nsys.path.append('.')",
        "import sys\nsys.modules['q'] = 1",
        "import sys\nsys.meta_path.clear()",
        "import os\nos.chdir('..')",
        "import subprocess\nsubprocess.check_call(['pip', 'install', 'q'])",
        "import subprocess\nsubprocess.run(['pip', 'install', 'q'], check=True)",
        "import os\nos.system('pip install q')",
        "import os.path",
    ],
)
def test_what_may_make_a_module_importable_is_trusted(change: str) -> None:
    found = check(f"{change}\nimport q_q", {}, transform, {"sys", "os"}.__contains__)
    kinds = [finding.what for finding in found if finding.kind == "module"]

    assert kinds == (["q_q"] if change == "import os.path" else [])


@pytest.mark.parametrize(
    ("source", "namespace"),
    [
        ("def f(x: Later) -> Later:\n    y: Later = x\n    return y", ["annotations"]),
        ("x: Later = 1", ["annotations"]),
        ("try:\n    later\nexcept:\n    pass", []),
        ("try:\n    later\n    x = 1\nexcept NameError:\n    pass", []),
        ("try:\n    x = later\nexcept:\n    later = 1", []),
    ],
)
def test_what_is_provided_for_is_not_missed(source: str, namespace: list[str]) -> None:
    assert check(source, dict.fromkeys(namespace)) == ()


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return first\nprint(second)\n[f() for _ in third]",
        "print(first); second\nx = third",
    ],
)
def test_names_are_told_in_the_order_of_the_code(source: str) -> None:
    found = [finding.what for finding in check(source, {})]

    assert found == ["first", "second", "third"]


@pytest.mark.parametrize(
    "source",
    [
        "def report(rows):\n    return summary_of(rows)",
        "def main():\n    step()\ndef step():\n    write_out()",
        "class A:\n    def save(self):\n        return encoded(self)\nstore = A()",
        "async def poll():\n    return await fetched()",
        "refresh = lambda: redraw()",
        "button.on_click(lambda _: redraw())",
        "routes = {'a': lambda: redraw()}",
        "@route\ndef page():\n    return rendered()",
    ],
)
def test_what_only_a_function_reads_may_come_with_a_later_cell(source: str) -> None:
    assert check(source, {"button": None, "route": None}) == ()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def report(rows):\n    return sumary_of(rows)", "sumary_of"),
        ("def sort_all():\n    return srted([1])", "srted"),
        ("def draw():\n    plt.show()", "plt"),
        ("def f():\n    return gone()\nprint(f())", "gone"),
        ("def f():\n    return gone()\ndef g():\n    return f()\ng()", "gone"),
        ("def f(x):\n    return x * gone\nlist(map(f, [1]))", "gone"),
        ("class A:\n    def go(self):\n        return gone\nA().go()", "gone"),
        ("sorted([1], key=lambda x: x * gone)", "gone"),
        ("sum(x * gone for x in [1])", "gone"),
    ],
)
def test_a_function_that_runs_or_a_slip_in_it_is_looked_at(
    source: str, name: str
) -> None:
    assert [one.what for one in check(source, {"summary_of": len})] == [name]


@pytest.mark.parametrize(
    "source",
    [
        "def top(n):\n    size = n\n    return size\ntop(1)",
        "class top:\n    def get(self):\n        x = 1\n        return x\ntop().get()",
        "%%capture\nfrom __future__ import annotations\nx = 1",
        "%%time\n\n%%capture out\nfrom __future__ import annotations",
        '%%capture --no-stderr\n"A text."\nfrom __future__ import annotations',
        "previous = None\nfor n in [1, 2]:\n    if previous:\n        n - previous",
        "for n in [1, 2]:\n    if n > 1:\n        print(n - last)\n    last = n",
        "size = 1\ndef f():\n    return size\nf()\ndel size",
        "def g():\n    return 1\ndef f():\n    return g()\nf()\ndel f, g",
    ],
)
def test_what_other_checkers_stumble_over_is_no_alarm(source: str) -> None:
    assert check(source, {}, transform) == ()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("df = df.dropna()", "df"),
        ("df = df[df['a'] > 1]", "df"),
        ("model = model.fit([1])", "model"),
        ("rows, n = rows[1:], 1", "rows"),
        ("top = top + 1", "top"),
        ("x: int\nprint(x)", "x"),
        ("del df", "df"),
        ("try:\n    1 / 0\nexcept ValueError as error:\n    pass\nerror", "error"),
    ],
)
def test_what_is_made_of_itself_must_be_there(source: str, name: str) -> None:
    assert [one.what for one in check(source, {})] == [name]
    assert check(source, {name: None}) == ()


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\n%%time\n\n%%capture\nx = 1\ny = (", 6),
        ("%time x = 1\n%time x = 2\ny = (", 3),
        ("%%time\n\n%time x = 1\n%timeit x\ny = (", 5),
    ],
)
def test_line_numbers_are_those_of_the_cell(source: str, line: int) -> None:
    (found,) = check(source, {}, transform)

    assert found.what.startswith(f"line {line}:")


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
    assert format_findings(check(source, {"total": 1})).startswith(told_first)
