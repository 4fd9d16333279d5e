"""What a model writes in place of plain JSON is read, and nothing is invented."""

from __future__ import annotations

import timeit
from typing import Any

import pytest

from nemotron_magic.session.structured.reading import read_value
from nemotron_magic.session.structured.specs import parse_fields

REVIEW = "label: positive|negative|neutral, stars int 1..5, reason"
GOOD = {"label": "positive", "stars": 4, "reason": "It works, and it's quick"}
PLAIN = '{"label": "positive", "stars": 4, "reason": "It works, and it\'s quick"}'

RIGHT = {
    "plain": PLAIN,
    "indented": PLAIN.replace(", ", ",\n  ").replace("works,\n  and", "works, and"),
    "a byte order mark": "\ufeff" + PLAIN,
    "a fence": f"```json\n{PLAIN}\n```",
    "a fence without a language": f"```\n{PLAIN}\n```",
    "a fence with a preface": f"Here it is:\n\n```json\n{PLAIN}\n```\nAnything else?",
    "a fence of tildes": f"~~~json\n{PLAIN}\n~~~",
    "prose before": f"Sure! {PLAIN}",
    "prose after": f"{PLAIN}\n\nI hope that helps.",
    "prose with braces before": f"Of the set {{a, b}} and {{}} I take: {PLAIN}",
    "prose with braces after": f"{PLAIN} (see {{docs}})",
    "thinking": f"<think>Maybe {{'label': 'negative'}}?</think>{PLAIN}",
    "thinking without its opening tag": f'Perhaps {{"label": 1}}.</think>\n{PLAIN}',
    "thinking with a whole draft": (
        f"<think>{PLAIN.replace('positive', 'negative')}</think>{PLAIN}"
    ),
    "a draft before": f"{PLAIN.replace('positive', 'negative')}\nNo, rather: {PLAIN}",
    "encoded twice": (
        '"{\\"label\\": \\"positive\\", \\"stars\\": 4, '
        '\\"reason\\": \\"It works, and it\'s quick\\"}"'
    ),
    "a list of one": f"[{PLAIN}]",
    "an object around": f'{{"answer": {PLAIN}}}',
    "a call around": f'{{"name": "answer", "arguments": {PLAIN}}}',
    "a trailing comma": PLAIN.replace("}", ",}"),
    "keys without quotes": (
        '{label: "positive", stars: 4, reason: "It works, and it\'s quick"}'
    ),
    "single quotes": (
        "{'label': 'positive', 'stars': 4, 'reason': \"It works, and it's quick\"}"
    ),
    "curly quotes": (
        "{“label”: “positive”, “stars”: 4, “reason”: “It works, and it's quick”}"
    ),
    "a comment": PLAIN.replace("4,", "4, // of five\n"),
    "a comment in stars": PLAIN.replace("4,", "4, /* of five */"),
    "a missing comma": PLAIN.replace("4,", "4"),
    "a missing brace": PLAIN.rstrip("}"),
    "literals in capitals": PLAIN.replace("}", ', "ok": TRUE}'),
    "an ellipsis": PLAIN.replace("}", ", ...}"),
    "a leading comma": PLAIN.replace("{", "{, "),
    "no first brace": PLAIN.removeprefix("{"),
    "escaped quotes": PLAIN.replace('"', '\\"'),
    "doubled quotes": PLAIN.replace('"label"', '""label""'),
    "a quote that is missing at a key": PLAIN.replace('"stars"', 'stars"'),
    "a quote that is missing at a value": PLAIN.replace('"positive"', '"positive'),
    "a value without quotes": PLAIN.replace('"positive"', "positive"),
    "a last value without quotes": (
        '{"stars": 4, "reason": "It works, and it\'s quick", "label": positive}'
    ),
    "a comment with a hash": PLAIN.replace("4,", "4, # of five\n"),
    "a comment at the end": PLAIN.replace("}", " // done\n}"),
    "an assignment": f"answer = {PLAIN};",
    "a tag around": f"<json>{PLAIN}</json>",
    "a brace too many": PLAIN + "}",
    "two fences": f"```json\n{{}}\n```\nor\n```json\n{PLAIN}\n```",
    "a label in capitals": PLAIN.replace("positive", "POSITIVE"),
    "a label with a period": PLAIN.replace("positive", " Positive."),
    "keys in capitals": PLAIN.replace("label", "Label").replace("stars", "STARS"),
    "another order": (
        '{"reason": "It works, and it\'s quick", "stars": 4, "label": "positive"}'
    ),
    "one key more": PLAIN.replace("}", ', "confidence": 0.9}'),
    "a whole number with a point": PLAIN.replace("4", "4.0"),
    "blanks before the end": PLAIN + "\n" * 30,
    "escapes that are not needed": PLAIN.replace("it's", "it\\u0027s"),
    "a doubled object": f"{PLAIN}\n{PLAIN}",
    "the schema before": (
        '{"type": "object", "properties": {"label": {"type": "string"}, '
        '"stars": {"type": "integer"}, "reason": {"type": "string"}}}\n' + PLAIN
    ),
}

