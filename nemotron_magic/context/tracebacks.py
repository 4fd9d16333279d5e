"""Shorten tracebacks to the user's frames and what each error of a chain said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nemotron_magic.core.text import plural

_LED_TO = re.compile(
    r"(?m)^.*(?:above exception was the direct cause|During handling of the above).*$"
)
_OF_GROUP = re.compile(r"\s*[|+](?:-\+)?")
_FRAME = re.compile(r"\s*(?:Cell |Input |File )\S.*(?::\d+|line \d+)")
_FRAME_BODY = re.compile(r"\s*-*>? *\d+ |\s*-+> |\s{3}|\s*$")
_ARROW = re.compile(r"\s*-*> ?\d")
_FOLDED = re.compile(r"\s*\[(?:\.\.\. skipping similar|Previous line repeated)")
_TIMES = re.compile(r"(\d+) (?:more )?times")
_NO_NEWS = re.compile(
    r"[-+|\s]*$|.*Traceback \(most recent call last\):?$|.*'Could not get source, "
)
_LIBRARY = re.compile(
    r"site-packages|dist-packages|[/\\]lib(?:64)?[/\\]python\d|[/\\]Python\d+[/\\]Lib[/\\]"
    r"|<frozen |<__array_function__|\.(?:pyx|pxi|pxd)\b"
)
_MOST_LINES = 60
_MOST_LINE_CHARS = 500


def clip_traceback(text: str, *, is_newest: bool = True) -> str:
    """Return the user's frames of a traceback, and what each error of a chain said.

    Of an error that is not the newest, the last frame and the message's first line do.
    """
    errors = [_without_libraries(error) for error in _LED_TO.split(text)]
    if not any(is_frame for _, is_frame in errors[-1]):
        # Somewhere it must have been: the innermost frame is all that is known.
        last = _LED_TO.split(text)[-1]
        frames = [line for line in last.splitlines() if _FRAME.match(line)]
        errors[-1][:0] = [(frame, True) for frame in frames[-1:]]
    if not is_newest:
        frames = [p for p, is_frame in errors[-1] if is_frame and not _FOLDED.match(p)]
        message = [piece for piece, is_frame in errors[-1] if not is_frame]
        return _bounded_lines([*frames[-1:], *message[:1]])
    chain = [_bounded_lines(_folded(error)) for error in errors]
    # What pandas raises twice tells nothing new the first time.
    news = [one for one in chain[:-1] if one and not chain[-1].endswith(one)]
    return "\nled to\n".join([*dict.fromkeys(news), chain[-1]])


def is_library(file: str) -> bool:
    """Return whether a file, as a frame names it, is not the user's."""
    return bool(_LIBRARY.search(file))


def _without_libraries(error: str) -> list[tuple[str, bool]]:
    """Return the user's frames, marked as such, and the other lines, in order."""
    found: list[tuple[list[str], bool]] = []
    in_frame = False
    for line in error.splitlines():
        plain = _OF_GROUP.sub("", line, count=1)
        starts_frame = bool(_FRAME.match(plain) or _FOLDED.match(plain))
        if in_frame and not starts_frame and _FRAME_BODY.match(plain):
            found[-1][0].append(line)
        elif starts_frame or not _NO_NEWS.match(plain):
            found.append(([line], starts_frame))
            in_frame = starts_frame
    own = (one for one in found if not (one[1] and is_library(one[0][0])))
    return [("\n".join(_telling_lines(lines)), is_frame) for lines, is_frame in own]


def _telling_lines(lines: list[str]) -> list[str]:
    """Return the head of a frame, and of its code what the model does not have."""
    is_cell = lines[0].lstrip().startswith(("Cell ", "Input ", "File <ipython-input"))
    marked = list(filter(_ARROW.match, lines)) if is_cell else []
    return [lines[0], *(one for one in marked or lines[1:] if not _NO_NEWS.match(one))]


def _folded(pieces: Iterable[tuple[str, bool]]) -> Iterator[str]:
    """Yield the pieces, each frame once, and how many of them there were more."""
    seen: set[str] = set()
    more = 0
    for piece, is_frame in pieces:
        folded = is_frame and _FOLDED.match(piece)
        if folded or (is_frame and piece in seen):
            more += sum(map(int, _TIMES.findall(piece))) if folded else 1
        else:
            if more:
                yield f"[… {plural(more, 'more frame')} like these …]"
            more = 0
            seen.add(piece)
            yield piece


def _bounded_lines(pieces: Iterable[str]) -> str:
    """Return the pieces as one text; of a long one, its first and last lines."""
    lines = [line[:_MOST_LINE_CHARS] for line in "\n".join(pieces).splitlines()]
    half = _MOST_LINES // 2
    if len(lines) > _MOST_LINES:
        gone = f"[… {plural(len(lines) - 2 * half, 'line')} cut …]"
        lines = [*lines[:half], gone, *lines[-half:]]
    return "\n".join(lines)
