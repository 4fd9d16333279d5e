"""Words that the field has better ones for, counted in code, docs and messages.

    python tests/bench/words.py            # how often each occurs
    python tests/bench/words.py told kept  # where these do

The terms to use are those of the glossary in CONTRIBUTING. Names are whole tokens of
the program; phrases are looked for in everything that is written.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXTS = ("README.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md")

NAMES = {
    "Access": "Credentials",
    "Asked": "PreparedPrompt",
    "Attached": "ContextInfo",
    "Books": "CallAccounting",
    "Canvas": "DisplayManager",
    "Coder": "CodeInserter",
    "Complaint": "ServiceErrorBody",
    "ConnectionFailed": "ConnectError",
    "Desk": "PanelHost",
    "Details": "ReplyMetadata",
    "Draft": "ReplyAccumulator",
    "Effects": "mutations",
    "Entry": "PendingCall",
    "Exchange": "StreamConsumer",
    "Fitted": "FittedContext",
    "Foreign": "NotOurDatabase",
    "Interrupted": "InterruptedByUser",
    "Invocation": "ParsedMagic",
    "Job": "InsertOptions",
    "Joining": "ContinuationStream",
    "Kept": "CachedReply",
    "Look": "DescribeContext",
    "Once": "FinalRenderer",
    "OutcomeUnknown": "OutcomeUnknownError",
    "Owner": "UserCode",
    "Pace": "RepaintBudget",
    "PagePainter": "NotebookRenderer",
    "Painter": "Renderer",
    "Panels": "PanelRegistry",
    "Part": "ContextPart",
    "Recalled": "CacheHit",
    "Reclassified": "TextWasReasoning",
    "ReplyReader": "CompletionParser",
    "Runner": "App",
    "Running": "CellTracker",
    "Sealing": "redact_messages",
    "Served": "ModelInfo",
    "Sheet": "SettingsForm",
    "Silent": "NullRenderer",
    "Stage": "PanelPublisher",
    "Still": "StaticSnapshot",
    "Stop": "CancelToken",
    "Taken": "ColumnUse",
    "TypedFlags": "FlagParser",
    "Unshown": "SecretMapping",
    "WarmUp": "Preload",
    "Watch": "EventCallback",
    "_given": "a verb with its object",
    "_kept": "a verb with its object",
    "_said": "a verb with its object",
    "_shown": "a verb with its object",
    "_taken": "a verb with its object",
    "_told": "a verb with its object",
    "as_name": "sanitize_label",
    "books": "accounting",
    "canvas": "displays",
    "coder": "inserter",
    "configured": "load_config",
    "live_replacement": "fallback_model",
    "made_visible": "escape_bidi",
    "may_take": "estimate",
    "move_aside": "quarantine",
    "newest_runs": "latest_runs",
    "painter": "renderer",
    "priced": "dearest",
    "runner": "app",
    "sealed": "redacted",
    "todo": "hint",
    "told": "the thing itself",
    "trouble": "error",
    "unended": "pending",
    "unpriced": "unknown_cost",
    "unseen": "without_traceback",
    "untold": "unknown_tokens",
    "warm_up": "preload",
    "with_badges": "escape_invisible_html",
    "with_hidden_shown": "escape_invisible",
    "without_smuggled": "strip_invisible",
}
"""Each name that is not to be used, and the term of the field."""

PHRASES = {
    r'"""Gives? ': "Return",
    r'"""Tells? ': "Return whether",
    r"\b(?:go|goes|going|gone|went|takes?|taken) along\b": "is sent",
    r"\bas far as\b": "if, where",
    r"\bso many\b": "a number of",
    r"\bthere is none\b": "missing",
    r"\bwhat (?:it|that|they) took\b": "time, tokens and cost",
    r"\bnone told\b|\btells? of\b|\btold of\b": "reported",
    r"\bis (?:any|no) one's\b": "belongs to",
    r"\bof (?:ours|the user's)\b(?! \w)": "our own, user code",
    r"\bstand-in\b": "rehearsal, test server",
    r"\bwarm[- ]up\b": "preload",
    r"\bthe hinge\b": "the registry",
    r"\btaken out\b": "redacted",
    r"\bpaint(?:s|ed|er)?\b": "show, render",
    r"\banew\b": "again",
    r"\bwritten down\b": "recorded",
    r"\bthrew away\b": "deleted",
    r"\breckoned? with\b": "finite",
}
"""What is not to be said, as a pattern, and what is."""


def uses(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield each word of the tables as often as it occurs, with its place."""
    for path in sorted((root / "nemotron_magic").rglob("*.py")):
        text = path.read_text("utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and token.string in NAMES:
                yield token.string, f"{path.relative_to(root)}:{token.start[0]}"
        yield from _phrases(text, str(path.relative_to(root)))
    for name in TEXTS:
        yield from _phrases((root / name).read_text("utf-8"), name)


def _phrases(text: str, name: str) -> Iterator[tuple[str, str]]:
    for pattern in PHRASES:
        for found in re.finditer(pattern, text):
            line = text.count("\n", 0, found.start()) + 1
            yield pattern, f"{name}:{line}"


def main() -> None:
    """Print the words, the most frequent first, or the places of some."""
    places: dict[str, list[str]] = {}
    for word, place in uses():
        places.setdefault(word, []).append(place)
    for wanted in sys.argv[1:]:
        print("\n".join(f"{place}: {wanted}" for place in places.get(wanted, [])))
    if not sys.argv[1:]:
        for word, found in sorted(places.items(), key=lambda one: -len(one[1])):
            better = NAMES.get(word) or PHRASES[word]
            print(f"{len(found):5}  {word:<40}{better}")
        print(f"{sum(map(len, places.values())):5}  in all")


if __name__ == "__main__":
    main()
