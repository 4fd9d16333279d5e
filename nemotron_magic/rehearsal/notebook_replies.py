"""Reply to requests about a notebook by rule, from the context that came along.

Enough to try the whole way from a question to a cell that runs: code that cleans, adds
up or plots a table that was described, and the nearest name for a misspelt one.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import NamedTuple

_MESSAGE = re.compile(
    r"[^\n]* up to </(?P<mark>\w+)>[^\n]*\n(?P<parts>.*)</(?P=mark)>\n\n"
    r"(?P<question>.*)",
    re.DOTALL,
)
_HEAD_OF_PART = re.compile(r" (?P<kind>cell|value|file|notebook) (.+)|\d+| this cell")


class Attachment(NamedTuple):
    """One cell, value or file; one text without a name has that of its kind."""

    kind: str
    title: str
    fields: dict[str, str]


def split_attachments(message: str) -> tuple[tuple[Attachment, ...], str]:
    r"""Return what came along in a message, and the question in the user's own words.

    >>> split_attachments("Data up to </M>.\n<M2>\nx = 1\n</M>\n\nwhy?")
    ((Attachment(kind='cell', title='cell 2', fields={'source': 'x = 1'}),), 'why?')
    """
    found = _MESSAGE.fullmatch(message)
    if found is None:
        return (), message
    pieces = re.split(rf"(?m)^<{found['mark']}(|\d+| [^\n]+)>\n", found["parts"])
    parts: list[Attachment] = []
    for label, text in zip(pieces[1::2], pieces[2::2], strict=True):
        head = _HEAD_OF_PART.fullmatch(label)
        text = text.removesuffix("\n")
        if head:
            kind = head["kind"] or "cell"
            title = f"cell {label}" if label.isdigit() else head[2] or label.strip()
            own = {"source" if kind == "cell" else kind: text} if text else {}
            parts.append(Attachment(kind, title, own))
        elif parts:
            parts[-1].fields[label.strip() or "output"] = text
    return tuple(parts), found["question"]


# ---- tables

_HEAD = re.compile(r"(?:.*: )?pandas DataFrame, ([\d,]+) rows? × [\d,]+ columns?")
_COLUMN = re.compile(r"  ([^:\n]+): ([\w\[\], ]+?)(?:, (.*))?")
_MISSING = re.compile(r"(?:under 0\.1%|[\d.]+%) missing")
_RULES = tomllib.loads(files(__package__).joinpath("rules.toml").read_text("utf-8"))
_PATTERNS = {name: re.compile(one) for name, one in _RULES["patterns"].items()}


class Column(NamedTuple):
    """One column as it was described, what stands out about it, and code to mend it."""

    name: str
    kind: str
    is_category: bool
    findings: tuple[str, ...]
    cleaning: tuple[str, ...]


def _column(name: str, dtype: str, about: str) -> Column:
    """Read what stood behind a column's name."""
    kinds = _RULES["kinds"].items()
    kind = next((k for k, types in kinds if re.fullmatch(types, dtype)), dtype)
    is_text, at = kind == "text", f"clean[{_quoted(name)}]"
    values = re.findall(r"'([^']*)'", about) if is_text else []
    is_category = len(values) > 1
    stands_out = {
        "spellings": len({value.strip().lower() for value in values}) < len(values),
        "amount": is_text and not is_category and _PATTERNS["amount"].search(name),
        "date": is_text and _PATTERNS["date"].search(name),
    }
    found = [_RULES["findings"][one] for one, does in stands_out.items() if does]
    findings = (*_MISSING.findall(about)[:1], *(one["said"] for one in found))
    cleaning = (one["code"].strip().format(at=at) for one in found)
    return Column(name, kind, is_category, findings, tuple(cleaning))


class Table(NamedTuple):
    """A frame under the name that the question gave it, perhaps with rows of it."""

    name: str
    rows: str
    columns: tuple[Column, ...]
    has_rows: bool

    def column(self, question: str, kind: str) -> str | None:
        """Return the column of a kind that the question names, else the first."""
        of_kind = (c for c in self.columns if c.kind == kind)
        names = [c.name for c in of_kind if c.is_category or kind != "text"]
        words = re.findall(r"\w+", question.lower())
        named = (name for name in names if name.lower() in words)
        return next(named, names[0] if names else None)


def table_of(attached: Sequence[Attachment]) -> Table | None:
    """Return the first frame that the question named; None if it named none."""
    for one in attached:
        lines = "\n".join(one.fields.values()).split("\n")
        head = _HEAD.fullmatch(lines[0])
        if one.kind == "value" and head:
            found = filter(None, map(_COLUMN.fullmatch, lines))
            columns = tuple(_column(*match.groups(default="")) for match in found)
            has_rows = any(line.endswith("cells divided by |:") for line in lines)
            return Table(one.title, head[1], columns, has_rows)
    return None


def reply_about(table: Table, question: str) -> str:
    """Write what a model might have answered, as Markdown with a block of code."""
    # Its name is the user's, and says nothing of what is wanted.
    question = re.sub(rf"(?<!\w){re.escape(table.name)}(?!\w)", "it", question)
    sent = "" if table.has_rows else ", of which none was sent"
    source = (
        "**Rehearsal: no model is behind this reply.** It follows rules, from the "
        f"description of `{table.name}` that came along: {table.rows} rows{sent}."
    )
    is_plot = _PATTERNS["plot"].search(question) is not None
    if not is_plot and _PATTERNS["clean"].search(question):
        return f"{source}\n\n{_cleaning(table)}"
    return f"{source} {_analysis(table, question, is_plot)}"


