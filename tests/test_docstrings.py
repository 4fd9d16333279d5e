"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import nemotron_magic

PACKAGE = Path(nemotron_magic.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


def test_there_are_examples() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_right(name: str) -> None:
    module = import_module(name.removesuffix(".__init__"))
    # What is public is told as the package's own, and doctest would pass it over.
    found = doctest.DocTestFinder().find(module)
    for one, thing in vars(module).items():
        if getattr(thing, "__module__", "") == nemotron_magic.__name__:
            space = dict(vars(module))
            found += doctest.DocTestFinder().find(thing, one, module=False, globs=space)
    runner = doctest.DocTestRunner()
    for test in found:
        runner.run(test)

    assert runner.summarize().attempted > 0
    assert runner.summarize().failed == 0
