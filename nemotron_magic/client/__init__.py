"""HTTP: the only room that talks to the network, and the only one with httpx."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """Return a table of what servers say, from a file of this room."""
    return tomllib.loads(files(__name__).joinpath(name).read_text("utf-8"))


def names_in(part: str) -> dict[str, list[str]]:
    """Return the lists of names in a part of shapes.toml."""
    return {name: said.split() for name, said in table("shapes.toml")[part].items()}
