"""Say matplotlib figures and axes: titles, labels, limits, how much is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
from nemotron_magic.context.describers.privacy import tells_of_person
from nemotron_magic.context.describers.statics import bases, home

__all__ = ["KINDS"]

_AXES = 12
_LABELS = 8
_DRAWN = ("lines", "patches", "collections", "images", "texts")


def _own(value: Any, name: str) -> Any:
    """Give the class of matplotlib's, whose methods are called instead of others'."""
    return next(cls for cls in bases(type(value)) if home(cls) == ("matplotlib", name))


def _figure(figure: Any, look: Look) -> Iterator[str]:
    cls = _own(figure, "Figure")
    axes = list(cls.get_axes(figure))
    title = cls.get_suptitle(figure)
    wide, high = cls.get_size_inches(figure).tolist()
    named = f" {_said(title, look)}" if title else ""
    yield f"matplotlib Figure{named}, {wide:g} × {high:g} inches, {len(axes)} axes"
    for one in axes[:_AXES]:
        yield from (f"  {line}" for line in look.lines(one, figure))
    if len(axes) > _AXES:
        yield f"  … and {len(axes) - _AXES} more axes"


def _axes(axes: Any, look: Look) -> Iterator[str]:
    cls = _own(axes, "Axes")
    title = cls.get_title(axes)
    yield f"matplotlib Axes{f' {_said(title, look)}' if title else ''}"
    for axis, *get in (
        ("x", cls.get_xlabel, cls.get_xlim, cls.get_xscale),
        ("y", cls.get_ylabel, cls.get_ylim, cls.get_yscale),
    ):
        label, limits, scale = (one(axes) for one in get)
        yield f"  {axis} axis: {_axis(label, limits, scale, look)}"
    drawn = {name: list(getattr(cls, name).__get__(axes)) for name in _DRAWN}
    said = [f"{len(parts):,} {name}" for name, parts in drawn.items() if parts]
    yield f"  drawn: {', '.join(said) or 'nothing'}"
    labels = [str(line.get_label()) for line in drawn["lines"][:_LABELS]]
    if named := [_said(label, look) for label in labels if label[:1] != "_"]:
        yield f"  lines: {', '.join(named)}"
    if (legend := cls.get_legend(axes)) is not None:
        texts = (_said(text.get_text(), look) for text in legend.get_texts()[:_LABELS])
        yield f"  legend: {', '.join(texts)}"


def _axis(label: str, limits: Any, scale: str, look: Look) -> str:
    low, high = (float(end) for end in limits)
    name = _said(label, look) if label else "no label"
    return f"{name}, {low:.6g} to {high:.6g}, {scale}"


def _said(text: str, look: Look) -> str:
    """Return a text of a figure in quotes, unless a person seems to be in it."""
    is_open = look.is_full or not tells_of_person(text)
    return repr(short(text)) if is_open else "(not named)"


KINDS: dict[tuple[str, str], Describer] = {
    ("matplotlib", "Figure"): _figure,
    ("matplotlib", "Axes"): _axes,
}
