"""Tables that came along with a question, read back from their descriptions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .attached import Attachment

_HEAD = re.compile(r"(?:.*: )?pandas DataFrame, ([\d,]+) rows? × [\d,]+ columns?")
_COLUMN = re.compile(r"  (?P<name>[^:\n]+): (?P<dtype>[\w\[\], ]+?)(?:, (?P<told>.*))?")
_MISSING = re.compile(r"(under 0\.1%|[\d.]+%) missing")
_NAMED = re.compile(r"'([^']*)'")
_DATE = re.compile(r"date|day|month|week|year|time|when", re.IGNORECASE)
_AMOUNT = re.compile(
    r"price|amount|cost|revenue|sales|total|value|units|quantity|score", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it was described: ``told`` is what stood behind its type."""

    name: str
    dtype: str
    told: str

    @property
    def kind(self) -> str:
        """What it holds, in a word that is the same with every version of pandas."""
        kinds = (
            (self.is_text, "text"),
            (self.is_number, "numbers"),
            (self.is_date, "dates"),
        )
        return next((kind for is_so, kind in kinds if is_so), self.dtype)

    @property
    def missing(self) -> str:
        """The share that is missing, as it was told; empty if nothing is."""
        found = _MISSING.search(self.told)
        return found[1] if found else ""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that were named."""
        return tuple(_NAMED.findall(self.told))

    @property
    def is_text(self) -> bool:
        """Whether it holds texts, as far as its type tells."""
        return self.dtype in ("str", "object", "string", "category")

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.dtype.lower().startswith(("int", "uint", "float"))

    @property
    def is_date(self) -> bool:
        """Whether it holds dates."""
        return self.dtype.startswith("datetime")

    @property
    def is_category(self) -> bool:
        """Whether it has few values, and they were named."""
        return self.is_text and len(self.values) > 1

    @property
    def should_be_date(self) -> bool:
        """Whether its texts are dates, by its name."""
        return self.is_text and bool(_DATE.search(self.name))

    @property
    def should_be_number(self) -> bool:
        """Whether its texts are numbers, by its name."""
        return self.is_text and not self.is_category and bool(_AMOUNT.search(self.name))

    @property
    def is_written_in_several_ways(self) -> bool:
        """Whether some of its values differ by case or blanks only."""
        plain = {value.strip().lower() for value in self.values}
        return self.is_text and len(plain) < len(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """A frame under the name that the question gave it.

    ``has_rows`` tells whether rows of it came along, and not its columns alone.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    has_rows: bool


def table_of(attached: Sequence[Attachment]) -> Table | None:
    """Give the first frame that the question named; None if it named none."""
    for one in attached:
        lines = "\n".join(one.fields.values()).split("\n")
        head = _HEAD.fullmatch(lines[0])
        if one.kind == "value" and head:
            found = (_COLUMN.fullmatch(line) for line in lines)
            columns = (
                Column(m["name"], m["dtype"], m["told"] or "") for m in found if m
            )
            has_rows = any(line.endswith("cells divided by |:") for line in lines)
            return Table(one.title, head[1], tuple(columns), has_rows)
    return None
