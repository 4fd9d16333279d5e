"""Classify text that may be code: Python, shell, a printed value, prose."""

from __future__ import annotations

import ast
import json
import re

from nemotron_magic.code.syntax import LIBRARIES, try_to_parse, words

_LONGEST = 200_000  # characters; more than that is not read
_TRACEBACK = "Traceback (most recent call last)"
_TRACEBACK_RULE = re.compile(r"-{20,}\n\w+(?:Error|Exception|Interrupt|Warning)\b")
_HUNK = re.compile(r"^(?:@@ -\d|diff --git |--- \S.*\n\+\+\+ )", re.MULTILINE)
_MAGIC = re.compile(
    r"\s*(?:[%!]\s*[\w./]|\?{1,2}\s*[\w.*]+\s*$|%{0,2}[\w.*]+(?:\[\d+\])?\?{1,2}\s*$)"
)
_ASSIGNED_MAGIC = re.compile(r"([\w\s,.\[\]'\"]+=\s*)[%!]\s*\w.*")
_HALF_PROMPT = re.compile(r"In ?\[\d*\]?:?")
_VALUE_BEGINS = "[{(-'\"0123456789"
_FILE_ENDINGS = words("file_endings")
_PRINTED = words("printed")
_PRINTED_WITH_DOTS = re.compile(LIBRARIES["printed_with_dots"])
_NEVER_PRINTED = words("never_printed")
_TABLE = re.compile(r"df\w*")
_WORK = (
    ast.Assert, ast.Assign, ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith,
    ast.AugAssign, ast.ClassDef, ast.Delete, ast.For, ast.FunctionDef, ast.Import,
    ast.ImportFrom, ast.Match, ast.Raise, ast.Try, ast.With,
)  # fmt: skip
_DOES = (ast.Await, ast.Call, ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp)
_LITERAL = (
    ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple, ast.UnaryOp, ast.unaryop,
    ast.expr_context, ast.keyword,
)  # fmt: skip


def parsed(code: str) -> ast.Module | None:
    """Read code as a notebook would, its magic lines left out; None if it cannot be."""
    return try_to_parse(_without_magics(code)) if len(code) <= _LONGEST else None


