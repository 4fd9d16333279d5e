"""Read a typed answer out of what a model wrote, without inventing anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from nemotron_magic.core.text import one_line, plural
from nemotron_magic.markdown.parser import code_blocks
from nemotron_magic.session.structured.fields import Field, Fields, Misfit

_LONGEST_REPAIR = 64_000
_MOST_STARTS = 400  # braces that are tried as the start of an object
_MOST_REPAIRS = 4
_MOST_SIGNS = 2_000
_MARKS = ("```", "~~~")
_THINKING = "(?:think|thinking|thought)"


class Reading(NamedTuple):
    """The values of an answer by field, or in words why there are none.

    `note` says what was done to read it; `is_json` whether an object with the right
    keys was there, whose values do not fit; `is_blocked` whether another try would
    come to the same.
    """

    value: dict[str, Any] | None = None
    note: str = ""
    error: str = ""
    is_json: bool = False
    is_blocked: bool = False


def read_value(
    text: str, fields: Fields, finish_reason: str | None = "stop", reasoning: str = ""
) -> Reading:
    """Return what a reply's text says of the fields.

    Servers with a fault in their parser of reasoning send the object there, and no
    text: then it is taken from the end of the reasoning.
    """
    is_cut, own_note = finish_reason == "length", ""
    error = "it was cut off at max_tokens"
    try:
        found = _strict(text)
        if fields.matches(found):
            return Reading(fields.check(found))
        text = re.sub(rf"(?s)\A.*</{_THINKING}>", "", text)
        text = re.sub(rf"(?s)\A\s*<{_THINKING}>.*", "", text).strip().lstrip("\ufeff")
        if not text and reasoning.strip():
            text, is_cut = reasoning.strip(), True
            fences = _fences(text) if text.endswith(_MARKS) else []
            text = fences[-1] if fences else text[text.rfind("\n{") + 1 :]
            own_note = "read from the reasoning"
            error = "the answer is empty; there is only reasoning"
        for found, note in _found(text, fields, is_cut):
            if found is not None:
                return Reading(fields.check(found), own_note or note)
    except Misfit as misfit:
        return Reading(error=str(misfit), is_json=True)
    if not is_cut:
        error = f"there is no such JSON in “{one_line(text, 80)}”"
    return Reading(error=error if is_cut or text else "the answer is empty")


def _found(text: str, fields: Fields, is_cut: bool) -> Iterator[tuple[Any, str]]:
    """Yield what each reading finds, and what was done for it, the strictest first."""
    yield _whole(text, fields), ""
    if is_cut:  # what is cut off would be taken for whole
        return
    objects = [*_objects(text)]
    found = [one for value in objects if (one := _only(value, fields))]
    if found:
        differ = any(one != found[-1] for one in found)
        yield found[-1], "the last of several" if differ else ""
    yield _repaired(text, fields), "repaired"
    yield from ((one, "") for one in objects if fields.keys_in(one))


def _whole(text: str, fields: Fields) -> Any:
    """Return the object that the text, or its only fence, is; None if it is none."""
    fences = _fences(text) if text.startswith(_MARKS) and text.endswith(_MARKS) else []
    inner = fences[0] if len(fences) == 1 else text
    found = _strict(inner)
    if fields.is_single and not isinstance(found, dict):
        one = fields.fields[0]
        found = _lone(inner.strip(), one) if found is None else found
        if found is not None and isinstance(found, list) == one.is_list:
            return {one.name: found}
    return _only(found, fields)


def _lone(text: str, one: Field) -> Any:
    """Return a lone word that stands for a single value; None if it does not fit."""
    value = {"true": True, "false": False}.get(text.casefold(), text)
    with suppress(Misfit):
        if one.kind in ("bool", "date") or one.is_enum:
            one.check([value] if one.is_list else value)
            return value
    return None


def _objects(text: str) -> Iterator[Any]:
    """Yield every JSON object and list of a text that stands in no other."""
    at = 0
    for _ in range(_MOST_STARTS):
        start = re.compile(r"[{[]").search(text, at)
        if start is None:
            return
        try:
            found, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            at = start.end()
        else:
            yield found


def _only(found: Any, fields: Fields) -> Any:
    """Return the one object in a value that has the keys of an answer; None if none."""
    matching: list[Any] = []
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if fields.matches(one):
            matching += [one] if one not in matching else []
        elif isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
    if len(matching) > 1:
        raise Misfit(f"it has {plural(len(matching), 'answer')} and not one")
    return matching[0] if matching else None


def _repaired(text: str, fields: Fields) -> Any:
    """Return the object that broken JSON is, if mending it changes nothing of it."""
    # Beyond this, the library takes time by the square of it.
    is_long = len(text) > _LONGEST_REPAIR
    if is_long or len(re.findall(r"[{\[\"']", text)) > _MOST_SIGNS:
        return None
    places = [*_fences(text)[::-1], text]
    candidates = (one for place in places for one in _braced(place, fields))
    for candidate in islice(candidates, _MOST_REPAIRS):
        mended = _mended(candidate)
        if len(fields.keys_in(mended)) == len(fields.names):
            return mended
    return None


def _braced(text: str, fields: Fields) -> Iterator[str]:
    """Yield what may be an object: from a brace before a key, up to the last brace."""
    key = rf"[\s,]*\\?['\"“]*(?:{'|'.join(map(re.escape, fields.names))})\b"
    end = text.rfind("}") + 1 or len(text)
    for start in re.finditer(rf"(?i)\{{{key}", text[:end]):
        yield text[start.start() : end]
    if re.match(rf"(?i){key}\W*:", text):
        yield f"{{{text[:end]}"


def _mended(text: str) -> Any:
    """Return broken JSON as a value; None if anything would have to be guessed."""
    import json_repair  # takes 28 ms, and is rarely needed

    if re.match(r'\{\s*\\"', text):
        return _strict(f'"{text}"')  # encoded twice
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', _with_plain_backslashes, text.strip())
    if text.endswith(('"', "true", "false", "null")):  # a number may go on
        return _strict(f"{text}}}")
    if not text.endswith("}") or not _is_closed(text):
        return None
    try:
        mended = json_repair.loads(text)
        words = _words_of(json.dumps(mended, ensure_ascii=False))
    except (ValueError, RecursionError):
        return None
    said = [_words_of(text), _words_of(re.sub(_COMMENT, " ", text))]
    return mended if words in said else None


def _is_closed(text: str) -> bool:
    """Return whether the last brace of broken JSON stands in no text that is open."""
    text = re.sub(r"\\.|(?<=\w)['’](?=\w)", "", text)
    text = text.replace("“", '"').replace("”", '"')
    mark = '"' if '"' in text else "'"
    if text.count(mark) % 2 == 0:
        bare = re.sub(f"{mark}[^{mark}]*{mark}", "", text)
        return bare.count("{") <= bare.count("}")
    # One is missing: the last must have closed a text, with only JSON behind it.
    head, _, tail = text.rpartition(mark)
    opens = re.search(r"[:,\[{]\s*\Z", head)
    return not opens and bool(re.fullmatch(r"\s*(:\s*[-+\w.]*)?[\]},\s]*", tail))


_COMMENT = (
    r"//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|(?<=[\s,{\[])#[^\n]*"
    r"|,\s*\.\.\.(?=\s*\})"
)
# A sign that is none of JSON's own says something: `>5`, `−5`, `12 %`, `["a", …]`.
_WORD = re.compile(
    r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?!\w)|\w+|[^\w\s{}\[\]:,\\\"'`“”‘’„]"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")


def _with_plain_backslashes(found: re.Match[str]) -> str:
    r"""Return a string literal of which a backslash begins no escape, with all doubled.

    In `"C:\Users\new"`, neither does the second one.
    """
    literal = found[0]
    if re.search(r'\\(?!["\\/bfnrtu])|\\u(?![0-9a-fA-F]{4})', literal) is None:
        return literal
    return re.sub(r'\\(?!")', r"\\\\", literal.replace("\\\\", "\\"))


def _words_of(text: str) -> list[str]:
    """Return the words and signs of a JSON text, in order, as they are compared."""
    plain = _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass")
    return [*map(_word, _WORD.findall(plain.decode("utf-16", "replace")))]


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] in "bfnrt" else found[2]


def _word(word: str) -> str:
    if re.fullmatch(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?", word):
        return repr(float(word))
    return re.sub(r"\Anone\Z", "null", word.casefold())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


# Of `NaN` and `Infinity`, `int` raises ValueError.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=int, strict=False)


def _strict(text: str) -> Any:
    """Return a JSON text as a value, also if encoded twice; None if it is none."""
    try:
        found = _DECODER.decode(text)
        is_json = isinstance(found, str) and found.lstrip()[:1] in ("{", "[")
        return _DECODER.decode(found) if is_json else found
    except (ValueError, RecursionError):
        return None


def _fences(text: str) -> list[str]:
    has_any = any(marks in text for marks in _MARKS)
    return [block.code.strip() for block in code_blocks(text)] if has_any else []
