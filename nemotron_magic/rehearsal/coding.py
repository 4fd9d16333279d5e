"""Replies to requests about a cell: by rule, since no model is behind them.

A misspelt name, column or attribute is put right where the error tells of it; a cell
that fails otherwise gets its error shown instead of raised. Enough to try the whole
way from an error to a cell that runs.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from textwrap import indent

from .attached import Attachment

_ASKED = re.compile(
    r"(?P<verb>Fix|Explain|Document|Write tests for) "
    r"(?P<about>cell \d+|this cell|the function `(?P<name>[\w.]+)`)\."
)
_MEANT = re.compile(r"'(\w+)'.*?Did you mean: '(\w+)'")
_UNDEFINED = re.compile(r"NameError: name '(\w+)' is not defined")
_NO_KEY = re.compile(r"KeyError: '([^']*)'")
_NO_COLUMNS = re.compile(r"KeyError: .*?(?:\['|Columns? not found: '?)(\w+)")
_NOT_DEFINED = re.compile(r"(\w+) is not defined(?: \((\w+)\?\))?")
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHOWN = """\
except Exception as error:
    print(f"{type(error).__name__}: {error}")"""
_WORDS = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Request:
    """What a message asks about a cell.

    ``values`` are the descriptions that went along, one below the other.
    """

    verb: str
    about: str
    name: str
    source: str
    error: str
    values: str


def request_of(question: str, attached: Sequence[Attachment]) -> Request | None:
    """Find what a question asks about a cell or function; None if it asks no such."""
    asked = _ASKED.match(question)
    if asked is None:
        return None
    cells = [one.fields for one in attached if one.kind == "cell"] or [{}]
    values = (
        text for one in attached if one.kind == "value" for text in one.fields.values()
    )
    return Request(
        asked["verb"],
        asked["about"],
        asked["name"] or "",
        cells[0].get("source", ""),
        cells[0].get("error", ""),
        "\n".join(values),
    )


def reply_to(request: Request) -> str:
    """Write what a model might have answered, as Markdown."""
    if request.verb == "Explain":
        return _explanation(request)
    if request.verb == "Document":
        return _block("The functions have docstrings now.", _documented(request.source))
    if request.verb == "Write tests for":
        return _block(f"One test of `{request.name}`.", _tests(request.name))
    return _block(*_fixed(request))


def correction(reply: str, complaint: str) -> str:
    """Give a reply's code again, without what is complained of."""
    code = "\n".join(_CODE.findall(reply))
    for wrong, right in _NOT_DEFINED.findall(complaint):
        code = _replaced(code, wrong, right) if right else f"{wrong} = None\n{code}"
    return _block("What was not defined is now.", code.strip("\n"))


def _block(said: str, code: str) -> str:
    runs = [len(run) for run in re.findall(r"`{3,}", code)]
    fence = "`" * (max(runs, default=2) + 1)
    return f"{said}\n\n{fence}python\n{code}\n{fence}"


def _explanation(request: Request) -> str:
    lines = request.source.count("\n") + 1
    has = f"{lines} line{'s' * (lines > 1)}"
    last = request.error.strip().rpartition("\n")[2].replace("`", "'")
    failed = f" It failed with `{last}`." if last else " It ran without an error."
    return f"{request.about.capitalize()} has {has}.{failed}"


def _fixed(request: Request) -> tuple[str, str]:
    """Give what was wrong, and the cell put right."""
    for wrong, right in _slips(request):
        code = _replaced(request.source, wrong, right)
        if code != request.source:
            return f"`{wrong}` is not there; `{right}` is.", code
    if "SyntaxError" in request.error or not _parses(request.source):
        return _closed(request.source)
    code = f"try:\n{indent(request.source, '    ')}\n{_SHOWN}"
    return "The error is shown now, and raised no more.", code


def _slips(request: Request) -> Iterator[tuple[str, str]]:
    """Give what may be misspelt in the cell, with what may be meant."""
    yield from _MEANT.findall(request.error)
    known = _WORDS.findall(f"{request.values}\n{request.source}")
    for pattern in (_UNDEFINED, _NO_KEY, _NO_COLUMNS):
        for wrong in pattern.findall(request.error):
            others = dict.fromkeys(word for word in known if word != wrong)
            near = difflib.get_close_matches(wrong, others, 1, 0.6)
            yield from ((wrong, right) for right in near)


def _replaced(source: str, wrong: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda match: right, source)


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _closed(source: str) -> tuple[str, str]:
    """Close what is open, or else make the cell one that only says so."""
    body = source.rstrip()
    for end in (")", "]", "}", '"', "'", ":\n    pass", "):", '")'):
        if _parses(body + end):
            return f"`{end.split()[0]}` was missing at the end.", body + end
    lines = body.split("\n")
    for sign, (number, line) in product(":)]}", enumerate(lines)):
        mended = "\n".join([*lines[:number], line + sign, *lines[number + 1 :]])
        if _parses(mended):
            return f"`{sign}` was missing in line {number + 1}.", mended
    quoted = "\n".join(f"# {line}" for line in body.split("\n"))
    return "It is no Python; it is a comment now.", f"{quoted}\npass"


def _documented(source: str) -> str:
    """Give the source with a docstring in each function that has none."""
    if not _parses(source):
        return source
    lines = source.split("\n")
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and not ast.get_docstring(node)
    ]
    for node in sorted(functions, key=lambda node: -node.lineno):
        first = node.body[0]
        text = f'"""Do what `{node.name}` says."""'
        if first.lineno > node.lineno:
            lines.insert(first.lineno - 1, " " * first.col_offset + text)
    return "\n".join(lines)


def _tests(name: str) -> str:
    test = f"test_{name.replace('.', '_')}_can_be_called"
    return f"def {test}():\n    assert callable({name})\n\n\n{test}()"
