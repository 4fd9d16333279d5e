"""The text of the replies: what arrived, or as much Markdown as was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from .request import Json
from .steering import attachments_of, text_of

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


def describe(body: Mapping[str, Any], question: str) -> str:
    """Write the usual reply: what was received, then one of each kind of Markdown."""
    messages = body["messages"]
    sections = [NO_MODEL, _table(messages), _parameters(body), _earlier(messages)]
    sections.append(_along(messages))
    sections += [f"> {_plain(question, QUOTED_CHARS)}", _gallery(messages, question)]
    return "\n\n".join(section for section in sections if section)


def reasoning(question: str) -> str:
    """Write what a model that thinks aloud would have thought."""
    asked = " ".join(question.split())[:SHOWN_CHARS]
    return (
        f"The question begins with “{asked}”. There is no model here, so there is "
        "nothing to think about; but a trace has to be shown somewhere. First I list "
        "what arrived. Then I show a formula, a list and a program that runs."
    )


def as_json(body: Mapping[str, Any], question: str) -> Json:
    """Give what ``response_format: json_object`` is answered with."""
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