WRONG = {
    "nothing": ("", "empty"),
    "only blanks": (" \n", "empty"),
    "an empty object": ("{}", "no such JSON"),
    "null": ("null", "no such JSON"),
    "a refusal": ("I cannot help with that.", "no such JSON"),
    "a number that ends": (
        '{"label": "positive", "reason": "x", "stars": 4',
        "no such",
    ),
    "a text that ends": (
        '{"label": "positive", "stars": 4, "reason": "It wor',
        "no such",
    ),
    "a label that is cut": (PLAIN.replace("positive", "pos"), "label 'pos' is not one"),
    "a label of its own": (PLAIN.replace("positive", "mixed"), "label 'mixed' is not"),
    "two labels": (PLAIN.replace("positive", "positive|negative"), "is not one of"),
    "a number out of range": (PLAIN.replace("4", "7"), "stars 7 is not in 1..5"),
    "half a star": (PLAIN.replace("4", "4.5"), "stars 4.5 is no whole number"),
    "a number in quotes": (PLAIN.replace("4", '"4"'), "stars '4' is no whole number"),
    "a true number": (PLAIN.replace("4", "true"), "stars True is no whole number"),
    "a leading zero": (PLAIN.replace("4", "04"), "no such JSON"),
    "a thousands sign": (PLAIN.replace("4", "4,000"), ""),
    "no number": (PLAIN.replace("4", "NaN"), ""),
    "no end of a number": (PLAIN.replace("4", "1e999"), "stars inf is no whole number"),
    "null for a field": (PLAIN.replace("4", "null"), "stars null is no whole number"),
    "a missing key": ('{"label": "positive", "stars": 4}', "is missing"),
    "a key twice": (PLAIN.replace("4", '4, "stars": 5'), "no such JSON"),
    "two answers in a list": (
        f"[{PLAIN}, {PLAIN.replace('positive', 'negative')}]",
        "2 answers and not one",
    ),
    "two answers in a list in prose": (
        f"Both: [{PLAIN}, {PLAIN.replace('positive', 'negative')}].",
        "2 answers and not one",
    ),
    "keys of its own": ('{"mood": "positive", "rating": 4}', "no such JSON"),
    "only thinking": (f"<think>{PLAIN}", "empty"),
    "quotes in a text": (
        '{"label": "positive", "stars": 4, "reason": "a", "b" and "c"}',
        "",
    ),
    "20,000 braces": ("{" * 20_000, "no such JSON"),
    "20,000 brackets": ('{"label":' + "[" * 20_000, "no such JSON"),
    "a text that ends at a brace": (
        '{"label": "positive", "stars": 4, "reason": "see {1}',
        "no such JSON",
    ),
    "a text in single quotes that ends at a brace": (
        "{'label': 'positive', 'stars': 4, 'reason': 'it's in {1}",
        "no such JSON",
    ),
    "an open text that ends at a brace": (PLAIN[:-2] + "}", "no such JSON"),
    "an empty text that ends at a brace": (
        '{"label": "positive", "stars": 4, "reason": "}',
        "no such JSON",
    ),
    "half of it": (PLAIN[: len(PLAIN) // 2], "no such JSON"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_answer_is_read_in_every_dialect(name: str) -> None:
    reading = read_value(RIGHT[name], parse_fields(REVIEW))

    assert (reading.value, reading.error) == (GOOD, "")


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_answer_gets_no_value(name: str) -> None:
    text, why = WRONG[name]

    reading = read_value(text, parse_fields(REVIEW))

    assert reading.value is None
    assert reading.error
    assert why in reading.error


@pytest.mark.parametrize("name", sorted({*RIGHT} - {"a draft before"}))
def test_what_ends_early_gets_no_value_or_the_whole(name: str) -> None:
    fields, text = parse_fields(REVIEW), RIGHT[name]

    readings = [read_value(text[:length], fields) for length in range(len(text))]

    assert [r for r in readings if r.value not in (None, GOOD)] == []


@pytest.mark.parametrize("name", sorted({*RIGHT} - {"a draft before"}))
def test_a_reply_that_was_cut_off_is_never_mended(name: str) -> None:
    fields = parse_fields(REVIEW)

    readings = [read_value(RIGHT[name][:n], fields, "length") for n in range(400)]

    assert {r.note for r in readings} <= {""}
    assert all(r.value in (None, GOOD) for r in readings)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"path": "C:\Users\new"}', r"C:\Users\new"),
        (r'{"path": "C:\\Users\\new"}', r"C:\Users\new"),
        ('{"path": "one\ntwo"}', "one\ntwo"),
        ('{"path": "http://host/a"}', "http://host/a"),
        ("{'path': 'http://host/a',}", "http://host/a"),
        ('{"path": "{a}"}', "{a}"),
        ('{"path": "a <b> \\"c\\""}', 'a <b> "c"'),
        (r'{"path": "\frac{1}{2}"}', None),
    ],
)
def test_a_text_is_what_was_written(text: str, value: str | None) -> None:
    reading = read_value(text, parse_fields("path"))

    assert (reading.value or {}).get("path") == value


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        ("positive|negative", "Positive.", "positive"),
        ("positive|negative", '"negative"', "negative"),
        ("positive|negative", '{"label": "negative"}', "negative"),
        ("positive|negative", "It is positive, not negative.", None),
        ("bool", "True", True),
        ("bool", "```json\nfalse\n```", False),
        ("bool", "yes", None),
        ("int 1..5", "4", 4),
        ("int", "about 4", None),
        ("float", '{"value": 12.5}', 12.5),
        ("float", "12,5", None),
        ("str", "Sorry, I cannot.", None),
        ("list int", "[1, 2]", [1, 2]),
        ("-1|1|0", "-1", "-1"),
        ("0|1", "-1", None),
        ("C|C++|C#", "c++", "C++"),
    ],
)
def test_a_single_value_may_stand_alone(spec: str, text: str, value: Any) -> None:
    fields = parse_fields(spec)

    reading = read_value(text, fields)

    assert (fields.build(reading.value) if reading.value else None) == value


