"""The Python of a cell: its syntax tree, its names, and what findings say of it."""

from __future__ import annotations

import ast
import re
import tomllib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeVar

from nemotron_magic.core.text import closest_match, one_line


def read_table(name: str) -> dict[str, Any]:
    """Return a file of tables that stands beside this one."""
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


Namespace = Mapping[str, object]
LIBRARIES = read_table("libraries.toml")
_PATTERNS: dict[str, str] = read_table("patterns.toml")


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of `patterns.toml`."""
    text = re.sub(r"@(\w+)@", lambda word: f"(?:{_PATTERNS[word[1]]})", _PATTERNS[name])
    return re.compile(text, re.VERBOSE if "\n" in text else 0)


@cache
def words(name: str) -> frozenset[str]:
    """Return a list of `libraries.toml`."""
    return frozenset(LIBRARIES[name].split())


@cache
def kinds(name: str) -> tuple[type[ast.AST], ...]:
    """Return the kinds of nodes that a list of `libraries.toml` names."""
    return tuple(getattr(ast, one) for one in LIBRARIES["kinds"][name].split())


def by_word(table: dict[str, str]) -> dict[str, str]:
    """Return the key of a table by each word of its values."""
    return {word: key for key, words in table.items() for word in words.split()}


_PACKAGES: dict[str, str] = LIBRARIES["packages"] | {
    name: name for name in LIBRARIES["same_packages"].split()
}
IMPORTS: dict[str, str] = LIBRARIES["imports"] | {
    name: f"import {name}" for name in LIBRARIES["modules"].split()
}
_MOST_FINDINGS = 5
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that fails when the cell runs."""

    kind: Literal["syntax", "name", "module", "column", "trial"]
    # The message of the compiler with its line, the name, the module, or the table with
    # the column, as in `df['reigon']`; of a trial, what was raised and where.
    what: str
    near: str = ""  # a name or column much like it, or an import to add


def format_findings(findings: Collection[Finding]) -> str:
    """Return all findings in one line; empty if there are none."""
    if not findings:
        return ""
    parts = [*map(describe_finding, findings)]
    if others := len(parts[_MOST_FINDINGS:]):
        parts[_MOST_FINDINGS:] = [f"and {others} more"]
    return one_line(f"Look before you run it: {'; '.join(parts)}.", _LONGEST)


def describe_finding(finding: Finding) -> str:
    """Return one finding in a few words."""
    words = LIBRARIES["findings"][finding.kind].format(one_line(finding.what, 120))
    return f"{words} ({finding.near}?)" if finding.near else words


_DEEPEST = 18  # of the compiler's 20


def python_source(source: str, transform: Callable[[str], str]) -> str:
    """Return a cell with its magics made into calls; raise SyntaxError if that fails.

    IPython's own transformer gives an IndexError for `x = %`, others are the user's.
    """
    try:
        return transform(source)
    except SyntaxError:
        raise
    except Exception as error:
        why = type(error).__name__
        raise SyntaxError(f"IPython cannot read it, {why}") from error


def parse_quietly(text: str) -> ast.Module:
    """Parse Python without warnings: they show when it runs."""
    with warnings.catch_warnings(action="ignore"):
        return ast.parse(text)


def try_to_parse(text: str) -> ast.Module | None:
    """Return the syntax tree of Python; None if it cannot be read."""
    try:
        return parse_quietly(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def compile_cell(text: str) -> ast.Module:
    """Compile Python as a notebook does; raise SyntaxError wherever that fails.

    What nests deeper than anyone writes is read and not compiled: the compiler of
    Python 3.12 and later ends the process at it
    (https://github.com/python/cpython/issues/156091).
    """
    try:
        tree = parse_quietly(text)
        if not _is_deep(tree):
            with warnings.catch_warnings(action="ignore"):
                compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"it cannot be read, {type(error).__name__}") from error
    return tree


def _is_deep(tree: ast.Module) -> bool:
    """Return whether blocks stand in one another deeper than the compiler can count."""
    inside: list[tuple[ast.AST, int]] = [(tree, 0)]
    while inside:
        node, depth = inside.pop()
        match node:
            case ast.With(items) | ast.AsyncWith(items):
                depth += len(items)
            case ast.Try() | ast.TryStar():
                depth += 3
            case ast.For() | ast.AsyncFor() | ast.While():
                depth += 1
            case ast.DictComp() | ast.ListComp() | ast.SetComp():
                depth += 1
        if depth > _DEEPEST:
            return True
        inside += [(child, depth) for child in ast.iter_child_nodes(node)]
    return False


_Node = TypeVar("_Node", bound=ast.AST)


def nodes_of(kind: type[_Node], *roots: ast.AST) -> Iterator[_Node]:
    """Yield the nodes of a kind that stand in pieces of code."""
    return (one for root in roots for one in ast.walk(root) if isinstance(one, kind))


