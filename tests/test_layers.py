"""The house keeps its shape: imports point down, and each library has one home."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import IPython
import pytest

import nemotron_magic

HOUSE = "nemotron_magic"
ROOT = Path(nemotron_magic.__file__).parent

# From the roof down. Rooms on one floor may use each other, but not in a circle.
FLOORS = (
    ("", "demo"),
    ("magics",),
    ("notebook", "panels", "traits"),
    ("session",),
    ("calls", "conversation", "follow_up", "sealing"),
    ("access",),
    ("books", "limits"),
    ("cache", "client", "ledger"),
    ("storage",),
    ("price",),
    (
        "describe",
        "dialect",
        "exchange",
        "flags",
        "grammar",
        "joining",
        "summary",
        "turns",
        "typed_flags",
        "typed_key",
    ),
    ("catalogue", "chunks", "draft", "key", "keystore", "refusal", "reply"),
    (
        "code",
        "context",
        "cut_json",
        "endpoint",
        "markdown",
        "parameters",
        "retry",
        "settings",
        "stream",
        "thinking",
    ),
    ("events",),
    (
        "errors",
        "meant",
        "quantities",
        "rehearsal",
        "text",
        "unseen",
        "untrusted",
        "usage",
    ),
)
CORE = tuple(room for rooms in FLOORS[7:] for room in rooms if room != "rehearsal")
HOMES = {
    "IPython": {"magics", "notebook"},
    "httpcore": {"client"},
    "httpx": {"client"},
    "ipywidgets": {"panels"},
    "keyring": {"keystore"},
    "markdown_it": {"markdown"},
    "nbclient": {"demo"},
    "nbconvert": {"demo"},
    "nbformat": {"demo"},
    "nh3": {"markdown"},
    "platformdirs": {"storage"},
    "pyflakes": {"code"},
    "pygments": {"markdown"},
    "rich": {"notebook"},
    "traitlets": {"panels", "traits"},
}


def name_of(path: Path) -> str:
    """Give the name of a module within the house; the house's own is empty."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
ROOMS = {name.partition(".")[0] for name in MODULES}


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"))


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Give all nodes, but for what only a type checker reads."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from nodes(child)


def imports(name: str) -> set[str]:
    """Give the full names of what a module imports; of ours, also what is taken."""
    package = [HOUSE, *name.split(".")]
    if MODULES[name].name != "__init__.py":
        package.pop()
    found = set()
    for node in nodes(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            is_ours = source.partition(".")[0] == HOUSE
            found |= {f"{source}.{a.name}" if is_ours else source for a in node.names}
    return found


def ours(name: str) -> set[str]:
    """Give the modules of the house that a module imports."""
    found = (i for i in imports(name) if i.partition(".")[0] == HOUSE)
    inside = {i.removeprefix(HOUSE).removeprefix(".") for i in found}
    return {i if i in MODULES else i.rpartition(".")[0] for i in inside}


def foreign(name: str) -> set[str]:
    """Give the third-party libraries that a module imports."""
    libraries = {i.partition(".")[0] for i in imports(name)}
    return libraries - set(sys.stdlib_module_names) - {HOUSE}


def room(name: str) -> str:
    return name.partition(".")[0]


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


def test_every_room_has_its_floor() -> None:
    assert sorted(ROOMS) == sorted(one for rooms in FLOORS for one in rooms)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    above = {one for one in ours(name) if floor(one) < floor(name)}

    # From the roof, anyone may take the version and nothing else.
    taken = {i for i in imports(name) if i.count(".") == 1 and i.startswith(HOUSE)}
    assert above <= {""}
    assert not above or {i for i in taken if i.partition(".")[2] not in MODULES} == {
        f"{HOUSE}.__version__"
    }


def test_no_module_is_reached_from_itself() -> None:
    left = {name: ours(name) - {"", name} for name in MODULES if name}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}

    assert left == {}


@pytest.mark.parametrize("name", MODULES)
def test_every_library_has_one_home(name: str) -> None:
    strays = {one for one in foreign(name) if room(name) not in HOMES.get(one, set())}

    assert strays == set()


def test_every_home_is_lived_in() -> None:
    assert {one for name in MODULES for one in foreign(name)} == set(HOMES)


REHEARSAL = [name for name in MODULES if room(name) == "rehearsal"]


@pytest.mark.parametrize("name", REHEARSAL)
def test_the_rehearsal_is_a_second_opinion(name: str) -> None:
    assert foreign(name) == set()
    assert {room(one) for one in ours(name)} <= {"rehearsal"}


def made_here(name: str) -> set[str]:
    """Give the names that a module makes, without a leading underscore."""
    names: set[str] = set()
    for node in parsed(name).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return {one for one in names if not one.startswith("_")}


def as_listed(name: str) -> tuple[bool, bool, str]:
    """Order constants before classes and classes before functions, as ruff does."""
    return (not name.isupper(), name[0].islower(), name)


OFFERING = [name for name in MODULES if "\n__all__ = " in MODULES[name].read_text()]


PUBLIC = [name for name in MODULES if made_here(name) and name not in REHEARSAL]


@pytest.mark.parametrize("name", sorted({*CORE, *PUBLIC}))
def test_every_module_says_what_it_offers(name: str) -> None:
    assert name in OFFERING


@pytest.mark.parametrize("name", OFFERING)
def test_what_is_offered_is_what_is_public(name: str) -> None:
    module = importlib.import_module(f"{HOUSE}.{name}".rstrip("."))
    offered = list(module.__all__)

    assert offered == sorted(offered, key=as_listed)
    assert made_here(name) <= set(offered) or name in REHEARSAL
    assert all(hasattr(module, one) for one in offered)


LOAD = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_line_magic("load_ext", "nemotron_magic")
"""
HEAVY = {
    "httpx",
    "ipywidgets",
    "keyring",
    "markdown",
    "markdown_it",
    "nh3",
    "pyflakes",
    "rich",
}
OPENED_LATE = {f"{HOUSE}.ledger", f"{HOUSE}.storage", f"{HOUSE}.session"}
AT_LOAD = {
    HOUSE,
    f"{HOUSE}.magics",
    f"{HOUSE}.parameters",
    f"{HOUSE}.traits",
}


@pytest.mark.parametrize(
    "code", ["import nemotron_magic", LOAD], ids=["import", "load"]
)
def test_loading_is_light(code: str, tmp_path: Path) -> None:
    loaded = modules_after(code, tmp_path)

    assert HOUSE in loaded
    assert (HEAVY | OPENED_LATE) & loaded == set()


@pytest.mark.skipif(
    IPython.version_info < (9, 1), reason="older ones are listened to from the load on"
)
def test_each_module_that_is_read_at_load_is_meant_to_be(tmp_path: Path) -> None:
    """One more takes a twentieth of the load."""
    loaded = modules_after(LOAD, tmp_path)

    assert {one for one in loaded if one.partition(".")[0] == HOUSE} == AT_LOAD


def modules_after(code: str, home: Path) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"IPYTHONDIR": str(home), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


def test_what_the_house_offers_is_there_when_it_is_asked_for() -> None:
    assert all(getattr(nemotron_magic, name) for name in nemotron_magic.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nemotron_magic.nonsense
