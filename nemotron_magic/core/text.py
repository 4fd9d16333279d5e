"""Make text from elsewhere fit to be shown, and format counts, tokens and costs.

A message quotes by `one_line`, a table by `sanitize_label`, Markdown by `literal`. Of
what cannot be seen, `strip_invisible` takes out what carries a text of its own,
`strip_hidden` the rest as well, and `strip_controls` also what steers a terminal;
`escape_invisible` and `visible` leave a sign in its place.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from itertools import count, islice

from nemotron_magic.core.usage import Usage


def plural(number: int, noun: str, several: str = "") -> str:
    """Return a number with its noun; `several` is a plural that is not made by an s."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def format_usd(cost_usd: float) -> str:
    """Return an amount of dollars with two significant digits, at least cents."""
    if cost_usd == 0:
        return "$0"
    if cost_usd < 0:
        return f"-{format_usd(-cost_usd)}"
    if cost_usd >= 0.1:
        return f"${cost_usd:,.2f}"
    power = int(f"{cost_usd:.1e}".partition("e")[2])  # once rounded to two digits
    return f"${cost_usd:.{1 - power}f}"


def format_cost(cost_usd: float | None, estimated_usd: float | None) -> str:
    """Return the cost; `~` says that it is by the catalogue's prices."""
    if cost_usd is not None:
        return format_usd(cost_usd)
    return "cost unknown" if estimated_usd is None else f"~{format_usd(estimated_usd)}"


def format_exchange(sent: int | None, received: int | None) -> str:
    """Return the tokens of a call; empty if neither figure is known."""
    known = (sent, received)
    figures = ("?" if one is None else f"{one:,}" for one in known)
    return "" if known == (None, None) else " → ".join(figures)


def format_tokens(usage: Usage, estimated: Usage | None = None) -> str:
    """Return the tokens of a call in words; `~` says that they are estimated."""
    known = estimated or usage
    figures = format_exchange(known.prompt_tokens, known.completion_tokens)
    about = "~" if estimated else ""
    return f"{about}{figures} tokens" if figures else "tokens unknown"


_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -~]?)"
    r"|\x9b[0-?]*[ -/]*[@-~]|[\x90\x98\x9d-\x9f][^\x07\x9c\n]*[\x07\x9c]?"
)
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3"
    "\U0001d159\U0001d173-\U0001d17a"
)
# Mongolian selectors and the blank of Braille have a use beside others of their script.
UNSEEN = rf"{_UNSEEN}\u180b-\u180d\u2800"
# Tags have no look at all and carry text of their own; so do selectors of a variation,
# but for one after a character.
_SMUGGLERS = re.compile(
    "[\U000e0000-\U000e0fff]+"
    rf"|(?<![^{UNSEEN}\u200c\u200d\ufe00-\ufe0f\U000e0000-\U000e0fff])[\ufe00-\ufe0f]+"
)
# Joiners are letters' business in emoji and in Persian; beside all else they only hide.
_LETTER = rf"[^\x00-\xa0{UNSEEN}\u200c\u200d]"
_HIDDEN = re.compile(
    rf"([{_UNSEEN}]|(?<!{_LETTER})[\u200c\u200d]|[\u200c\u200d](?!{_LETTER})"
    r"|(?<![\u1820-\u18aa])[\u180b-\u180d]"
    r"|(?<![\u2800-\u28ff])\u2800(?!\u2800*[\u2801-\u28ff]))\1*"
)
# Nearly no text has any, and one set of characters is looked for five times as fast.
_MAY_HIDE = re.compile(rf"[{UNSEEN}\u200c\u200d]")
_HIDDEN_AT_END = re.compile(
    rf"[{UNSEEN}\u200c\u200d\ufe00-\ufe0f\U000e0000-\U000e0fff\ud800-\udfff]+\Z"
)


class LongText:
    """A text that grows by pieces and takes the memory of its characters alone."""

    __slots__ = ("_encoded",)

    def __init__(self) -> None:
        self._encoded = bytearray()

    def add(self, piece: str) -> None:
        """Put `piece` at the end."""
        # A piece may end in half an emoji, see `well_formed`.
        self._encoded += piece.encode("utf-8", "surrogatepass")

    def __bool__(self) -> bool:
        return bool(self._encoded)

    def __str__(self) -> str:
        return self._encoded.decode("utf-8", "surrogatepass")


