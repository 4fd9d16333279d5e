"""What the rehearsal replies: what arrived, or as much Markdown as was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from nemotron_magic.rehearsal import notebook_replies as notebook

_CHARS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 3
_CORRECTION_REQUEST = "That code cannot run in this notebook"
_CONTINUATION_REQUEST = "Your reply was cut off."
_NO_MODEL = (
    "**Rehearsal: no model is behind this reply.** A server inside "
    "`nemotron_magic` wrote it by rule, to show what arrived and how it is drawn."
)
_SHOWN_CHARS = 40
_QUOTED_CHARS = 160
# With a backslash before them, brackets would begin and end a formula.
_ESCAPES = str.maketrans(
    {mark: "\\" + mark for mark in "\\`*_"}
    | {mark: f"&#{ord(mark)};" for mark in "|$~[]"}
    | {"<": "&lt;"}
)
_SAMPLES = files(__package__).joinpath("samples.md").read_text("utf-8")
_GALLERY, *_SECTIONS = _SAMPLES.removesuffix("\n").split("\n----\n")
_TONES = files(__package__).joinpath("tones.txt").read_text("utf-8")
_PRAISE, _COMPLAINT = (
    re.compile(rf"\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)
    for words in _TONES.split("\n\n")
)

Messages = Sequence[Mapping[str, Any]]


def reply(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text of the reply to a request, and why it ends."""
    whole = cut_at_stop(reply_text(body), body.get("stop"))
    most_tokens = body.get("max_tokens")
    content = whole if most_tokens is None else whole[: most_tokens * _CHARS_PER_TOKEN]
    return content, "stop" if content == whole else "length"


def cut_at_stop(text: str, stop: str | list[str] | None) -> str:
    """Return the text up to the first stop sequence."""
    sequences = [stop] if isinstance(stop, str) else stop or []
    ends = [end for s in sequences if s and (end := text.find(s)) >= 0]
    return text[: min(ends)] if ends else text


