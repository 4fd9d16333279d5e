"""Read a typed answer out of what a model wrote, without inventing anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from nemotron_magic.core.text import one_line, plural
from nemotron_magic.markdown.parser import code_blocks
from nemotron_magic.session.structured.fields import Fields, Misfit

__all__ = ["Reading", "read_value"]

_LONGEST_REPAIR = 64_000
_MOST_STARTS = 400
"""So many braces are tried as the start of an object."""

_MOST_REPAIRS = 4
_MARKS = ("```", "~~~")
_MOST_SIGNS = 2_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of an answer by field, or in words why there are none.

    `note` says what was done to read it; `is_json` whether an object with the right
    keys was there, whose values do not fit.
    """

    value: dict[str, Any] | None = None
    note: str = ""
    error: str = ""
    is_json: bool = False


def read_value(
    text: str, fields: Fields, finish_reason: str | None = "stop", reasoning: str = ""
) -> Reading:
    """Return what a reply's text says of the fields.

    Servers with a fault in their parser of reasoning send the object there, and no
    text: then it is taken from the end of the reasoning.
    """
    is_cut = finish_reason == "length"
    text = _without_thinking(text).strip().lstrip("\ufeff")
    if text:
        return _read(text, fields, is_cut)
    if not reasoning.strip():
        cut = "all of it went into reasoning" if is_cut else "the answer is empty"
        return Reading(error=cut)
    found = _read(_last_part(reasoning), fields, is_cut=True)
    if found.value is None:
        return Reading(error="the answer is empty; there is only reasoning")
    return Reading(found.value, "read from the reasoning")


def _read(text: str, fields: Fields, is_cut: bool) -> Reading:
    """Return the values of the strictest reading that finds an object of these keys."""
    try:
        for found, note in _found(text, fields, is_cut):
            if found is not None:
                return Reading(fields.check(found), note)
    except Misfit as misfit:
        return Reading(error=str(misfit), is_json=True)
    if is_cut:
        return Reading(error="it was cut off at max_tokens")
    return Reading(error=f"there is no such JSON in “{one_line(text, 80)}”")


def _found(text: str, fields: Fields, is_cut: bool) -> Iterator[tuple[Any, str]]:
    """Yield what each reading finds, and what was done for it, the strictest first.

    Where there is nothing else, an object that lacks some of the keys.
    """
    yield _whole(text, fields), ""
    if is_cut:  # what is cut off would be taken for whole
        return
    yield _embedded(text, fields)
    yield _repaired(text, fields), "repaired"
    yield from ((one, "") for one in _objects(text) if fields.keys_in(one))


def _without_thinking(text: str) -> str:
    """Return what stands behind a model's thoughts, if they are marked."""
    text = re.sub(r"(?s)\A.*</(?:think|thinking|thought)>", "", text)
    return re.sub(r"(?s)\A\s*<(?:think|thinking|thought)>.*", "", text)


def _last_part(text: str) -> str:
    """Return the last fence or object of a text, if it ends with that."""
    text = text.strip()
    fences = _fences(text)
    if fences and text.endswith(_MARKS):
        return fences[-1]
    at = text.rfind("\n{")
    return text[at + 1 :] if at >= 0 else text


def _whole(text: str, fields: Fields) -> Any:
    """Return the object that the text, or its only fence, is; None if it is none."""
    is_fenced = text.startswith(_MARKS) and text.endswith(_MARKS)
    fences = _fences(text) if is_fenced else []
    inner = fences[0] if len(fences) == 1 else text
    try:
        found = _strict(inner)
    except (ValueError, RecursionError):
        return _bare(inner, fields)
    if fields.is_single and not isinstance(found, dict):
        one = fields.fields[0]
        if isinstance(found, list) == one.is_list:
            return {one.name: found}
    return _only(found, fields)


def _bare(text: str, fields: Fields) -> Any:
    """Return the object of a lone label or word that stands for a single value."""
    one, text = fields.fields[0], text.strip()
    if not fields.is_single or one.is_list or "\n" in text:
        return None
    if one.kind == "bool" and text.casefold() in ("true", "false"):
        return {one.name: text.casefold() == "true"}
    if one.kind == "date" or (one.kind == "str" and one.labels):
        try:
            one.check(text)
        except Misfit:
            return None
        return {one.name: text}
    return None


