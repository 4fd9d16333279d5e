"""The code that a panel shows sets the same again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nemotron_magic.core.parameters import BY_NAME, PARAMETERS
from nemotron_magic.display.panel.form import config_lines, flags_line
from nemotron_magic.magics.extension import Nemotron
from nemotron_magic.magics.parser import parse

DEFAULTS = {p.name: p.default for p in PARAMETERS}
STATES: list[dict[str, Any]] = [
    {},
    {"temperature": 0, "top_p": 0.5, "seed": 7},
    {"temperature": 0.2, "frequency_penalty": -1.5, "max_tokens": None},
    {"stop": ["END", "two words", '"', "-t"], "stream": False},
    {"cache": "replay", "data": "full"},
    {"model": "a/b", "system": "", "context": "3-7 9"},
    {"logprobs": True, "top_logprobs": 3, "n": 2},
    {"logit_bias": {"50256": -100}, "response_format": {"type": "json_object"}},
    {"tools": [{"function": {"name": "f", "description": 'say "hi" it\'s \\ fine'}}]},
    {"tool_choice": "auto", "system": "It's a \"test\" \\ = $x {y} 'z"},
]


@pytest.mark.parametrize("state", STATES)
def test_the_flags_set_the_same_for_one_question(state: dict[str, Any]) -> None:
    line, without = flags_line(DEFAULTS | state)
    call = parse(f"{line.removeprefix('%nemotron')} why?", None)

    assert call.values == state
    assert (call.text, without) == ("why?", ())


@example("0 ")
@example("-1")
@example("-t")
@example('0"')
@example('{"a')
@given(st.text(st.characters(exclude_characters="\r\n"), max_size=40))
def test_any_text_of_one_line_can_be_a_flag(text: str) -> None:
    line, _ = flags_line(DEFAULTS | {"system": text})
    call = parse(f"{line.removeprefix('%nemotron')} why?", None)

    assert call.values["system"] == text


def test_what_no_flag_can_set_is_named() -> None:
    line, without = flags_line(
        DEFAULTS | {"redact": False, "system": "two\nlines", "temperature": 1}
    )

    assert line == "%nemotron -t 1"
    assert set(without) == {"redact", "system"}


@pytest.mark.parametrize("state", [*STATES, {"redact": False, "system": "a\nb"}])
def test_the_config_lines_set_the_same_for_a_session(state: dict[str, Any]) -> None:
    config = Nemotron()
    for line in config_lines(DEFAULTS | state).splitlines():
        # As %config does it: IPython/core/magics/config.py.
        exec("config." + line.removeprefix("%config Nemotron."), {"config": config})

    got = {name: getattr(config, name) for name in BY_NAME}
    assert got == DEFAULTS | state
