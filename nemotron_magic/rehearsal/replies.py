"""What the rehearsal replies: what arrived, or as much Markdown as was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from nemotron_magic.rehearsal.notebook_replies import (
    Attachment,
    correction,
    reply_about,
    reply_to,
    split_attachments,
    table_of,
)

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


class Answer(NamedTuple):
    """A reply to a request; `created_s` is in seconds since 1970."""

    number: int
    created_s: int
    model: str
    content: str
    finish: str
    prompt_tokens: int
    completion_tokens: int


def answer(
    body: Mapping[str, Any], directives: Directives, number: int, created_s: int
) -> Answer:
    """Answer the body of a request; `number` counts the answers of this server."""
    messages = body["messages"]
    whole = reply_text(body, directives, question_of(messages))
    whole = cut_at_stop(whole, body.get("stop"))
    most_tokens = body.get("max_tokens")
    content = whole if most_tokens is None else whole[: most_tokens * _CHARS_PER_TOKEN]
    finish = "stop" if content == whole else "length"
    sent, received = prompt_tokens(messages), count_tokens(content)
    return Answer(number, created_s, body["model"], content, finish, sent, received)


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


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Count the tokens of the messages."""
    texts = [text_of(message.get("content")) for message in messages]
    return sum(count_tokens(text) + _TOKENS_PER_MESSAGE for text in texts)


# ---- what arrived


