"""Say matplotlib figures and axes: titles, labels, limits, how much is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nemotron_magic.context.describers.look import Describer, Look, short
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
    named = f" {short(title)!r}" if title else ""
    yield f"matplotlib Figure{named}, {wide:g} × {high:g} inches, {len(axes)} axes"
    for one in axes[:_AXES]:
        yield from (f"  {line}" for line in look.lines(one, figure))
    if len(axes) > _AXES:
        yield f"  … and {len(axes) - _AXES} more axes"


def _axes(axes: Any, look: Look) -> Iterator[str]:
    cls = _own(axes, "Axes")
    title = cls.get_title(axes)
    yield f"matplotlib Axes{f' {short(title)!r}' if title else ''}"
    yield f"  x axis: {_axis(cls.get_xlabel, cls.get_xlim, cls.get_xscale, axes)}"
    yield f"  y axis: {_axis(cls.get_ylabel, cls.get_ylim, cls.get_yscale, axes)}"
    drawn = {name: list(getattr(cls, name).__get__(axes)) for name in _DRAWN}
    said = [f"{len(parts):,} {name}" for name, parts in drawn.items() if parts]
    yield f"  drawn: {', '.join(said) or 'nothing'}"
    labels = [str(line.get_label()) for line in drawn["lines"][:_LABELS]]
    if named := [repr(short(label)) for label in labels if label[:1] != "_"]:
        yield f"  lines: {', '.join(named)}"
    if (legend := cls.get_legend(axes)) is not None:
        texts = (repr(short(text.get_text())) for text in legend.get_texts()[:_LABELS])
        yield f"  legend: {', '.join(texts)}"


def _axis(label: Any, limits: Any, scale: Any, axes: Any) -> str:
    low, high = (float(end) for end in limits(axes))
    name = repr(short(label(axes))) if label(axes) else "no label"
    return f"{name}, {low:.6g} to {high:.6g}, {scale(axes)}"


KINDS: dict[tuple[str, str], Describer] = {
    ("matplotlib", "Figure"): _figure,
    ("matplotlib", "Axes"): _axes,
}
