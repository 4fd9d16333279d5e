"""The columns that code takes from a live table which does not have them.

The code is followed from its top down, as it runs. As soon as something may have
changed a table, nothing is said of it any more: in a loop, in a function that is
called, under a name of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from nemotron_magic.code.findings import Finding, nearest
from nemotron_magic.code.frames import Frame, frame_of
from nemotron_magic.code.owner import Owner
from nemotron_magic.code.taken import Taken, taken_columns
from nemotron_magic.code.touched import effects_of
from nemotron_magic.code.trees import is_call_of, tested_texts

__all__ = ["missing_columns"]

_MOST = 20
_FEW_ROWS = 10


def missing_columns(tree: ast.Module, namespace: Mapping[str, object]) -> list[Finding]:
    """Give a finding for each column that a table does not have."""
    frames = _live_frames(tree, namespace)
    if not frames:
        return []
    walk = _Walk(frames, Owner.of(tree, namespace).is_own, tested_texts(tree))
    walk.follow(tree.body)
    return list(walk.found.values())[:_MOST]


def _live_frames(tree: ast.Module, namespace: Mapping[str, object]) -> dict[str, Frame]:
    names = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in namespace
    }
    found = {name: frame_of(namespace, name) for name in names}
    return {name: frame for name, frame in found.items() if frame}


class _Walk:
    """What is known of the tables while the code is followed."""

    def __init__(
        self,
        frames: dict[str, Frame],
        is_own: Callable[[ast.Call], bool],
        tested: set[str],
    ) -> None:
        self.found: dict[tuple[str, str], Finding] = {}
        self._frames = frames
        self._is_own = is_own
        self._tested = tested

    def follow(self, body: list[ast.stmt], *, is_sure: bool = True) -> None:
        """Follow statements; of those that may not run, only what they change."""
        for statement in body:
            if self._frames:
                self._follow(statement, is_sure)

    def _follow(self, node: ast.stmt, is_sure: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._change(node)
            case ast.For() | ast.AsyncFor() | ast.While():
                if not isinstance(node, ast.While):
                    self._run(node.iter, is_sure)
                self._change(node)  # by an earlier round
                self.follow([*node.body, *node.orelse], is_sure=is_sure)
            case ast.With() | ast.AsyncWith():
                is_sure = is_sure and not any(
                    _expects_errors(one) for one in node.items
                )
                for item in node.items:
                    self._run(item, is_sure)
                self.follow(node.body, is_sure=is_sure)
            case ast.If(test):
                self._run(test, is_sure)
                self._change(node)
            case ast.Match() | ast.Try():
                self._change(node)
            case ast.Assign(targets, value):
                self._run(value, is_sure)
                for target in targets:
                    self._run(target, is_sure)
            case ast.AnnAssign(target, _, value) if value:
                self._run(value, is_sure)
                self._run(target, is_sure)
            case _:
                self._run(node, is_sure)

    def _run(self, node: ast.AST, is_sure: bool) -> None:
        """Take in what an expression changes, then look at what it surely takes."""
        before = dict(self._frames)
        self._change(node)
        same = {name for name in self._frames if self._frames[name] == before[name]}
        if is_sure:
            for taken in taken_columns(node, same):
                self._look_up(taken)

    def _change(self, node: ast.AST) -> None:
        effects = effects_of(node, self._frames, self._is_own)
        for name in effects.lost:
            self._frames.pop(name, None)
        for name, column in effects.added:
            if frame := self._frames.get(name):
                columns = frame.columns | {column}
                self._frames[name] = replace(frame, columns=columns)

    def _look_up(self, taken: Taken) -> None:
        name, column = taken.table, taken.column
        frame = self._frames[name]
        is_there = column in frame.columns or (
            taken.may_be_level and column in frame.levels
        )
        may_be_values = taken.is_listed_key and 0 < frame.rows <= _FEW_ROWS
        may_be_row = taken.may_be_row and frame.is_deep
        if (
            is_there
            or may_be_values
            or may_be_row
            or column in self._tested
            or _may_be_pattern(column)
        ):
            return
        what = f"{name}[{column!r}]"
        self.found[name, column] = Finding(
            "column", what, nearest(column, frame.columns)
        )


def _may_be_pattern(column: str) -> bool:
    """Tell whether polars may read it as a pattern, or plotly as what it makes up."""
    return not column or column[0] in "^*" or column in ("index", "value", "variable")


def _expects_errors(item: ast.withitem) -> bool:
    return is_call_of(item.context_expr, "suppress", "raises")
