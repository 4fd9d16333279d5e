"""The house keeps its shape: imports point down, and each library has one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import IPython
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import nemotron_magic

HOUSE = "nemotron_magic"
ROOT = Path(nemotron_magic.__file__).parent
PROJECT = Path(__file__).parents[1]
MOST_MODULES = 118
HOMES = {
    "IPython": {"", "display", "magics"},
    "distributed": {"session"},
    "httpcore": {"client"},
    "httpx": {"client"},
    "ipywidgets": {"display"},
    "json_repair": {"session"},
    "keyring": {"session"},
    "markdown_it": {"display", "markdown"},
    "nbclient": {"__main__"},
    "nbconvert": {"__main__"},
    "nbformat": {"__main__"},
    "nh3": {"markdown"},
    "platformdirs": {"storage"},
    "pyflakes": {"code"},
    "pygments": {"markdown"},
    "rich": {"display"},
    "traitlets": {"display", "magics"},
}


def name_of(path: Path) -> str:
    """Return the name of a module within the package; the package's own is empty."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"))


def imports(name: str) -> set[str]:
    """Return the full names of what a module imports anywhere in it."""
    package = [HOUSE, *filter(None, name.split("."))]
    if MODULES[name].name != "__init__.py":
        package.pop()
    found = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            is_ours = source.partition(".")[0] == HOUSE
            found |= {f"{source}.{a.name}" if is_ours else source for a in node.names}
    return found


def own_imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    found = (i for i in imports(name) if i.partition(".")[0] == HOUSE)
    inside = {i.removeprefix(HOUSE).removeprefix(".") for i in found}
    return {i if i in MODULES else i.rpartition(".")[0] for i in inside}


def libraries(name: str) -> set[str]:
    """Return the third-party libraries that a module imports."""
    found = {i.partition(".")[0] for i in imports(name)}
    return found - set(sys.stdlib_module_names) - {HOUSE}


def room(name: str) -> str:
    return name.partition(".")[0]


def test_rooms_import_rooms_below_and_no_neighbor() -> None:
    status = lint_imports(
        config_filename=str(PROJECT / "pyproject.toml"), no_cache=True
    )

    assert status == EXIT_STATUS_SUCCESS


def test_no_module_is_reached_from_itself() -> None:
    left = {name: own_imports(name) - {"", name} for name in MODULES if name}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}

    assert left == {}


def test_every_library_has_one_home() -> None:
    found = {(one, room(name)) for name in MODULES for one in libraries(name)}

    assert found == {(one, home) for one, homes in HOMES.items() for home in homes}


def test_the_rehearsal_stands_alone() -> None:
    inside = [name for name in MODULES if room(name) == "rehearsal"]

    assert {one for name in inside for one in libraries(name)} == set()
    assert {room(one) for name in inside for one in own_imports(name)} == {"rehearsal"}


def test_the_house_stays_small() -> None:
    names = Counter(path.name for path in MODULES.values())
    twice = {name for name, n in names.items() if n > 1} - {
        "__init__.py",
        "__main__.py",
    }

    assert len(MODULES) <= MOST_MODULES
    assert len(twice) <= 5


def taken_from_others(name: str) -> Iterator[str]:
    """Yield the names that a module imports from others of the package."""
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HOUSE):
            yield from (f"{node.module}.{one.name}" for one in node.names)


def test_a_name_with_an_underscore_stays_in_its_module() -> None:
    taken = {one for name in MODULES for one in taken_from_others(name)}

    assert {one for one in taken if "._" in one} == {f"{HOUSE}.__version__"}


def as_listed(name: str) -> tuple[bool, bool, str]:
    """Order constants before classes and classes before functions, as ruff does."""
    return (not name.isupper(), name[0].islower(), name)


def test_the_package_lists_its_public_names_in_order() -> None:
    names = nemotron_magic.__all__

    assert names == sorted(names, key=as_listed)


def test_the_public_names_are_those_of_the_package() -> None:
    modules = {name for name in vars(nemotron_magic) if name in {*map(room, MODULES)}}
    public = {name for name in vars(nemotron_magic) if not name.startswith("_")}
    helpers = {"Any", "TYPE_CHECKING", "annotations"}

    assert public - modules - helpers <= set(nemotron_magic.__all__)
    assert all(getattr(nemotron_magic, one) for one in nemotron_magic.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nemotron_magic.nonsense


@pytest.mark.parametrize("name", nemotron_magic.__all__)
def test_a_public_name_is_told_as_the_package_s_own(name: str) -> None:
    assert getattr(nemotron_magic, name).__module__ == HOUSE


LOAD = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_line_magic("load_ext", "nemotron_magic")
"""
HEAVY = {
    "httpx",
    "ipywidgets",
    "json_repair",
    "keyring",
    "markdown",
    "markdown_it",
    "nh3",
    "pyflakes",
    "rich",
}
OPENED_LATE = {f"{HOUSE}.storage", f"{HOUSE}.session"}
if IPython.version_info >= (9, 1):  # older ones are listened to from the load on
    OPENED_LATE |= {f"{HOUSE}.context"}
AT_LOAD = {
    HOUSE,
    f"{HOUSE}.core",
    f"{HOUSE}.core.parameters",
    f"{HOUSE}.magics",
    f"{HOUSE}.magics.extension",
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
