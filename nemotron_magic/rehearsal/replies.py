"""What the rehearsal replies: what arrived, or as much Markdown as was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar

from nemotron_magic.rehearsal.notebook_replies import (
    Attachment,
    correction,
    reply_about,
    reply_to,
    request_of,
    split_attachments,
    table_of,
)

CHARS_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 3
CORRECTION_REQUEST = "That code cannot run in this notebook"
CONTINUATION_REQUEST = "Your reply was cut off."
NO_MODEL = (
    "**Rehearsal: no model is behind this reply.** The stand-in endpoint of "
    "`nemotron_magic` wrote it, to show what arrived and how it is drawn."
)

SHOWN_ROWS = 7
SHOWN_CHARS = 40
QUOTED_CHARS = 160
ESCAPES = str.maketrans(
    {mark: "\\" + mark for mark in "\\`*_"}
    | {"<": "&lt;", "|": "&#124;", "$": "&#36;", "~": "&#126;"}
    # With a backslash before them they would begin and end a formula.
    | {"[": "&#91;", "]": "&#93;"}
)


# ---- answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the n replies."""

    index: int
    content: str
    reasoning: str = ""
    finish: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All replies to a request; ``created`` is in seconds since 1970."""

    number: int
    created: int
    model: str
    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        """Tokens of all that was generated."""
        texts = (text for c in self.choices for text in (c.reasoning, c.content))
        return sum(count_tokens(text) for text in texts)


def answer(
    body: Mapping[str, Any], directives: Directives, *, number: int, created: int
) -> Answer:
    """Answer the body of a request; ``number`` counts the answers of this server."""
    question = question_of(body["messages"])
    reasoning = reasoning_text(question) if directives.think else ""
    text = reply_text(body, directives, question)
    most_tokens = body.get("max_tokens")
    return Answer(
        number=number,
        created=created,
        model=body["model"],
        choices=tuple(
            _choice(n, reasoning, cut_at_stop(text, body.get("stop")), most_tokens)
            for n in range(body.get("n") or 1)
        ),
        prompt_tokens=prompt_tokens(body["messages"]),
    )


def _choice(index: int, reasoning: str, text: str, most_tokens: int | None) -> Choice:
    label = f"*Choice {index + 1}.* " if index else ""
    reasoning_cut, content = cut_to_tokens(reasoning, label + text, most_tokens)
    is_whole = (reasoning_cut, content) == (reasoning, label + text)
    finish = "stop" if is_whole else "length"
    return Choice(index=index, content=content, reasoning=reasoning_cut, finish=finish)


def cut_at_stop(text: str, stop: str | list[str] | None) -> str:
    """Return the text up to the first stop sequence."""
    sequences = [stop] if isinstance(stop, str) else stop or []
    ends = [end for s in sequences if s and (end := text.find(s)) >= 0]
    return text[: min(ends)] if ends else text


def cut_to_tokens(
    reasoning: str, content: str, most_tokens: int | None
) -> tuple[str, str]:
    """Return both cut to a number of tokens; reasoning is paid from them first."""
    if most_tokens is None:
        return reasoning, content
    reasoning = reasoning[: most_tokens * CHARS_PER_TOKEN]
    left_tokens = most_tokens - count_tokens(reasoning)
    return reasoning, content[: left_tokens * CHARS_PER_TOKEN]


def count_tokens(text: str) -> int:
    """Count tokens as everybody does who has no tokenizer.

    >>> count_tokens("Hello, world!")
    4
    """
    return -(-len(text) // CHARS_PER_TOKEN)


def tokens_of(text: str) -> list[str]:
    """Split text into its tokens."""
    step = CHARS_PER_TOKEN
    return [text[start : start + step] for start in range(0, len(text), step)]


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Count the tokens of the messages."""
    texts = [text_of(message.get("content")) for message in messages]
    return sum(count_tokens(text) + TOKENS_PER_MESSAGE for text in texts)


# ---- what arrived


