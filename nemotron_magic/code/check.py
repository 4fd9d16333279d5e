"""Check code before it is inserted, without running it.

What is found is what surely fails: no alarm is better than a false one. Of names that
nothing defines, pyflakes tells; it reads a module, while a notebook has names from
other cells, and a function may wait for one that a later cell defines.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator

from pyflakes.checker import Checker, FunctionScope
from pyflakes.messages import UndefinedName

from nemotron_magic.code import syntax
from nemotron_magic.code.columns import missing_columns
from nemotron_magic.code.syntax import Finding, Namespace, handles
from nemotron_magic.core.text import closest_match

_LONGEST = 200_000  # characters; more than that is not checked


def is_installed(module: str) -> bool:
    """Return whether a top-level module can be imported; nothing is imported for it."""
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a finder of the user's may refuse it
        return False


def check(
    source: str,
    namespace: Namespace,
    transform: Callable[[str], str] = str,
    is_installed: Callable[[str], bool] = is_installed,
) -> tuple[Finding, ...]:
    """Return what fails in a cell: syntax, names, modules, columns of live tables."""
    if len(source) > _LONGEST:
        return ()
    code = syntax.pattern("above").sub("", source)
    lines_above = "\n" * source.removesuffix(code).count("\n")
    code = syntax.pattern("timed").sub("", code)
    try:
        tree = syntax.compile_cell(lines_above + syntax.python_source(code, transform))
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        return (Finding("syntax", f"{line}{error.msg}"),)
    try:
        return (
            *syntax.missing_modules(tree, is_installed),
            *_undefined_names(tree, namespace),
            *missing_columns(tree, namespace),
        )
    except RecursionError:  # it nests deeper than anyone writes
        return ()


_MOST = 20

_Place = tuple[int, int]  # line and column


def _undefined_names(tree: ast.Module, namespace: Namespace) -> list[Finding]:
    """Return a finding for each name that is read and that nothing defines."""
    if _may_define_unseen(tree):
        return []
    bound, run = syntax.bound_names(tree), _places_run(tree)
    given = {*vars(builtins), *_guarded_names(tree)}
    is_given = syntax.pattern("given_name").fullmatch
    reads = {
        place: name
        for place, name in _undefined(tree, "annotations" in namespace)
        if not (name in namespace or name in given or is_given(name))
    }
    known = bound - set(reads.values())
    found: dict[str, Finding] = {}
    for place, name in sorted(reads.items()):
        # A later cell may define what only a function reads that is not called here,
        # unless it is a slip.
        is_run = place in run
        near = _near(name, namespace, known, 0.75 if is_run else 0.8)
        if name not in found and (is_run or (near and name not in bound)):
            found[name] = Finding("name", name, near)
    return list(found.values())[:_MOST]


def _undefined(tree: ast.Module, are_lazy: bool) -> Iterator[tuple[_Place, str]]:
    """Yield the place and name of each read that nothing above it defines."""
    rounds = [
        (node.lineno, node.end_lineno or 0, _assigned(node))
        for node in syntax.nodes_of(ast.stmt, tree)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While)
    ]
    for message in _Checker(tree, are_lazy).messages:
        if isinstance(message, UndefinedName):
            line, name = message.lineno, message.message_args[0]
            if not any(a <= line <= b and name in names for a, b, names in rounds):
                yield (line, message.col), name


class _Checker(Checker):
    """pyflakes, with what is never looked up left out."""

    def __init__(self, tree: ast.Module, are_lazy: bool) -> None:
        self._are_lazy = are_lazy  # the annotations
        super().__init__(tree, withDoctest=False)

    AWAIT = Checker.handleChildren  # stands at the top of a cell, too

    def handleAnnotation(self, annotation: ast.expr, node: ast.AST) -> None:  # noqa: N802
        """Read an annotation only where it is evaluated."""
        is_local = isinstance(self.scope, FunctionScope)
        if not (self._are_lazy or (is_local and isinstance(node, ast.AnnAssign))):
            super().handleAnnotation(annotation, node)

    def handle_annotation_always_deferred(self, *_: object) -> None:
        """Leave out annotations that are not evaluated."""

    def handleStringAnnotation(self, *_: object) -> None:  # noqa: N802
        """Leave out annotations that are texts."""


def _assigned(loop: ast.AST) -> set[str]:
    """Return what an earlier round of a loop may have assigned, not only changed."""
    changed = {id(node.target) for node in syntax.nodes_of(ast.AugAssign, loop)}
    return {
        node.id
        for node in syntax.nodes_of(ast.Name, loop)
        if isinstance(node.ctx, ast.Store) and id(node) not in changed
    }


def _places_run(tree: ast.Module) -> set[_Place]:
    """Return where names are looked up when the cell runs."""
    used: set[str] = set()
    while True:
        nodes = list(_nodes_run(tree, used))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        found = {node.id for node in names}
        found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if found <= used:
            return {(node.lineno, node.col_offset) for node in names}
        used = found


def _nodes_run(node: ast.AST, used: set[str]) -> Iterator[ast.AST]:
    """Yield what runs with a node: the bodies only of functions that are used."""
    yield node
    match node:
        case ast.Lambda(args):
            parts: Iterable[ast.AST] = [args]
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) if name not in used:
            returns = [node.returns] if node.returns else []
            parts = [*node.decorator_list, node.args, *returns]
        case ast.Call() if syntax.is_call_of(node, *syntax.words("call_back")):
            handed = syntax.arguments_of(node)
            bodies = [one.body for one in handed if isinstance(one, ast.Lambda)]
            parts = [*bodies, *ast.iter_child_nodes(node)]
        case _:
            parts = ast.iter_child_nodes(node)
    for part in parts:
        yield from _nodes_run(part, used)


def _guarded_names(tree: ast.Module) -> set[str]:
    """Return the names whose absence the code handles."""
    found = syntax.tested_texts(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Try(body) | ast.With(_, body) if handles(node, ["NameError"]):
                found |= syntax.names_in(*body)
            case ast.Delete(targets):  # by then, functions may have read them
                found |= syntax.names_in(*targets) & syntax.bound_names(tree)
    return found


def _may_define_unseen(tree: ast.Module) -> bool:
    """Return whether names may be defined in a way that cannot be seen."""
    compared = syntax.nodes_of(ast.Compare, tree)
    tested = {id(part) for part in syntax.nodes_of(ast.AST, *compared)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(_, [ast.alias("*")]):
                return True
            case ast.Name("exec" | "globals" | "locals") if id(node) not in tested:
                return True
            case ast.Attribute(_, "user_ns" | "push"):
                return True
    return any(
        name not in syntax.words("harmless_magics")
        and not (name == "time" and "=" not in line + body)
        for name, line, body in syntax.magics(tree)
    )


def _near(name: str, namespace: Namespace, bound: set[str], cutoff: float) -> str:
    if name in syntax.IMPORTS:
        return syntax.IMPORTS[name]
    given = (one for one in vars(builtins) if one.islower() and len(one) > 3)
    known = (one for one in (*bound, *namespace, *given) if type(one) is str)
    return closest_match(name, (one for one in known if one[:1] != "_"), cutoff)