def magics(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Yield the magics of a transformed cell: name, line, and the body of the cell."""
    for call in nodes_of(ast.Call, tree):
        if is_call_of(call, "run_line_magic", "run_cell_magic", "magic"):
            texts = [text for arg in call.args for text in constant_texts(arg)]
            name, line, body, *_ = (*texts, "", "", "")
            yield name, line, body


def constant_texts(node: ast.AST) -> list[str]:
    """Return the text of a constant, or those in a list; nothing of anything else."""
    parts = node.elts if isinstance(node, ast.List) else [node]
    values = [one.value for one in parts if isinstance(one, ast.Constant)]
    return [value for value in values if isinstance(value, str)]


def is_call_of(node: ast.AST, *names: str) -> bool:
    """Return whether something is a call of a function or method of such a name."""
    match node:
        case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(_, name)):
            return name in names
    return False


def arguments_of(call: ast.Call) -> list[ast.expr]:
    """Return what a call hands over, by place and by name."""
    return [*call.args, *(one.value for one in call.keywords)]


def root_name(node: ast.AST) -> str:
    """Return the name that an expression begins with; empty if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def handles(node: ast.AST, errors: Collection[str]) -> bool:
    """Return whether a block catches one of some errors, or suppresses any."""
    match node:
        case ast.Try(handlers=handlers):
            types = [one.type for one in handlers]
            caught = [part for one in types if one for part in ast.walk(one)]
            names = {getattr(one, "id", getattr(one, "attr", "")) for one in caught}
            return None in types or not names.isdisjoint(errors)
        case ast.With(items):
            calls = (item.context_expr for item in items)
            return any(is_call_of(call, "suppress", "raises") for call in calls)
    return False


def names_in(*roots: ast.AST) -> set[str]:
    """Return all names that stand in pieces of code."""
    return {one.id for one in nodes_of(ast.Name, *roots)}


def tested_texts(tree: ast.AST) -> set[str]:
    """Return the texts that the code tests for with `in`."""
    return {
        text
        for compare in nodes_of(ast.Compare, tree)
        if any(isinstance(op, ast.In | ast.NotIn) for op in compare.ops)
        for part in ast.walk(compare)
        for text in constant_texts(part)
    }


def bound_names(*roots: ast.AST) -> set[str]:
    """Return all names that are bound somewhere in pieces of code."""
    found = set()
    for node in nodes_of(ast.AST, *roots):
        match node:
            case ast.alias(name, other):
                found.add(other or name.partition(".")[0])
            case (
                ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name)
                | ast.MatchAs(_, str(name)) | ast.MatchMapping(_, _, str(name))
                | ast.MatchStar(str(name)) | ast.ExceptHandler(_, str(name))
                | ast.Name(name, ast.Store()) | ast.arg(name)
            ):  # fmt: skip
                found.add(name)
    return found


class CellNames(NamedTuple):
    """The names that a cell reads, and those that it defines for others."""

    reads: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()


_MOST_CHARS = 200_000


def cell_names(source: str, transform: Callable[[str], str]) -> CellNames:
    """Return the names of a cell, also of the code below or behind its magics."""
    return _names_of(_trees(source, transform))


def read_names(source: str, transform: Callable[[str], str]) -> list[str]:
    """Return the names that a cell reads, in their order; else all of its words."""
    trees = _trees(source, transform)
    reads = _names_of(trees).reads
    words = dict.fromkeys(pattern("identifier").findall(source[:_MOST_CHARS]))
    return [word for word in words if word in reads or not trees]


def _trees(source: str, transform: Callable[[str], str]) -> list[ast.Module]:
    """Return the tree of a cell and those of its magics; none if it is not Python."""
    try:
        tree = try_to_parse(python_source(source[:_MOST_CHARS], transform))
    except SyntaxError:
        tree = None
    found = [tree] if tree else []
    for _, line, body in magics(tree) if tree else ():
        found += _trees(pattern("magic_options").sub("", body or line), transform)
    return found


def _names_of(trees: Sequence[ast.AST]) -> CellNames:
    reads: set[str] = set()
    defines: set[str] = set()
    left = list(trees)
    while left:
        match left.pop():
            case node if isinstance(node, kinds("scopes")):
                reads |= names_in(node) - bound_names(*ast.iter_child_nodes(node))
                defines |= {getattr(node, "name", "")} - {""}
            case ast.Name(name, ast.Load()):
                reads.add(name)
            case ast.Name() | ast.alias() as node:
                defines |= bound_names(node)
            case node:
                left += ast.iter_child_nodes(node)
    return CellNames(frozenset(reads), frozenset(defines))


_ERRORS = frozenset(["ImportError", "ModuleNotFoundError", "Exception"])
_INSTALLERS = frozenset(["pip", "conda", "mamba", "micromamba", "uv", "run", "cd"])


def missing_modules(
    tree: ast.Module, is_installed: Callable[[str], bool]
) -> Iterator[Finding]:
    """Yield a finding for each top-level module that cannot be imported.

    None if the code itself changes what is installed, or where modules are found.
    """
    names = [] if _changes_what_is_there(tree) else dict.fromkeys(_imported(tree.body))
    for name in names:
        if not is_installed(name):
            install = f"%pip install {_PACKAGES.get(name)}"
            near = install if name in _PACKAGES else closest_match(name, _PACKAGES)
            yield Finding("module", name, near)


def _changes_what_is_there(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if "install" in text.split():
                return True  # however it runs
            case ast.Attribute(_, "chdir"):
                return True
            case ast.Attribute(ast.Name("sys"), "path" | "modules" | "meta_path"):
                return True
    return any(name in _INSTALLERS for name, *_ in magics(tree))


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """Yield what is imported where nothing handles its absence."""
    for node in body:
        match node:
            case ast.Import(names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(str(module), _, 0):
                yield module.partition(".")[0]
            case ast.If(ast.Compare(ast.Name("__name__"))):
                yield from _imported(node.body)
            case _ if not (isinstance(node, ast.If) or handles(node, _ERRORS)):
                yield from _imported(getattr(node, "body", []))