def text_of(content: Any) -> str:
    """Return a message's text, whether its content is a string, parts, or nothing."""
    if isinstance(content, list):
        parts = [p.get("text", "") for p in content if isinstance(p, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the question of the last user message, without its context."""
    return split_attachments(_last_user_text(messages))[1]


def attachments_of(messages: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    """Return the context of the last user message."""
    return split_attachments(_last_user_text(messages))[0]


def _last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    asked = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    return asked[-1] if asked else ""


# ---- directives: lines of the question


@dataclass(frozen=True, slots=True)
class Directives:
    """What the last user message asks of the rehearsal; None where it says nothing."""

    say: str | None = None
    length_tokens: int | None = None
    think: bool = False
    tokens_per_s: float | None = None
    mistakes: tuple[str, ...] = ()


DirectivesT = TypeVar("DirectivesT", bound=Directives)
Verbs = Mapping[str, Callable[..., Mapping[str, Any]]]

_DIRECTIVE = re.compile(
    r"\s*rehearsal:\s*(?P<verb>\w+)[ \t]?(?P<rest>.*)", re.IGNORECASE
)


def directives_of(question: str) -> Directives:
    r"""Read the directives in a question.

    >>> directives_of("rehearsal: say **a**\nb").say
    '**a**\nb'
    """
    return read_directives(question, Directives(), VERBS)


def read_directives(question: str, start: DirectivesT, verbs: Verbs) -> DirectivesT:
    """Read the directives of these verbs, as changes of `start`."""
    directives = start
    lines = question.split("\n")
    while lines:
        match = _DIRECTIVE.match(lines.pop(0))
        if match and match["verb"].lower() == "say":
            text, lines = _until_end(match["rest"], lines)
            directives = replace(directives, say=text)
        elif match:
            words = match["rest"].split()
            directives = _changed(directives, match["verb"].lower(), words, verbs)
    return directives


def _until_end(first: str, lines: list[str]) -> tuple[str, list[str]]:
    """Split the lines at ``rehearsal: end``."""
    ends = [
        number
        for number, line in enumerate(lines)
        if (match := _DIRECTIVE.match(line)) and match["verb"].lower() == "end"
    ]
    end = ends[0] if ends else len(lines)
    spoken = ([first] if first else []) + lines[:end]
    return "\n".join(spoken), lines[end + 1 :]


def _changed(
    directives: DirectivesT, verb: str, words: list[str], verbs: Verbs
) -> DirectivesT:
    try:
        return replace(directives, **verbs[verb](*words))
    except (KeyError, TypeError, ValueError):
        mistake = f"rehearsal: {' '.join([verb, *words])}"
        return replace(directives, mistakes=(*directives.mistakes, mistake))


VERBS: Verbs = {
    "length": lambda tokens: {"length_tokens": max(1, int(tokens))},
    "think": lambda: {"think": True},
    "slow": lambda tokens_per_s: {"tokens_per_s": max(0.1, float(tokens_per_s))},
    "end": lambda: {},
}


# ---- texts


def reply_text(body: Mapping[str, Any], directives: Directives, question: str) -> str:
    """Return the text of the reply to a request, in Markdown or JSON."""
    if question.startswith(CONTINUATION_REQUEST):
        return _continuation(body)
    if question.startswith(CORRECTION_REQUEST):
        before = text_of(body["messages"][-2].get("content"))
        return f"{NO_MODEL}\n\n{correction(before, question)}"
    if directives.say is not None:
        return directives.say
    if directives.length_tokens is not None:
        return long_text(directives.length_tokens * CHARS_PER_TOKEN)
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return json.dumps(_as_json(body, question), ensure_ascii=False)
    if wanted.get("type") == "json_schema":
        return json.dumps(instance(wanted["json_schema"].get("schema") or {}))
    attached = attachments_of(body["messages"])
    request = request_of(question, attached)
    if request is not None:
        return f"{NO_MODEL}\n\n{reply_to(request)}"
    table = table_of(attached)
    if table is not None and not directives.mistakes:
        return reply_about(table, question)
    mistakes = [f"Not understood: `{line}`" for line in directives.mistakes]
    return "\n\n".join([*mistakes, describe(body, question)])


def _continuation(body: Mapping[str, Any]) -> str:
    """Return the rest of the last reply, if it was cut out of one of ours."""
    *before, cut, _ = body["messages"]
    question = question_of(before)
    text = reply_text({**body, "messages": before}, directives_of(question), question)
    begun = text_of(cut.get("content"))
    return text.removeprefix(begun) if text.startswith(begun) else text


def describe(body: Mapping[str, Any], question: str) -> str:
    """Write the usual reply: what was received, then one of each kind of Markdown."""
    messages = body["messages"]
    sections = [NO_MODEL, _table(messages), _parameters(body), _earlier(messages)]
    sections.append(_along(messages))
    sections += [f"> {_plain(question, QUOTED_CHARS)}", _gallery(messages, question)]
    return "\n\n".join(section for section in sections if section)


def reasoning_text(question: str) -> str:
    """Write what a model that thinks aloud would have thought."""
    asked = " ".join(question.split())[:SHOWN_CHARS]
    return (
        f"The question begins with “{asked}”. There is no model here, so there is "
        "nothing to think about; but a trace has to be shown somewhere. First I list "
        "what arrived. Then I show a formula, a list and a program that runs."
    )


def _as_json(body: Mapping[str, Any], question: str) -> dict[str, Any]:
    """Return what ``response_format: json_object`` is answered with."""
    received = [{"role": m["role"], "characters": _chars(m)} for m in body["messages"]]
    return {"rehearsal": True, "question": question, "messages": received}


def _chars(message: Mapping[str, Any]) -> int:
    return len(text_of(message.get("content")))


def _plain(text: str, most_chars: int) -> str:
    line = " ".join(text.split())
    cut = line if len(line) <= most_chars else line[: most_chars - 1] + "…"
    return cut.translate(ESCAPES) or "(nothing)"


def _table(messages: list[Mapping[str, Any]]) -> str:
    rows = [
        f"| {n} | {m['role']} | {_chars(m)} | "
        f"{_plain(text_of(m.get('content')), SHOWN_CHARS)} |"
        for n, m in enumerate(messages, start=1)
    ]
    if len(rows) > SHOWN_ROWS:
        rows[2 : 3 - SHOWN_ROWS] = ["| … | | | |"]
    head = ["| # | role | characters | first words |", "|--:|:-----|-----------:|:---|"]
    return "\n".join(head + rows)


def _parameters(body: Mapping[str, Any]) -> str:
    hidden = {"messages", "model", "tools"}
    pairs = [
        f"`{n}` {_plain(json.dumps(v), SHOWN_CHARS)}"
        for n, v in body.items()
        if n not in hidden
    ]
    return f"Model asked for: `{body['model']}`. Set: {', '.join(pairs) or 'nothing'}."


def _earlier(messages: list[Mapping[str, Any]]) -> str:
    replies = [text_of(m.get("content")) for m in messages if m["role"] == "assistant"]
    if not replies:
        return ""
    begun = _plain(replies[-1], SHOWN_CHARS)
    return f"Earlier replies that came along: {len(replies)}. The last begins: {begun}"


def _along(messages: list[Mapping[str, Any]]) -> str:
    came = [
        f"{part.kind} `{part.title}`"
        if part.kind != "cell"
        else f"{part.title} ({', '.join(part.fields)})"
        for part in attachments_of(messages)
    ]
    return f"With the question came: {', '.join(came)}." if came else ""


def _gallery(messages: list[Mapping[str, Any]], question: str) -> str:
    chars = sum(_chars(m) for m in messages)
    words = json.dumps(" ".join(question.split())[:SHOWN_CHARS], ensure_ascii=False)
    return f"""\
A formula, in a line $e^{{i\\pi}} = -1$ and by itself:

$$\\sum_{{k=1}}^{{n}} k = \\frac{{n(n+1)}}{{2}}$$

A nested list:

- the prompt
    - messages: {len(messages)}
    - characters: {chars}
- the reply
    1. this text
    2. the program below

A program that runs:

```python
from collections import Counter

question = {words}
words = Counter(question.lower().split())
for word, times in words.most_common(3):
    print(f"{{times}} x {{word}}")
```
"""


# ---- as long as you like


def long_text(chars: int) -> str:
    """Write this many characters of Markdown, no two sections alike."""
    text = NO_MODEL + "\n\n"
    for section in _sections():
        if len(text) >= chars:
            break
        text += section + "\n\n"
    return text[:chars]


def _sections() -> Iterator[str]:
    for number in count(1):
        yield SECTIONS[number % len(SECTIONS)](number)


def _heading(n: int) -> str:
    sentence = f"Section {n} takes {n * 7 % 23} steps and *some* **patience**; "
    return f"## Section {n}\n\n{sentence * 3}then it ends."


def _list(n: int) -> str:
    return f"- item {n}\n    - below it {n + 1}\n    - and {n + 2}\n- item {n * 2}"


def _grid(n: int) -> str:
    rows = "\n".join(f"| {k} | {k * n} | {k**2 + n} |" for k in range(1, 5))
    return f"| k | k × {n} | k² + {n} |\n|--:|--:|--:|\n{rows}"


def _code(n: int) -> str:
    return f"```python\ntotal = sum(range({n}))\nprint(total)  # {sum(range(n))}\n```"


def _maths(n: int) -> str:
    return (
        f"$$\\int_0^{{{n}}} x^{n % 5 + 1}\\,dx$$\n\nwhich is inline ${n}^2 = {n**2}$."
    )


def _quote(n: int) -> str:
    return f"> {n}: naïve café, 日本語, Ελλάδα, 😊 and `code`, [link](https://example.org/{n})"


SECTIONS = (_heading, _list, _grid, _code, _maths, _quote)


SIMPLE_INSTANCES: dict[str, Any] = {
    "string": "rehearsal",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}


def instance(schema: Mapping[str, Any]) -> Any:
    """Make a value of a JSON schema, of as much of it as is common.

    >>> instance({"type": "object", "properties": {"n": {"type": "integer"}}})
    {'n': 1}
    """
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "array":
        return [instance(schema.get("items") or {"type": "string"})]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: instance(inner) for name, inner in properties.items()}
    return SIMPLE_INSTANCES.get(kind)