def text_of(content: Any) -> str:
    """Return a message's text, whether its content is a string, parts, or nothing."""
    if isinstance(content, list):
        parts = [p.get("text", "") for p in content if isinstance(p, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _asked(
    messages: Sequence[Mapping[str, Any]],
) -> tuple[tuple[Attachment, ...], str]:
    """Return the context and the question of the last user message."""
    asked = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    return split_attachments(asked[-1] if asked else "")


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the question of the last user message, without its context."""
    return _asked(messages)[1]


# ---- directives: lines of the question


@dataclass(frozen=True, slots=True)
class Directives:
    """What the last user message asks of the rehearsal; None where it says nothing."""

    say: str | None = None
    length_tokens: int | None = None
    tokens_per_s: float | None = None


_DirectivesT = TypeVar("_DirectivesT", bound=Directives)
Verbs = Mapping[str, Callable[..., Mapping[str, Any]]]

_DIRECTIVE = re.compile(r"\s*rehearsal:\s*(\w+)[ \t]?(.*)", re.IGNORECASE)
_END = re.compile(r"^\s*rehearsal:\s*end\b.*$\n?", re.IGNORECASE | re.MULTILINE)

VERBS: Verbs = {
    "length": lambda tokens: {"length_tokens": max(1, int(tokens))},
    "slow": lambda tokens_per_s: {"tokens_per_s": max(0.1, float(tokens_per_s))},
    "end": lambda: {},
}


def read_directives(question: str, start: _DirectivesT, verbs: Verbs) -> _DirectivesT:
    r"""Read the directives of these verbs in a question, as changes of `start`.

    >>> read_directives("rehearsal: say **a**\nb", Directives(), VERBS).say
    '**a**\nb'
    """
    directives, rest = start, question
    while rest:
        line, _, rest = rest.partition("\n")
        match = _DIRECTIVE.match(line)
        if match is None:
            continue
        verb = match[1].lower()
        if verb == "say":
            below, *after = _END.split(rest, maxsplit=1)
            below = below.removesuffix("\n") if after else below
            said = "\n".join(part for part in (match[2], below) if part)
            directives, rest = replace(directives, say=said), "".join(after)
            continue
        with suppress(KeyError, TypeError, ValueError):
            directives = replace(directives, **verbs[verb](*match[2].split()))
    return directives


# ---- texts


def reply_text(body: Mapping[str, Any], directives: Directives, question: str) -> str:
    """Return the text of the reply to a request, in Markdown or JSON."""
    messages = body["messages"]
    if question.startswith(_CONTINUATION_REQUEST):
        return _continuation(body)
    if question.startswith(_CORRECTION_REQUEST):
        before = text_of(messages[-2].get("content"))
        return f"{_NO_MODEL}\n\n{correction(before, question)}"
    if directives.say is not None:
        return directives.say
    if directives.length_tokens is not None:
        return long_text(directives.length_tokens * _CHARS_PER_TOKEN)
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        received = [{"role": m["role"], "characters": _chars(m)} for m in messages]
        value = {"rehearsal": True, "question": question, "messages": received}
        return json.dumps(value, ensure_ascii=False)
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"].get("schema") or {}
        words = "\n".join(text_of(m.get("content")) for m in messages)
        made = _by_tone(schema, instance(schema, words), question)
        return json.dumps(made, ensure_ascii=False)
    attached = _asked(messages)[0]
    if reply := reply_to(question, attached):
        return f"{_NO_MODEL}\n\n{reply}"
    table = table_of(attached)
    return reply_about(table, question) if table else describe(body, question)


def _continuation(body: Mapping[str, Any]) -> str:
    """Return the rest of the last reply, if the rehearsal wrote it."""
    *before, cut, _ = body["messages"]
    question = question_of(before)
    directives = read_directives(question, Directives(), VERBS)
    text = reply_text({**body, "messages": before}, directives, question)
    return text.removeprefix(text_of(cut.get("content")))


def describe(body: Mapping[str, Any], question: str) -> str:
    """Write the usual reply: what was received, then one of each kind of Markdown."""
    messages = body["messages"]
    fields = {k: v for k, v in body.items() if k not in ("messages", "model", "tools")}
    pairs = [f"`{n}` {_plain(json.dumps(v), _SHOWN_CHARS)}" for n, v in fields.items()]
    replies = [text_of(m.get("content")) for m in messages if m["role"] == "assistant"]
    came = [
        f"{part.title} ({', '.join(part.fields)})"
        if part.kind == "cell"
        else f"{part.kind} `{part.title}`"
        for part in _asked(messages)[0]
    ]
    sections = [
        _NO_MODEL,
        _table(messages),
        f"Model asked for: `{body['model']}`. Set: {', '.join(pairs) or 'nothing'}.",
    ]
    if replies:
        begun = _plain(replies[-1], _SHOWN_CHARS)
        sections.append(
            f"Earlier replies that came along: {len(replies)}. The last begins: {begun}"
        )
    if came:
        sections.append(f"With the question came: {', '.join(came)}.")
    words = json.dumps(" ".join(question.split())[:_SHOWN_CHARS], ensure_ascii=False)
    gallery = _GALLERY % (len(messages), sum(map(_chars, messages)), words)
    return "\n\n".join([*sections, f"> {_plain(question, _QUOTED_CHARS)}", gallery])


def _chars(message: Mapping[str, Any]) -> int:
    return len(text_of(message.get("content")))


def _plain(text: str, most_chars: int) -> str:
    line = " ".join(text.split())
    cut = line if len(line) <= most_chars else line[: most_chars - 1] + "…"
    return cut.translate(_ESCAPES) or "(nothing)"


def _table(messages: list[Mapping[str, Any]]) -> str:
    rows = [
        f"| {n} | {m['role']} | {_chars(m)} | "
        f"{_plain(text_of(m.get('content')), _SHOWN_CHARS)} |"
        for n, m in enumerate(messages, start=1)
    ]
    head = ["| # | role | characters | first words |", "|--:|:-----|-----------:|:---|"]
    return "\n".join(head + rows)


_GALLERY = """\
A formula, in a line $e^{i\\pi} = -1$ and by itself:

$$\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$$

A nested list:

- the prompt
    - messages: %d
    - characters: %d
- the reply
    1. this text
    2. the program below

A program that runs:

```python
from collections import Counter

question = %s
words = Counter(question.lower().split())
for word, times in words.most_common(3):
    print(f"{times} x {word}")
```
"""

_SECTIONS = (
    "> {n}: naïve café, 日本語, Ελλάδα, 😊 and `code`, [link](https://example.org/{n})",
    "## Section {n}\n\n"
    + "Section {n} takes {square} steps and *some* **patience**; " * 3
    + "then it ends.",
    "- item {n}\n    - below it {more}\n    - and {last}\n- item {twice}",
    "| k | k × {n} | k + {n} |\n|--:|--:|--:|\n| 1 | {n} | {more} |\n| 2 | {twice} | "
    "{last} |",
    "```python\ntotal = sum(range({n}))\nprint(total)\n```",
    "$$\\int_0^{{{n}}} x^2\\,dx$$\n\nwhich is inline ${n}^2 = {square}$.",
)


def long_text(chars: int) -> str:
    """Write this many characters of Markdown of all kinds, no two sections alike."""
    text, n = _NO_MODEL, 0
    while len(text) < chars:
        n += 1
        figures = {"more": n + 1, "last": n + 2, "twice": 2 * n, "square": n * n}
        text += "\n\n" + _SECTIONS[n % len(_SECTIONS)].format(n=n, **figures)
    return text[:chars]


_INSTANCES = {"string": "rehearsal", "integer": 1, "number": 1.5, "boolean": True}
_ASKED = (
    r'"%s": (?:list of: )?'
    r"(?:(date)|one of (-?\d+)|\w+ in (-?[\d.]*\d)?\.\.(\S*\d)?)"
)


def instance(schema: Mapping[str, Any], words: str = "", name: str = "") -> Any:
    """Make a value of a JSON schema, with dates and ranges as `words` ask for `name`.

    >>> instance({"type": "object", "properties": {"n": {"type": "integer"}}})
    {'n': 1}
    """
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [instance(schema.get("items") or {"type": "string"}, words, name)]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: instance(inner, words, key) for key, inner in properties.items()}
    asked = re.search(_ASKED % re.escape(name), words)
    if asked is None:
        return _INSTANCES.get(kind)
    number = float(asked[2] or asked[3] or asked[4] or 0)
    if kind == "string":
        return "2026-01-31" if asked[1] else _INSTANCES[kind]
    return int(number) if kind == "integer" else number


_PRAISE = re.compile(
    r"\b(?:positive|good|happy|happier|amazing|beautiful|best|better|brilliant|"
    r"comfortable|delighted|easy|enjoy(?:ed)?|excellent|fantastic|fast|favourite|great|"
    r"impressed|joy|loved?|loves|lovely|nice|perfect(?:ly)?|pleased|quick|quiet|"
    r"recommend|reliable|sturdy|superb|thanks|wonderful|works|worth)\b",
    re.IGNORECASE,
)
_COMPLAINT = re.compile(
    r"\b(?:negative|bad|unhappy|annoying|avoid|awful|broken?|burnt|cheap|cracked|"
    r"disappoint(?:ed|ing)|fail(?:s|ed)|faulty|flimsy|hate|horrible|hurts?|leaks|loud|"
    r"never|noisy|not|poor|refund|returned|rubbish|rusts|slow|smells?|snapped|stopped|"
    r"stuck|terrible|tore|torn|useless|waste|worse|worst|wrong)\b",
    re.IGNORECASE,
)


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
    signs = [
        bool(_PRAISE.fullmatch(str(one))) - bool(_COMPLAINT.fullmatch(str(one)))
        for one in labels
    ]
    if not {1, -1} <= {*signs}:
        return None
    sign = (tone > 0) - (tone < 0)
    return labels[signs.index(sign) if sign in signs else 0]
