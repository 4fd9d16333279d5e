"""Tell what a text is that may be code: Python to run, a printed value, or neither."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator

__all__ = [
    "is_literal",
    "is_no_code",
    "is_python",
    "is_too_little",
    "parsed",
]

_LONGEST = 200_000  # characters; more than that is not read
_TRACEBACK = "Traceback (most recent call last)"
_TRACEBACK_RULE = re.compile(r"-{20,}\n\w+(?:Error|Exception|Interrupt|Warning)\b")
_HUNK = re.compile(r"^(?:@@ -\d|diff --git |--- \S.*\n\+\+\+ )", re.MULTILINE)
_MAGIC = re.compile(r"(\s*)(?:[%!]\s*[\w./]|.*[^\s?]\?{1,2}\s*$)")
_ASSIGNED_MAGIC = re.compile(r"([\w\s,.\[\]'\"]+=\s*)[%!]\s*\w.*")
_HALF_PROMPT = re.compile(r"In ?\[\d*\]?:?")
_VALUE_BEGINS = "[{(-'\"0123456789"
_FILE = frozenset([
    "cfg", "com", "csv", "db", "gz", "html", "io", "ipynb", "js", "json", "log",
    "md", "net", "org", "parquet", "pdf", "pkl", "png", "py", "sh", "sql", "svg",
    "toml", "tsv", "txt", "xlsx", "xml", "yaml", "yml", "zip",
])  # fmt: skip
_WORK = (
    ast.Assign,
    ast.AsyncFor,
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.AugAssign,
    ast.ClassDef,
    ast.For,
    ast.FunctionDef,
    ast.Import,
    ast.ImportFrom,
    ast.Match,
    ast.Try,
    ast.With,
)
_DOES = (ast.Await, ast.Call, ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp)
_LITERAL = (
    ast.Constant,
    ast.Dict,
    ast.List,
    ast.Set,
    ast.Tuple,
    ast.UnaryOp,
    ast.unaryop,
    ast.expr_context,
    ast.keyword,
)


def parsed(code: str) -> ast.Module | None:
    """Read code as a notebook would, its magic lines left out; None if it cannot be."""
    if len(code) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of `"\d"` and of `x is 1`
            return ast.parse(_without_magics(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_python(code: str, *, is_whole: bool, is_shown: bool = True) -> bool:
    """Tell whether a text that does not say what it is looks like Python to run.

    Parameters
    ----------
    is_whole : bool
        Whether all of it is there; of a text that was cut, its beginning is judged.
    is_shown : bool
        Whether it stands in a fence; a text that does not has to do something.
    """
    if is_no_code(code):
        return False
    tree = parsed(code) if is_whole else _beginning(code)
    if tree is None:
        return False
    if any(_is_magic(line) for line in code.split("\n")) and len(tree.body) < 2:
        return True
    return any(_works(node, is_shown) for node in tree.body)


def is_literal(code: str) -> bool:
    """Tell whether a text is nothing but values, as a program prints them."""
    tree = parsed(code)
    return tree is not None and all(
        isinstance(node, ast.Expr)
        and all(isinstance(part, _LITERAL) for part in ast.walk(node.value))
        for node in tree.body
    )


def is_too_little(code: str) -> bool:
    """Tell whether a text that was cut is a word, a value or signs, so far."""
    if re.match(r" \S", code):  # a line of a diff
        return True
    code = code.strip()
    if not code.strip("%!$>=-+`~ \n") or _HALF_PROMPT.fullmatch(code):
        return True
    if code.isidentifier() or (code[0] == "%" and "\n" not in code):
        return True
    return code[0] in _VALUE_BEGINS and parsed(code) is None and not _beginning(code)


def is_no_code(code: str) -> bool:
    """Tell whether a text is a traceback, a diff, or data."""
    text = code.strip()
    if not text or (_TRACEBACK.startswith(text[: len(_TRACEBACK)]) and len(text) > 1):
        return True
    return bool(
        text.startswith(_TRACEBACK)
        or _TRACEBACK_RULE.match(text)
        or _HUNK.match(text)
        or (parsed(code) is None and (_is_diff(code) or _is_json(text)))
    )


def _is_magic(line: str) -> bool:
    return bool(_MAGIC.match(line) and not line.lstrip().startswith("#"))


def _without_magics(code: str) -> str:
    """Put `pass` where IPython has syntax of its own."""
    if code.lstrip().startswith("%%"):
        code = code.lstrip().partition("\n")[2]
    if not any(sign in code for sign in "%!?"):
        return code
    return "\n".join(_plain(line) for line in code.split("\n"))


def _plain(line: str) -> str:
    if found := _ASSIGNED_MAGIC.match(line):
        return f"{found[1]}None"
    if _is_magic(line):
        return line[: len(line) - len(line.lstrip())] + "pass"
    return line


def _beginning(code: str) -> ast.Module | None:
    """Give as much of a text that was cut as can be read, without its last line."""
    lines = code.split("\n")[:200]
    for end in range(len(lines) - 1, max(0, len(lines) - 40), -1):
        tree = parsed("\n".join(lines[:end]))
        if tree is not None:
            return tree
    return None


def _works(node: ast.stmt, is_shown: bool) -> bool:
    """Tell whether a statement does what neither a printed value nor a word does."""
    if isinstance(node, _WORK):
        return True
    if isinstance(node, ast.AnnAssign):
        return node.value is not None
    if isinstance(node, ast.If | ast.While):
        return any(_works(one, is_shown) for one in node.body)
    if not isinstance(node, ast.Expr):
        return any(isinstance(one, _DOES) for one in ast.walk(node))
    return not _is_value(node.value) and (
        any(isinstance(one, _DOES) for one in ast.walk(node.value))
        or (is_shown and _looks_up(node.value))
    )


def _looks_up(node: ast.expr) -> bool:
    """Tell whether an expression takes a part of something, and is no file's name."""
    if isinstance(node, ast.Subscript):
        return True
    return isinstance(node, ast.Attribute) and node.attr not in _FILE


def _is_value(node: ast.expr) -> bool:
    """Tell whether an expression is a value as `repr` writes it."""
    return all(isinstance(one, _LITERAL) for one in _walked(node))


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    """Give the parts of an expression, of a class's `repr` only what it holds."""
    left = [node]
    while left:
        one = left.pop()
        if isinstance(one, ast.Call) and _is_repr(one.func):
            left += [*one.args, *(keyword.value for keyword in one.keywords)]
        else:
            yield one
            left += ast.iter_child_nodes(one)


def _is_repr(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in _PRINTED or (name[:1].isupper() and not name.isupper())


_PRINTED = frozenset([
    "array", "datetime", "date", "time", "timedelta", "defaultdict", "deque",
    "dict_keys", "dict_values", "dict_items", "range", "set", "frozenset", "tensor",
    "namespace", "mappingproxy",
])  # fmt: skip


def _is_diff(text: str) -> bool:
    lines = [line for line in text.split("\n") if line]
    return all(line[0] in "+- @\\" for line in lines) and any(
        line[0] in "+-" for line in lines
    )


def _is_json(text: str) -> bool:
    if text[0] not in "[{":
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
