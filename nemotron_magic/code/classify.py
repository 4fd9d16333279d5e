"""Classify text that may be code: Python, shell, a printed value, prose."""

from __future__ import annotations

import ast
import json
import re

from nemotron_magic.code.syntax import kinds, nodes_of, pattern, try_to_parse, words

_LONGEST = 200_000  # characters; more than that is not read
_TRACEBACK = "Traceback (most recent call last)"
_VALUE_BEGINS = "[{(-'\"0123456789"


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
    if is_bare and any(map(pattern("for_ipython").match, code.split("\n"))):
        return True
    return any(_works(node, is_shown) for node in tree.body)


def is_literal(code: str) -> bool:
    """Return whether a text is nothing but values, as a program prints them."""
    tree = parsed(code)
    return tree is not None and all(
        isinstance(node, ast.Expr)
        and all(isinstance(part, kinds("literal")) for part in ast.walk(node.value))
        for node in tree.body
    )


def is_too_little(code: str) -> bool:
    """Return whether a text that was cut is a word, a value or signs, so far."""
    if re.match(r" \S", code):  # a line of a diff
        return True
    code = code.strip()
    if not code.strip("%!$>=-+`~ \n") or pattern("half_prompt").fullmatch(code):
        return True
    if code.isidentifier() or (code[0] == "%" and "\n" not in code):
        return True
    return code[0] in _VALUE_BEGINS and parsed(code) is None and not _beginning(code)


def is_no_code(code: str) -> bool:
    """Return whether a text is a traceback, a diff, or data."""
    text = code.strip()
    # What was cut may be the beginning of a traceback.
    begins = _TRACEBACK.startswith(text[: len(_TRACEBACK)]) and len(text) != 1
    if begins or pattern("traceback_rule").match(text) or pattern("hunk").match(text):
        return True
    signs = {line[0] for line in code.split("\n") if line}
    is_diff = signs <= set("+- @\\") and not signs.isdisjoint("+-")
    return (is_diff or _is_json(text)) and parsed(code) is None


def _without_magics(code: str) -> str:
    """Put `pass` where IPython has syntax of its own."""
    if code.lstrip().startswith("%%"):
        code = code.lstrip().partition("\n")[2]
    if not any(sign in code for sign in "%!?"):
        return code
    assigned, is_magic = pattern("assigned_magic"), pattern("for_ipython").match
    lines = (assigned.sub(r"\1None", line) for line in code.split("\n"))
    return "\n".join(
        re.sub(r"\S.*", "pass", line) if is_magic(line) else line for line in lines
    )


def _beginning(code: str) -> ast.Module | None:
    """Return as much of a text that was cut as can be read, without its last line."""
    lines = code.split("\n")[:200]
    ends = range(len(lines) - 1, max(0, len(lines) - 40), -1)
    return next(filter(None, (parsed("\n".join(lines[:end])) for end in ends)), None)


def _works(node: ast.stmt, is_shown: bool) -> bool:
    """Return whether a statement does what neither a printed value nor a word does."""
    does = any(isinstance(one, kinds("does")) for one in ast.walk(node))
    match node:
        case ast.AnnAssign():
            return node.value is not None
        case ast.If(_, body) | ast.While(_, body):
            return any(_works(one, is_shown) for one in body)
        case ast.Expr(value):
            does = does or (is_shown and _looks_up(value))
            return does and not _is_value(value)
    return does or isinstance(node, kinds("work"))


def _looks_up(node: ast.expr) -> bool:
    """Return whether an expression takes a part of something, and is no path."""
    match node:
        case ast.Name(name):
            return bool(re.fullmatch(r"df\w*", name))
        case ast.Compare(_, [ast.Eq() | ast.NotEq()]) | ast.JoinedStr() | ast.IfExp():
            return True
    parts = {type(one) for one in ast.walk(node)}
    names = {one.attr for one in nodes_of(ast.Attribute, node)}
    is_path = parts & {ast.Div, ast.Sub} or names & words("file_endings")
    return ast.Subscript in parts or (ast.Attribute in parts and not is_path)


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
            case one if isinstance(one, kinds("literal")):
                left += ast.iter_child_nodes(one)
            case _:
                return False
    return True


def _prints_as_call(name: str) -> bool:
    """Return whether what a name makes is printed as a call of it."""
    is_class = name.isidentifier() and name[:1].isupper() and not name.isupper()
    return (
        name in words("printed")
        or (is_class and name not in words("never_printed"))
        or bool(pattern("printed_with_dots").fullmatch(name))
    )


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False


def strip_prompts(code: str) -> str:
    """Return what was typed at `>>>` or `In [1]:`; code without prompts is kept."""
    lines = code.split("\n")
    # Below more than comments, a prompt is an example in a docstring.
    first = next((line for line in lines if not pattern("comment").match(line)), "")
    if not pattern("python_prompt").match(first):
        return code
    start, found = lines.index(first), None
    typed = [line.strip() for line in lines[:start]]  # comments
    for line in lines[start:]:
        goes_on = pattern("prompt_goes_on").match(line) if found else None
        if found := pattern("python_prompt").match(line) or goes_on:
            typed.append(line[found.end() :])
    return "\n".join(typed)


def strip_shell_prompts(code: str) -> str:
    """Return the commands typed at `$`; code without such prompts is kept."""
    typed: list[str] = []
    goes_on = False
    for line in code.split("\n"):
        if prompt := pattern("shell_prompt").match(line):
            typed.append(line[prompt.end() :])
        elif goes_on:
            typed.append(line.removeprefix("> "))
        goes_on = bool(prompt or goes_on) and line.endswith("\\")
    return "\n".join(typed) if typed else code


def is_all(name: str, code: str) -> bool:
    """Return whether all lines but comments match; those a backslash joins are one."""
    lines = (line.strip() for line in re.sub(r"\\\n\s*", "", code).split("\n"))
    lines_of_code = [line for line in lines if line and line[0] != "#"]
    return bool(lines_of_code) and all(map(pattern(name).match, lines_of_code))


def pip_lines(code: str) -> str:
    """Return commands that install packages as magics; empty if there are others."""
    made: list[str] = []
    goes_on, quoted = False, pattern("quoted")
    for line in code.strip("\n").split("\n"):
        command = pattern("pip_command").match(line)
        if goes_on or not line.strip() or line.lstrip().startswith("#"):
            made.append(line)
        elif command and not re.search(r"[|;&<>]|\$\(", quoted.sub("", line)):
            made.append(f"%{command[1]}{command[2]}")
        else:
            return ""
        goes_on = line.endswith("\\")
    return "\n".join(made) if any(line[:1] == "%" for line in made) else ""
