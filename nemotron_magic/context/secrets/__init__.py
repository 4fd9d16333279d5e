"""Find secrets in text, by how they look, where they stand, or what they are."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


def sections(package: str, file: str) -> dict[str, str]:
    """Return the text of each section of a file of words or forms, without comments."""
    lines = files(package).joinpath(file).read_text("utf-8").split("\n")
    text = "\n".join(line for line in lines if not line.startswith("#"))
    pieces = re.split(r"(?m)^\[(\w+)\]\n", text)
    found = zip(pieces[1::2], pieces[2::2], strict=True)
    return {name: part.strip("\n") for name, part in found}


_SECTIONS = sections(__name__, "words.txt") | sections(__name__, "forms.txt")


@cache
def words(section: str) -> frozenset[str]:
    """Return the words of a section of the file of words."""
    return frozenset(_SECTIONS[section].split())


def rows(table: str, columns: int) -> list[list[str]]:
    """Return the rows of a table, or of a section of the file of forms.

    Two blanks part its columns, and a row goes on where the next line is indented.
    """
    text = re.sub(r"\n +", "", _SECTIONS.get(table, table).strip())
    for name, form in rows("parts", 2) if table != "parts" else ():
        text = text.replace(f"{{{name}}}", form)
    return [row.split("  ", columns - 1) for row in text.split("\n")]


@cache
def pattern(section: str) -> re.Pattern[str]:
    """Return one expression for all lines of a section of the file of words."""
    return re.compile("|".join(_SECTIONS[section].split("\n")))
