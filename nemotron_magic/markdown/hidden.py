"""Characters that a reader cannot see: removed, or shown by their number.

Text that looks empty can carry orders to a model, and marks of writing direction can
make code read as something it is not (https://trojansource.codes, CVE-2021-42574).
"""

import re

# Tags and variation selectors carry text of their own and have no look at all.
_SMUGGLERS = re.compile(
    "[\U000e0000-\U000e007f\U000e0100-\U000e01ef]+|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
# Joiners are letters' business in emoji and in Persian; beside ASCII they only hide.
_HIDDEN = re.compile(
    "([\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]"
    "|(?<=[ -~])[\u200c\u200d]|[\u200c\u200d](?=[ -~]))\\1*"
)


def without_smuggled(text: str) -> str:
    """Remove characters that only carry hidden text, and halves of characters."""
    return _SURROGATES.sub("\ufffd", _SMUGGLERS.sub("", text))


def with_badges(html: str) -> str:
    """Show each unseen character of an HTML text (not of a tag) by its number."""
    return _HIDDEN.sub(_badge, _SMUGGLERS.sub("", html))


def without_hidden(text: str) -> str:
    """Remove what cannot be seen, where no badge can stand: in an attribute."""
    return _HIDDEN.sub("", without_smuggled(text))


def _badge(match: re.Match[str]) -> str:
    times = f" ×{len(match[0])}" if len(match[0]) > 1 else ""
    return f'<span class="nm-hidden">[U+{ord(match[1]):04X}{times}]</span>'