def is_python(code: str, *, is_whole: bool, is_shown: bool = True) -> bool:
    """Return whether a text that does not say what it is looks like Python to run.

    Of a text that is not whole, its beginning is judged; one that is not shown, which
    stands in no fence, has to do something.
    """
    if is_no_code(code):
        return False
    tree = parsed(code) if is_whole else _beginning(code)
    if tree is None:
        return False
    is_bare = all(isinstance(node, ast.Pass) for node in tree.body)
    if is_bare and any(map(_is_magic, code.split("\n"))):
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
    # What was cut may be the beginning of a traceback.
    begins = _TRACEBACK.startswith(text[: len(_TRACEBACK)]) and len(text) != 1
    return bool(
        begins
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
    lines = [_ASSIGNED_MAGIC.sub(r"\1None", line) for line in code.split("\n")]
    indents = (line[: len(line) - len(line.lstrip())] for line in lines)
    plain = zip(lines, indents, strict=True)
    return "\n".join(f"{i}pass" if _is_magic(line) else line for line, i in plain)


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
    value = node.value
    does = any(isinstance(one, _DOES) for one in ast.walk(value))
    return not _is_value(value) and (does or (is_shown and _looks_up(value)))


def _looks_up(node: ast.expr) -> bool:
    """Return whether an expression takes a part of something, and is no path."""
    match node:
        case ast.Name(name):
            return bool(_TABLE.fullmatch(name))
        case ast.Compare(_, [ast.Eq() | ast.NotEq()]) | ast.JoinedStr() | ast.IfExp():
            return True
    kinds = {type(one) for one in ast.walk(node)}
    is_path = kinds & {ast.Div, ast.Sub} or any(
        isinstance(one, ast.Attribute) and one.attr in _FILE_ENDINGS
        for one in ast.walk(node)
    )
    return ast.Subscript in kinds or (ast.Attribute in kinds and not is_path)


def _is_value(node: ast.AST) -> bool:
    """Return whether an expression is a value as `repr` writes it."""
    left = [node]
    while left:
        match left.pop():
            case ast.Call(
                ast.Name() | ast.Attribute(ast.Name()) as func, args, keywords
            ) if _prints_as_call(ast.unparse(func)):
                left += [*args, *keywords]
            case ast.Attribute(ast.Name()) as one if _prints_as_call(ast.unparse(one)):
                pass
            case one if isinstance(one, _LITERAL):
                left += ast.iter_child_nodes(one)
            case _:
                return False
    return True


def _prints_as_call(name: str) -> bool:
    """Return whether what a name makes is printed as a call of it."""
    is_class = name.isidentifier() and name[:1].isupper() and not name.isupper()
    return (
        name in _PRINTED
        or (is_class and name not in _NEVER_PRINTED)
        or bool(_PRINTED_WITH_DOTS.fullmatch(name))
    )


def _is_diff(text: str) -> bool:
    signs = {line[0] for line in text.split("\n") if line}
    return signs <= set("+- @\\") and bool(signs & set("+-"))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False


PYTHON_PROMPT = re.compile(r"\s*(?:>>>(?: |$)|In \[[\d ]*\]: ?)")
SHELL_PROMPT = re.compile(
    r"\s*(?:\([\w.-]+\) ?)?(?:\[?[\w.-]+@[\w.-]+[^$#%>\n]*)?\$(?: |$)"
)
_GOES_ON = re.compile(r"\s*(?:\.\.\.(?: |$)|\.{3,}: ?)")
_COMMENT = re.compile(r"\s*(?:#|$)")


def strip_prompts(code: str) -> str:
    """Return what was typed at `>>>` or `In [1]:`; code without prompts is kept.

    A prompt counts if nothing but comments stands before it: further down it is an
    example in a docstring.
    """
    lines = code.split("\n")
    first = next((line for line in lines if not _COMMENT.match(line)), "")
    if not PYTHON_PROMPT.match(first):
        return code
    typed, begun, in_input = [], False, False
    for line in lines:
        prompt = PYTHON_PROMPT.match(line)
        goes_on = _GOES_ON.match(line) if in_input else None
        if found := prompt or goes_on:
            typed.append(line[found.end() :])
            begun = True
        elif not begun:  # a comment
            typed.append(line.strip())
        in_input = bool(found)
    return "\n".join(typed)


def strip_shell_prompts(code: str) -> str:
    """Return the commands typed at `$`; code without such prompts is kept."""
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


_COMMAND = re.compile(
    r"(?:sudo |[A-Z_]+=\S+ )*(?:\./|\.venv/|\S+/bin/)?"
    rf"(?:{'|'.join(LIBRARIES['commands'].split())})"
    r"(?:\s+(?![=(\[.,])\S.*)$"
    rf"|(?:{'|'.join(LIBRARIES['lone_commands'].split())})\s*$"
)
_PIP = re.compile(r"!?\s*(?:python3? -m )?(pip|conda|mamba)3?( \w.*)$")
_LINE_MAGIC = re.compile(r"[%!][A-Za-z]")
_COMPOUND = re.compile(r"[|;&<>]|\$\(")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_shell(code: str) -> bool:
    """Return whether every line of a text is a well-known command."""
    return _all_lines_match(_COMMAND, code)


def is_line_magics(code: str) -> bool:
    """Return whether every line of a text is for IPython, such as `%pip` or `!ls`."""
    return _all_lines_match(_LINE_MAGIC, code)


def _all_lines_match(pattern: re.Pattern[str], code: str) -> bool:
    """Return whether all lines but comments match; those a backslash joins are one."""
    lines = (line.strip() for line in re.sub(r"\\\n\s*", "", code).split("\n"))
    lines_of_code = [line for line in lines if line and line[0] != "#"]
    return bool(lines_of_code) and all(map(pattern.match, lines_of_code))


def pip_lines(code: str) -> str:
    r"""Return commands that install packages as magics; empty if there are others.

    >>> pip_lines("# first\npip install polars")
    '# first\n%pip install polars'
    """
    made: list[str] = []
    goes_on = False
    for line in code.strip("\n").split("\n"):
        command = _PIP.match(line)
        if goes_on or not line.strip() or line.lstrip().startswith("#"):
            made.append(line)
        elif command and not _COMPOUND.search(_QUOTED.sub("", line)):
            made.append(f"%{command[1]}{command[2]}")
        else:
            return ""
        goes_on = line.endswith("\\")
    is_any = any(line.startswith("%") for line in made)
    return "\n".join(made) if is_any else ""