def test_the_answer_may_have_landed_in_the_reasoning() -> None:
    fields = parse_fields(REVIEW)

    read = read_value("", fields, "stop", f"It is quick.\n{PLAIN}")

    assert (read.value, read.note) == (GOOD, "read from the reasoning")
    assert read_value("", fields, "length", "Well, {").error == (
        "the answer is empty; there is only reasoning"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{" * 20_000 + "}",
        '{"' * 20_000 + "}",
        '{"label": "' + "x{" * 30_000 + "}",
        "{label: " + "\n" * 60_000 + "}",
        "{label: 1" + "/* " * 20_000 + "}",
        "```a\n" * 20_000 + "```",
        '{"label": ' + "[" * 20_000 + "]}",
    ],
)
def test_no_text_takes_longer_than_it_is_long(text: str) -> None:
    fields = parse_fields(REVIEW)

    def took_s(length: int) -> float:
        part = text[:length] + text[-3:]
        return min(timeit.repeat(lambda: read_value(part, fields), number=1, repeat=3))

    assert read_value(text, fields).value is None
    assert took_s(len(text)) < 40 * took_s(len(text) // 8)  # 64 if by the square


def test_a_key_that_may_be_null_is_left_out_only_of_json_that_is_whole() -> None:
    fields = parse_fields("label, stars int?")

    whole = read_value('{"label": "a"}', fields)
    mended = read_value("{'label': 'a',}", fields)

    assert whole.value == {"label": "a", "stars": None}
    assert mended.value is None


@pytest.mark.parametrize(
    "number",
    [*(">12", "<12", "~12", "≥ 12", "±12", "−12", "¬12", "12 %", "12…", "12?", "$12")],
)
@pytest.mark.parametrize("text", ['{"n": %s, "why": "x"}', '{"why": "x", "n": %s}'])
def test_a_sign_at_a_number_is_not_thrown_away(number: str, text: str) -> None:
    assert read_value(text % number, parse_fields("n float, why")).value is None


@pytest.mark.parametrize(
    "text",
    [
        '{"ok": !true, "tags": ["x"]}',
        '{"ok": ~true, "tags": ["x"]}',
        '{"ok": ✗ true, "tags": ["x"]}',
        '{"ok": true, "tags": ["x", ...]}',
        '{"ok": true, "tags": ["x", …]}',
        '{"ok": true, "tags": [¬x]}',
    ],
)
def test_a_sign_at_a_word_is_not_thrown_away(text: str) -> None:
    assert read_value(text, parse_fields("ok bool, tags list")).value is None


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_in_json_is_none_in_a_key_more(constant: str) -> None:
    reading = read_value(f'{{"n": 1, "x": {constant}}}', parse_fields("n int"))

    assert (reading.value, reading.note) == ({"n": 1}, "repaired")


@pytest.mark.parametrize("said", ["\\ud83d\\ude00 50% & more", "(a) – b; c = d!"])
def test_signs_in_a_text_stay_when_the_rest_is_mended(said: str) -> None:
    reading = read_value(f'{{"why": "{said}", "n": 5.,}}', parse_fields("why, n float"))

    why = said.replace("\\ud83d\\ude00", "\N{GRINNING FACE}")
    assert (reading.value, reading.note) == ({"why": why, "n": 5.0}, "repaired")