def _embedded(text: str, fields: Fields) -> tuple[Any, str]:
    """Return the last object with the keys of an answer that stands in a text."""
    found = [one for value in _objects(text) if (one := _only(value, fields))]
    differ = any(one != found[-1] for one in found)
    return found[-1] if found else None, "the last of several" if differ else ""


def _objects(text: str) -> Iterator[Any]:
    """Yield every JSON object and list of a text that stands in no other."""
    decoder = json.JSONDecoder(**_STRICT)
    at = 0
    for _ in range(_MOST_STARTS):
        start = re.compile(r"[{[]").search(text, at)
        if start is None:
            return
        try:
            found, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            at = start.end()
        else:
            yield found


def _only(found: Any, fields: Fields) -> Any:
    """Return the object with the keys of an answer in a value; None if none has them.

    Raise Misfit if there are several that differ.
    """
    matching: list[Any] = []
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict) and fields.matches(one):
            matching += [one] if one not in matching else []
        elif isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
    if len(matching) > 1:
        raise Misfit(f"it has {plural(len(matching), 'answer')} and not one")
    return matching[0] if matching else None


def _repaired(text: str, fields: Fields) -> Any:
    """Return the object that broken JSON is, if mending it changes no word."""
    # Beyond this, the library takes time by the square of it.
    is_long = len(text) > _LONGEST_REPAIR
    if is_long or len(re.findall(r"[{\[\"']", text)) > _MOST_SIGNS:
        return None
    places = [*_fences(text)[::-1], text]
    candidates = [one for place in places for one in _braced(place, fields)]
    for candidate in candidates[:_MOST_REPAIRS]:
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
        return _strict_or_none(f'"{text}"')  # encoded twice
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', _with_plain_backslashes, text.strip())
    if text.endswith(('"', "true", "false", "null")):  # a number may go on
        return _strict_or_none(f"{text}}}")
    if not text.endswith("}") or not _is_closed(text):
        return None
    try:
        mended = json_repair.loads(text)
    except (ValueError, RecursionError):
        return None
    said = [_words_of(text), _words_of(re.sub(_COMMENT, " ", text))]
    return mended if [*_words_in(mended)] in said else None


def _strict_or_none(text: str) -> Any:
    try:
        return _strict(text)
    except (ValueError, RecursionError):
        return None


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


_COMMENT = r"//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|(?<=[\s,{\[])#[^\n]*"
_WORD = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w)|\w+")


def _with_plain_backslashes(found: re.Match[str]) -> str:
    r"""Return a string literal of which a backslash begins no escape, with all doubled.

    In `"C:\Users\new"`, neither does the second one.
    """
    literal = found[0]
    if re.search(r'\\(?!["\\/bfnrtu])|\\u(?![0-9a-fA-F]{4})', literal) is None:
        return literal
    return re.sub(r'\\(?!")', r"\\\\", literal.replace("\\\\", "\\"))


def _words_of(text: str) -> list[str]:
    """Return the words and numbers of a JSON text, in order."""
    return [*map(_word, _WORD.findall(re.sub(_ESCAPE, _unescaped, text)))]


_ESCAPE = r"\\(?:u([0-9a-fA-F]{4})|(.))"


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] in "bfnrt" else found[2]


def _words_in(value: Any) -> Iterator[str]:
    """Yield the words and numbers of a value, in order."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from map(_word, _WORD.findall(str(key)))
            yield from _words_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _words_in(one)
    else:
        shown = "null" if value is None else str(value)
        yield from map(_word, _WORD.findall(shown))


def _word(word: str) -> str:
    """Return a word as it is compared: numbers by their value."""
    if re.fullmatch(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", word):
        return repr(float(word))
    return _LITERALS.get(word.casefold(), word)


_LITERALS = {"true": "true", "false": "false", "null": "null", "none": "null"}


def _strict(text: str) -> Any:
    """Return a JSON text as a value, also one that was encoded twice."""
    found = json.loads(text, **_STRICT)
    is_json = isinstance(found, str) and found.lstrip()[:1] in ("{", "[")
    return json.loads(found, **_STRICT) if is_json else found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_STRICT: dict[str, Any] = {
    "object_pairs_hook": _object,
    "parse_constant": _no_constant,
    "strict": False,
}


def _fences(text: str) -> list[str]:
    """Return the contents of a text's fenced blocks."""
    has_any = any(marks in text for marks in _MARKS)
    return [block.code.strip() for block in code_blocks(text)] if has_any else []
