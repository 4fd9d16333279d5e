"""The patterns that the code asks for are those that its file of patterns has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nemotron_magic.code
from nemotron_magic.code.syntax import pattern

ROOM = Path(nemotron_magic.code.__file__).parent
TABLE: dict[str, str] = tomllib.loads((ROOM / "patterns.toml").read_text("utf-8"))


def test_every_pattern_can_be_read() -> None:
    assert all(pattern(name).pattern for name in TABLE)


def test_every_pattern_is_asked_for() -> None:
    code = "".join(path.read_text("utf-8") for path in ROOM.rglob("*.py"))
    asked = set(re.findall(r'"(\w+)"', code)) | {"shell_text", "python_text"}
    named = set(re.findall(r"@(\w+)@", "".join(TABLE.values())))

    assert set(TABLE) - asked - named - {"other_text"} == set()
