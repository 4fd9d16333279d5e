"""Classify text that may be code: Python, shell, a printed value, prose."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator

__all__ = [
    "PYTHON_PROMPT",
    "SHELL_PROMPT",
    "is_line_magics",
    "is_literal",
    "is_no_code",
    "is_python",
    "is_shell",
    "is_too_little",
    "parsed",
    "pip_lines",
    "strip_prompts",
    "strip_shell_prompts",
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
    """Return whether a text that does not say what it is looks like Python to run.

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
    """Return whether a text is nothing but values, as a program prints them."""
    tree = parsed(code)
    return tree is not None and all(
        isinstance(node, ast.Expr)
        and all(isinstance(part, _LITERAL) for part in ast.walk(node.value))
        for node in tree.body
    )


def is_too_little(code: str) -> bool:
    """Return whether a text that was cut is a word, a value or signs, so far."""
    if re.match(r" \S", code):  # a line of a diff
        return True
    code = code.strip()
    if not code.strip("%!$>=-+`~ \n") or _HALF_PROMPT.fullmatch(code):
        return True
    if code.isidentifier() or (code[0] == "%" and "\n" not in code):
        return True
    return code[0] in _VALUE_BEGINS and parsed(code) is None and not _beginning(code)


def is_no_code(code: str) -> bool:
    """Return whether a text is a traceback, a diff, or data."""
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
    """Return as much of a text that was cut as can be read, without its last line."""
    lines = code.split("\n")[:200]
    for end in range(len(lines) - 1, max(0, len(lines) - 40), -1):
        tree = parsed("\n".join(lines[:end]))
        if tree is not None:
            return tree
    return None


def _works(node: ast.stmt, is_shown: bool) -> bool:
    """Return whether a statement does what neither a printed value nor a word does."""
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
    """Return whether an expression takes a part of something, and is no file's name."""
    if isinstance(node, ast.Subscript):
        return True
    return isinstance(node, ast.Attribute) and node.attr not in _FILE


def _is_value(node: ast.expr) -> bool:
    """Return whether an expression is a value as `repr` writes it."""
    return all(isinstance(one, _LITERAL) for one in _walked(node))


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of an expression, of a class's `repr` only what it holds."""
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


PYTHON_PROMPT = re.compile(r"\s*(?:>>>(?: |$)|In \[[\d ]*\]: ?)")
SHELL_PROMPT = re.compile(
    r"\s*(?:\([\w.-]+\) ?)?(?:\[?[\w.-]+@[\w.-]+[^$#%>\n]*)?\$(?: |$)"
)
_GOES_ON = re.compile(r"\s*(?:\.\.\.(?: |$)|\.{3,}: ?)")
_COMMENT = re.compile(r"\s*(?:#|$)")


def strip_prompts(code: str) -> str:
    r"""Return what was typed at `>>>` or `In [1]:`; code without prompts is kept.

    A prompt counts if nothing but comments stands before it: further down it is an
    example in a docstring.

    >>> strip_prompts(">>> for x in y:\n...     x\n1\n2\n>>> y")
    'for x in y:\n    x\ny'
    """
    lines = code.split("\n")
    first = next((line for line in lines if not _COMMENT.match(line)), "")
    if not PYTHON_PROMPT.match(first):
        return code
    return "\n".join(_typed(lines, PYTHON_PROMPT, _GOES_ON))


def strip_shell_prompts(code: str) -> str:
    r"""Return the commands typed at `$`; without such prompts the code stays as it is.

    >>> strip_shell_prompts("$ ls \\\n  -l\ntotal 0\n$ pwd")
    'ls \\\n  -l\npwd'
    """
    lines = code.split("\n")
    if not any(SHELL_PROMPT.match(line) for line in lines):
        return code
    typed: list[str] = []
    goes_on = False
    for line in lines:
        if prompt := SHELL_PROMPT.match(line):
            typed.append(line[prompt.end() :])
        elif goes_on:
            typed.append(line.removeprefix("> "))
        goes_on = bool(prompt or goes_on) and line.endswith("\\")
    return "\n".join(typed)


def _typed(
    lines: list[str], prompt: re.Pattern[str], goes_on: re.Pattern[str]
) -> Iterator[str]:
    """Yield what stands behind prompts, and comments that stand before the first."""
    begun = in_input = False
    for line in lines:
        if found := prompt.match(line):
            begun = in_input = True
            yield line[found.end() :]
        elif in_input and (found := goes_on.match(line)):
            yield line[found.end() :]
        elif not begun:
            yield line.strip()
        else:
            in_input = False


_COMMAND = re.compile(
    r"(?:sudo |[A-Z_]+=\S+ )*(?:\./|\.venv/|\S+/bin/)?(?:apt|apt-get|awk|aws|bash|brew|"
    r"bun|cargo|cat|cd|chmod|chown|choco|code|conda|cp|curl|dbt|deactivate|df|docker|"
    r"docker-compose|du|dvc|echo|export|find|gcloud|gh|git|grep|gunzip|gzip|head|"
    r"huggingface-cli|ipython|jupyter|jupyter-lab|kaggle|kill|kubectl|ln|ls|make|mamba|"
    r"micromamba|mkdir|mv|mypy|node|npm|npx|nvidia-smi|ollama|openssl|pip|pip3|pipenv|"
    r"pipx|poetry|pre-commit|psql|pwd|pytest|python|python3|rm|rsync|ruff|scp|sed|"
    r"source|sqlite3|ssh|streamlit|tail|tar|terraform|touch|uname|unzip|uv|uvicorn|"
    r"uvx|virtualenv|wc|wget|which|yarn|yum|zip)(?:\s+(?![=(\[.,])\S.*|\s*)$"
)
_PIP = re.compile(r"!?\s*(?:python3? -m )?(pip|conda|mamba)3?( \w.*)$")
_LINE_MAGIC = re.compile(r"[%!][A-Za-z]")
_COMPOUND = re.compile(r"[|;&<>]|\$\(")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_shell(code: str) -> bool:
    """Return whether every line of a text is a well-known command."""
    lines = [line for line in _whole_lines(code) if not line.startswith("#")]
    return bool(lines) and all(_COMMAND.match(line) for line in lines)


def is_line_magics(code: str) -> bool:
    """Return whether every line of a text is for IPython, such as `%pip` or `!ls`."""
    lines = [line for line in _whole_lines(code) if not line.startswith("#")]
    return bool(lines) and all(_LINE_MAGIC.match(line) for line in lines)


def pip_lines(code: str) -> str:
    r"""Return commands that install packages as magics, which install into this kernel.

    Empty if there are other commands.

    >>> pip_lines("# first\npip install polars")
    '# first\n%pip install polars'
    """
    made: list[str] = []
    goes_on = False
    for line in code.strip("\n").split("\n"):
        command = _PIP.match(line)
        if goes_on or _is_comment(line):
            made.append(line)
        elif command and not _COMPOUND.search(_QUOTED.sub("", line)):
            made.append(f"%{command[1]}{command[2]}")
        else:
            return ""
        goes_on = line.endswith("\\")
    is_any = any(line.startswith("%") for line in made)
    return "\n".join(made) if is_any else ""


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _whole_lines(code: str) -> list[str]:
    """Return the lines that say something, those that a backslash joins as one."""
    joined = re.sub(r"\\\n\s*", "", code)
    return [line.strip() for line in joined.split("\n") if line.strip()]