def _analysis(table: Table, question: str, is_plot: bool) -> str:
    kinds = {"number": "numbers", "category": "text", "date": "dates"}
    names = {name: table.column(question, kind) for name, kind in kinds.items()}
    number, category, date = names.values()
    if number is None or not (is_plot or category):
        analysis = "summary"
    elif not is_plot:
        analysis = "totals"
    elif date is not None and "bar" not in question.lower():
        analysis = "months" if category else "month"
    else:
        analysis = "bars" if category else "spread"
    texts = _RULES["analyses"][analysis]
    what = texts["what"].format(**names)
    quoted = {name: _quoted(text) for name, text in {**names, "what": what}.items()}
    code = texts["code"].format(table=table.name, quoted=quoted).strip()
    return f"This {texts['does']} {what}:\n\n{_code_block(code)}"


def _cleaning(table: Table) -> str:
    rows = [
        f"| `{c.name}` | {c.kind} | {'; '.join(c.findings) or 'nothing'} |"
        for c in table.columns
    ]
    head = ("| Column | Holds | What stands out |", "|:--|:--|:--|")
    copied = f"clean = {table.name}.drop_duplicates().copy()"
    mended = [lines for column in table.columns for lines in column.cleaning]
    code = _code_block("import pandas as pd", "", copied, *mended, "clean.info()")
    return "\n".join([*head, *rows, "", code])


def _quoted(text: str | None) -> str:
    return json.dumps(text, ensure_ascii=False)


def _code_block(*lines: str) -> str:
    return "\n".join(("```python", *lines, "```"))


# ---- cells

_ASKED = re.compile(
    r"(Fix|Explain|Document|Write tests for) "
    r"(cell \d+|this cell|the function `[\w.]+`)\."
)
_MEANT = re.compile(r"'(\w+)'.*?Did you mean: '(\w+)'")
_UNKNOWN = re.compile(
    r"NameError: name '(\w+)' is not defined|KeyError: '(?!\w+ not found)([^']*)'"
    r"|KeyError: .*?(?:\['|Columns? not found: '?)(\w+)"
)
_NOT_DEFINED = re.compile(r"(\w+) is not defined(?: \((\w+)\?\))?")
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def reply_to(question: str, attached: Sequence[Attachment]) -> str:
    """Return a reply about a cell, or that it takes a model; "" if none was asked."""
    asked = _ASKED.match(question)
    if asked is None:
        return ""
    verb, about = asked.groups()
    cell = next((one.fields for one in attached if one.kind == "cell"), {})
    source, error = cell.get("source", ""), cell.get("error", "")
    last = error.strip().rpartition("\n")[2].replace("`", "'")
    if verb == "Fix":
        values = (t for a in attached if a.kind == "value" for t in a.fields.values())
        known = re.findall(r"[^\W\d]\w*", "\n".join((*values, source)))
        what = f"`{last}` is not a misspelt name" if last else "The cell ran"
        return _fixed(source, error, known) or (
            f"{what}: a model would correct the cell here; a rehearsal cannot."
        )
    if verb == "Explain":
        lines = source.count("\n") + 1
        failed = f"It failed with `{last}`." if last else "It ran without an error."
        return f"{about.capitalize()} has {lines} line{'s' * (lines > 1)}. {failed}"
    return f"{verb} {about}: a model would do that; a rehearsal cannot."


def correction(reply: str, complaint: str) -> str:
    """Return a reply's code again, without what is complained of."""
    code = "\n".join(_CODE.findall(reply))
    for wrong, right in _NOT_DEFINED.findall(complaint):
        code = _renamed(code, wrong, right) if right else f"{wrong} = None\n{code}"
    return "What was not defined is now.\n\n" + _code_block(code.strip("\n"))


def _fixed(source: str, error: str, known: Sequence[str]) -> str:
    """Return the source with a name put right or a sign put in; "" if neither helps."""
    for wrong, right in _slips(error, known):
        code = _renamed(source, wrong, right)
        if code != source:
            return f"`{wrong}` is not there; `{right}` is.\n\n{_code_block(code)}"
    for number, line in enumerate(lines := source.rstrip().split("\n")):
        for sign in "" if _parses(source) else ":)]}":
            code = "\n".join([*lines[:number], line + sign, *lines[number + 1 :]])
            if _parses(code):
                said = f"`{sign}` was missing in line {number + 1}."
                return f"{said}\n\n{_code_block(code)}"
    return ""


def _slips(error: str, known: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what may be misspelt, with what may be meant."""
    yield from _MEANT.findall(error)
    for found in _UNKNOWN.finditer(error):
        wrong = found[found.lastindex or 0]
        others = dict.fromkeys(word for word in known if word != wrong)
        for right in difflib.get_close_matches(wrong, others, 1, 0.6):
            yield wrong, right


def _renamed(source: str, wrong: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda match: right, source)


def _parses(source: str) -> bool:
    with suppress(SyntaxError, ValueError):
        ast.parse(source)
        return True
    return False
