"""What no line of the package does, whatever else it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import nemotron_magic
from nemotron_magic.display.page import Display

ROOT = Path(nemotron_magic.__file__).parent
SOURCES = {str(p.relative_to(ROOT)): p.read_text("utf-8") for p in ROOT.rglob("*.py")}
OWN_PROCESS = {"__main__.py", "rehearsal/__main__.py"}
"""Started by the user from a shell; they run no text of a model."""

NEVER_CALLED = {
    "runs a text": {"eval", "exec", "compile", "execfile", "__import__", "runsource"},
    "runs a cell": {
        *("run_cell", "run_code", "run_line_magic", "run_cell_magic", "run_cell_async"),
        *("ex", "system", "getoutput", "popen", "Popen", "check_output", "os.system"),
    },
    "revives objects": {
        *("pickle.load", "pickle.loads", "Unpickler", "marshal.loads", "shelve.open"),
        *("yaml.load", "joblib.load", "read_pickle", "dill.loads"),
    },
    "opens what a text names": {"Markdown", "HTML", "Latex", "Javascript", "IFrame"},
    "reads lines that a reply can forge": {"iter_lines", "iter_text", "aiter_lines"},
    "trusts any certificate": {"_create_unverified_context", "CERT_NONE"},
}
ALLOWED = {
    # To see whether it can be: nothing here runs what comes of it.
    *((path, "compile") for path in SOURCES if path.startswith("code/")),
    # What workers of the user's own cluster say; Dask itself unpickles all of theirs.
    ("session/rows/engine.py", "pickle.loads"),
    # On a forked copy of the kernel, behind all guards, where the user asked for it.
    ("code/trial/child.py", "self._shell.run_cell_async"),
}


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        inner = name_of(node.value)
        return f"{inner}.{node.attr}" if inner else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def called(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node


def is_one_of(name: str, names: set[str]) -> bool:
    """Tell whether a call is one of these; a bare builtin is no method of that name."""
    last = name.rpartition(".")[2]
    if last in {"eval", "exec", "compile", "ex", "system"} and name.startswith("re."):
        return False
    return name in names or last in names - {"compile"}


@pytest.mark.parametrize("what", NEVER_CALLED)
def test_no_line_of_ours(what: str) -> None:
    found = {
        (path, name)
        for path, source in SOURCES.items()
        if path not in OWN_PROCESS
        for name, _ in called(source)
        if is_one_of(name, NEVER_CALLED[what])
    }

    assert found - ALLOWED == set()


@pytest.mark.parametrize(
    "line",
    [
        *("eval(text)", "x.run_cell(c)", "pickle.loads(b)", "HTML(t)", "os.system(c)"),
        *("display.Markdown(t)", "builtins.exec(t)", "r.iter_lines()", "compile(t)"),
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    ((name, _),) = called(line)

    assert any(is_one_of(name, names) for names in NEVER_CALLED.values())


def test_nothing_of_ipython_display_is_imported_that_reads_its_text() -> None:
    readers = {
        "Markdown",
        "HTML",
        "Latex",
        "Javascript",
        "SVG",
        "Image",
        "IFrame",
        "JSON",
    }
    taken = {
        (path, alias.name)
        for path, source in SOURCES.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("IPython")
        for alias in node.names
    }

    assert taken
    assert {name for _, name in taken} & readers == set()


@pytest.mark.parametrize(
    "kind", ["text/markdown", "application/javascript", "image/svg+xml"]
)
def test_no_output_is_of_a_kind_that_a_page_reads_by_itself(kind: str) -> None:
    shows = [p for p in SOURCES if p.startswith(("display/", "magics/"))]

    assert shows
    assert [path for path in shows if f'"{kind}":' in SOURCES[path]] == []


def test_latex_comes_beside_html_only_which_a_page_prefers() -> None:
    found = [path for path in SOURCES if '"text/latex"' in SOURCES[path]]

    assert found == ["display/page.py"]
    assert [*Display("1", "<p>a</p>", "a").message()["data"]] == [
        "text/html",
        "text/plain",
        "text/latex",
    ]


def test_nothing_follows_redirects_and_every_transport_checks_certificates() -> None:
    """A transport of httpx follows none; its clients can."""
    made = [one for source in SOURCES.values() for one in called(source)]
    transports = [call for name, call in made if name == "httpx.HTTPTransport"]

    assert transports
    assert {"httpx.Client", "httpx.AsyncClient"}.isdisjoint(name for name, _ in made)
    for call in transports:
        verify = {word.arg: word.value for word in call.keywords}["verify"]
        assert ast.unparse(verify) == "ssl_context"


def test_no_call_turns_on_what_the_client_leaves_off() -> None:
    for source in SOURCES.values():
        for _, call in called(source):
            for word in call.keywords:
                value = (
                    word.value.value if isinstance(word.value, ast.Constant) else None
                )
                assert (word.arg, value) not in {
                    ("verify", False),
                    ("follow_redirects", True),
                    ("shell", True),
                    ("check_hostname", False),
                    ("html", True),
                }


def test_no_short_cut_of_httpx_is_used_beside_the_one_client() -> None:
    short = {f"httpx.{name}" for name in ("get", "post", "request", "stream", "put")}
    names = {name for source in SOURCES.values() for name, _ in called(source)}

    assert names & (
        short | {"requests.get", "requests.post", "urllib.request.urlopen"}
    ) <= {"urllib.request.urlopen"}


def test_no_program_of_ours_is_brought_into_the_page() -> None:
    """Only HTML, CSS and ipywidgets' own models are."""
    kinds = {
        path.suffix for path in ROOT.rglob("*.*") if "__pycache__" not in str(path)
    }

    assert kinds & {".js", ".mjs", ".ts", ".wasm", ".html"} == set()
    assert [path for path, source in SOURCES.items() if "_esm" in source] == []