def count_tokens(text: str) -> int:
    """Count tokens as everybody does who has no tokenizer."""
    return -(-len(text) // _CHARS_PER_TOKEN)


def tokens_of(text: str) -> list[str]:
    """Split text into its tokens."""
    starts = range(0, len(text), _CHARS_PER_TOKEN)
    return [text[start : start + _CHARS_PER_TOKEN] for start in starts]


def prompt_tokens(messages: Messages) -> int:
    """Count the tokens of the messages."""
    return sum(count_tokens(text_of(m)) + _TOKENS_PER_MESSAGE for m in messages)


def text_of(message: Mapping[str, Any]) -> str:
    """Return a message's text, whether its content is a string, parts, or nothing."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [p.get("text", "") for p in content if isinstance(p, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _asked(messages: Messages) -> tuple[tuple[notebook.Attachment, ...], str]:
    """Return the context and the question of the last user message."""
    asked = [text_of(message) for message in messages if message.get("role") == "user"]
    return notebook.split_attachments(asked[-1] if asked else "")


def question_of(messages: Messages) -> str:
    """Return the question of the last user message, without its context."""
    return _asked(messages)[1]


_DIRECTIVE = re.compile(r"\s*rehearsal:\s*(\w+)[ \t]?(.*)", re.IGNORECASE)
_END = re.compile(r"^\s*rehearsal:\s*end\b.*$\n?", re.IGNORECASE | re.MULTILINE)

Verbs = Mapping[str, Callable[..., Mapping[str, Any]]]
VERBS: Verbs = {
    "length": lambda tokens: {"length_tokens": max(1, int(tokens))},
    "slow": lambda tokens_per_s: {"tokens_per_s": max(0.1, float(tokens_per_s))},
    "end": lambda: {},
}


def read_directives(question: str, verbs: Verbs = VERBS) -> dict[str, Any]:
    """Return what lines of the question ask of the rehearsal, by these verbs."""
    directives: dict[str, Any] = {}
    rest = question
    while rest:
        line, _, rest = rest.partition("\n")
        match = _DIRECTIVE.match(line)
        if match is None:
            continue
        verb = match[1].lower()
        if verb == "say":
            below, *after = _END.split(rest, maxsplit=1)
            rest = "".join(after)
            below = below.removesuffix("\n") if after else below
            directives["say"] = "\n".join(part for part in (match[2], below) if part)
        else:
            with suppress(KeyError, TypeError, ValueError):
                directives |= verbs[verb](*match[2].split())
    return directives


def reply_text(body: Mapping[str, Any]) -> str:
    """Return the whole text of the reply to a request, in Markdown or JSON."""
    messages = body["messages"]
    attached, question = _asked(messages)
    if question.startswith(_CONTINUATION_REQUEST):
        *before, cut, _ = messages
        return reply_text({**body, "messages": before}).removeprefix(text_of(cut))
    if question.startswith(_CORRECTION_REQUEST):
        return f"{_NO_MODEL}\n\n{notebook.correction(text_of(messages[-2]), question)}"
    directives = read_directives(question)
    if "say" in directives:
        return str(directives["say"])
    if "length_tokens" in directives:
        return long_text(directives["length_tokens"] * _CHARS_PER_TOKEN)
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        sizes = [{"role": m["role"], "characters": len(text_of(m))} for m in messages]
        value = {"rehearsal": True, "question": question, "messages": sizes}
        return json.dumps(value, ensure_ascii=False)
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"].get("schema") or {}
        made = instance(schema, "\n".join(map(text_of, messages)))
        return json.dumps(_by_tone(schema, made, question), ensure_ascii=False)
    if about_cell := notebook.reply_to(question, attached):
        return f"{_NO_MODEL}\n\n{about_cell}"
    table = notebook.table_of(attached)
    return notebook.reply_about(table, question) if table else _describe(body)


def _describe(body: Mapping[str, Any]) -> str:
    """Write the usual reply: what was received, then one of each kind of Markdown."""
    texts = [(m["role"], text_of(m)) for m in body["messages"]]
    attached, question = _asked(body["messages"])
    fields = {k: v for k, v in body.items() if k not in ("messages", "model", "tools")}
    pairs = [f"`{name}` {_plain(json.dumps(value))}" for name, value in fields.items()]
    replies = [text for role, text in texts if role == "assistant"]
    came = [
        f"{title} ({', '.join(some)})" if kind == "cell" else f"{kind} `{title}`"
        for kind, title, some in attached
    ]
    rows = [
        f"| {n} | {role} | {len(text)} | {_plain(text)} |"
        for n, (role, text) in enumerate(texts, start=1)
    ]
    head = ["| # | role | characters | first words |", "|--:|:-----|-----------:|:---|"]
    sections = [
        _NO_MODEL,
        "\n".join(head + rows),
        f"Model asked for: `{body['model']}`. Set: {', '.join(pairs) or 'nothing'}.",
    ]
    if replies:
        last = f"The last begins: {_plain(replies[-1])}"
        sections.append(f"Earlier replies that came along: {len(replies)}. {last}")
    if came:
        sections.append(f"With the question came: {', '.join(came)}.")
    sections.append(f"> {_plain(question, _QUOTED_CHARS)}")
    words = json.dumps(" ".join(question.split())[:_SHOWN_CHARS], ensure_ascii=False)
    chars = sum(len(text) for _, text in texts)
    shown = {"messages": len(texts), "chars": chars, "words": words}
    return "\n\n".join([*sections, _GALLERY % shown])


def _plain(text: str, most_chars: int = _SHOWN_CHARS) -> str:
    line = " ".join(text.split())
    cut = line if len(line) <= most_chars else line[: most_chars - 1] + "…"
    return cut.translate(_ESCAPES) or "(nothing)"


def long_text(chars: int) -> str:
    """Write this many characters of Markdown of all kinds, no two sections alike."""
    text, n = _NO_MODEL, 0
    while len(text) < chars:
        n += 1
        values = {"n": n, "more": n + 1, "last": n + 2, "twice": 2 * n, "square": n * n}
        text += "\n\n" + _SECTIONS[n % len(_SECTIONS)] % values
    return text[:chars]


_INSTANCES = {"string": "rehearsal", "integer": 1, "number": 1.5, "boolean": True}
_LIMITS = (
    r'"%s": (?:list of: )?'
    r"(?:(date)|one of (-?\d+)|\w+ in (-?[\d.]*\d)?\.\.(\S*\d)?)"
)


def instance(schema: Mapping[str, Any], words: str = "", name: str = "") -> Any:
    """Make a value of a JSON schema; `words` may ask for dates and ranges of `name`."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [instance(schema.get("items") or {"type": "string"}, words, name)]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: instance(inner, words, key) for key, inner in properties.items()}
    asked = re.search(_LIMITS % re.escape(name), words)
    if asked is None:
        return _INSTANCES.get(kind)
    number = float(asked[2] or asked[3] or asked[4] or 0)
    if kind == "string":
        return "2026-01-31" if asked[1] else _INSTANCES[kind]
    return int(number) if kind == "integer" else number


def _by_tone(schema: Mapping[str, Any], made: Any, question: str) -> Any:
    """Return an object whose label says the tone of the question, and its texts why."""
    praise, complaint = _PRAISE.findall(question), _COMPLAINT.findall(question)
    tone = len(praise) - len(complaint)
    properties = (schema.get("properties") or {}).items()
    toned = {name: _toned(one.get("enum") or (), tone) for name, one in properties}
    labels = {name: label for name, label in toned.items() if label is not None}
    if not labels:
        return made
    found = [f"+ {', '.join(praise)}"] * bool(praise)
    found += [f"− {', '.join(complaint)}"] * bool(complaint)
    why = f"rehearsal: {' '.join(found) or 'no word that it knows'}"
    texts = {name: why for name, one in made.items() if one == _INSTANCES["string"]}
    return {**made, **texts, **labels}


def _toned(labels: Sequence[Any], tone: int) -> Any:
    """Return the label of a tone above, below or at 0; None if they are of none."""
    by_sign = {
        bool(_PRAISE.fullmatch(str(one))) - bool(_COMPLAINT.fullmatch(str(one))): one
        for one in reversed(labels)
    }
    if not {1, -1} <= by_sign.keys():
        return None
    return by_sign.get((tone > 0) - (tone < 0), labels[0])
