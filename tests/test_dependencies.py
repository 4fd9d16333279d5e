"""What we ask of other packages: nothing older than what is known to be safe."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
GROUPS = PYPROJECT["dependency-groups"]
ASKED = {
    requirement.name: requirement
    for text in (
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["demo"],
        *PROJECT["optional-dependencies"]["test"],
    )
    if (requirement := Requirement(text))
}

# The newest version that must not be installed, and the oldest that may.
FLOORS = [
    ("httpcore", "1.0.8", "1.0.9"),  # CVE-2025-43859, in its h11
    ("pygments", "2.19.2", "2.20.0"),  # CVE-2026-4539
    ("nh3", "0.3.7", "0.3.8"),  # the sanitiser: always the newest
    ("jupyterlab", "4.5.6", "4.5.7"),  # CVE-2026-42557, CVE-2026-40171
    ("notebook", "7.5.5", "7.5.6"),  # the same
    ("jupyter-server", "2.19.9", "2.20.0"),  # CVE-2026-44727
    ("nbconvert", "7.17.0", "7.17.1"),  # CVE-2026-39378
    ("mistune", "3.2.9", "3.3.0"),  # CVE-2026-44896, CVE-2026-44897
]


@pytest.mark.parametrize(("name", "unsafe", "safe"), FLOORS)
def test_no_version_with_a_known_hole_can_be_installed(
    name: str, unsafe: str, safe: str
) -> None:
    assert not ASKED[name].specifier.contains(unsafe)
    assert ASKED[name].specifier.contains(safe)


def test_an_httpx_whose_private_parts_were_not_tried_is_not_installed() -> None:
    httpx = ASKED["httpx"].specifier

    assert httpx.contains("0.28.0")
    assert not any(map(httpx.contains, ("0.27.2", "0.29.0", "0.30", "1.0")))
    assert not ASKED["httpcore"].specifier.contains("2.0")


@pytest.mark.parametrize("name", [name for name, _, _ in FLOORS] + ["httpx"])
def test_the_tests_run_with_what_is_asked_for(name: str) -> None:
    assert ASKED[name].specifier.contains(version(name))


def test_what_only_developers_need_is_no_extra_of_the_package() -> None:
    assert set(GROUPS) == {"bench", "fuzz"}
    assert set(PROJECT["optional-dependencies"]) == {
        *("dask", "demo", "extended", "keyring", "test")
    }


@pytest.mark.parametrize("text", [text for group in GROUPS.values() for text in group])
def test_what_a_group_asks_for_has_a_floor(text: str) -> None:
    asked = Requirement(text)

    assert asked.name != PROJECT["name"]
    assert any(one.operator == ">=" for one in asked.specifier)