def one_line(text: str, longest: int = 300) -> str:
    """Return `text` as one line of at most `longest` characters, none a control."""
    line = " ".join(strip_controls(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def cut_middle(text: str, keep: int) -> str:
    """Return `text`, of a longer one about `keep` characters: both ends, by lines."""
    if len(text) <= keep:
        return text
    head, tail = text[: keep * 2 // 3], text[len(text) - keep // 3 :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    gone = len(text) - len(head) - len(tail)
    return f"{head}[… {gone:,} characters cut …]\n{tail}"


def sanitize_label(text: str, longest: int = 200) -> str:
    """Return what a service calls something, fit for a cell of a table."""
    return one_line(text.replace("`", "").replace("|", ""), longest)


def strip_controls(text: str) -> str:
    """Return `text` without what cannot be seen or would steer a terminal."""
    return strip_hidden(_ESCAPES.sub("", text.replace("\r\n", "\n")))


def strip_invisible(text: str) -> str:
    """Return `text` without what only carries hidden text, and well formed."""
    return text if text.isascii() else _SMUGGLERS.sub("", well_formed(text))


def escape_smuggled(text: str) -> str:
    """Return `text` with a sign in place of what only carries hidden text."""

    def sign(match: re.Match[str]) -> str:
        more = f" and {len(match[0]) - 1:,} more" if len(match[0]) > 1 else ""
        return f"[U+{ord(match[0][0]):04X}{more}]"

    return text if text.isascii() else _SMUGGLERS.sub(sign, text)


def strip_hidden(text: str) -> str:
    """Return `text` without what cannot be seen, for where no sign of it can stand."""
    text = strip_invisible(text)
    return _HIDDEN.sub("", text) if _MAY_HIDE.search(text) else text


def escape_invisible(text: str, frame: str = "{}", most: float = math.inf) -> str:
    r"""Return `text` with a sign in place of each character that cannot be seen.

    >>> escape_invisible("a\u202eb\x1b[1m\x00\x00")
    'a[U+202E]b[U+001B][1m[U+0000 ×2]'
    """
    numbers = count()

    def sign(match: re.Match[str]) -> str:
        if next(numbers) >= most:
            return "\ufffd"
        times = f" ×{len(match[0])}" if len(match[0]) > 1 else ""
        return frame.replace("{}", f"[U+{ord(match[1]):04X}{times}]")

    text = text if text.isascii() else _SMUGGLERS.sub("", text)
    return _HIDDEN.sub(sign, text) if _MAY_HIDE.search(text) else text


def visible(text: str) -> str:
    """Return `text` for a terminal: nothing in it steers, hides or is lost."""
    return escape_invisible(well_formed(text).replace("\r\n", "\n"))


class GrowingText:
    """Makes a text `visible` piece by piece, the same wherever it is cut."""

    __slots__ = ("_before", "_held")

    def __init__(self) -> None:
        self._before = self._held = ""

    def add(self, piece: str) -> str:
        """Return what can be shown now."""
        text = self._held + piece
        hidden = _HIDDEN_AT_END.search(text)
        end = hidden.start() if hidden else len(text)
        self._held = text[end:]
        return self._visible(text[:end])

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return self._visible(held)

    def _visible(self, text: str) -> str:
        shown = visible(self._before + text)[len(self._before) :]
        # What a joiner after it is depends on it.
        self._before = text[-1:] or self._before
        return shown


def well_formed(text: str) -> str:
    """Return `text` so that it can be encoded.

    JSON may cut an emoji's two surrogates into two chunks: halves that stand side by
    side become one character. A half that stays alone becomes U+FFFD.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_CANDIDATES = 200


def closest_match(word: str, known: Iterable[str], cutoff: float = 0.75) -> str:
    """Return the known word that looks most like another one; empty if none does."""
    lower, room = word.lower(), max(2, len(word) // 3)
    close = (
        one
        for one in known
        if abs(len(one) - len(word)) <= room
        and (one[:1].lower() == lower[:1] or one[-2:].lower() == lower[-2:])
    )
    candidates = {one.lower(): one for one in islice(close, _CANDIDATES)}
    found = difflib.get_close_matches(lower, candidates, n=1, cutoff=cutoff)
    return candidates[found[0]] if found else ""


def literal(text: str, longest: int = 500) -> str:
    """Return a text from elsewhere as inline code: nothing in it is Markdown."""
    plain = one_line(text, longest).replace("`", "'").replace("|", "¦")
    return f"`{plain}`" if plain else ""
