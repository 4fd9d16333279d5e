"""Code that a reply brings hides nothing once it is in a cell."""

from __future__ import annotations

import json

import pytest
from attacks import STEERING
from hostile_service import Answer, Service
from shells import Shell

SEEN_ANYWAY = {"return", "surrogates"}
"""A carriage return ends a line, and half a character has become U+FFFD."""


@pytest.mark.parametrize("name", STEERING)
def test_no_sign_that_hides_gets_into_a_cell(
    shell: Shell, service: Service, name: str
) -> None:
    sign = STEERING[name]
    reply = f"Run:\n\n```python\nx = '''a{sign}b'''  # c{sign}d\n```\n"
    message = {"message": {"content": reply}, "finish_reason": "stop"}
    service.answers["completions"] = Answer.json({"choices": [message]})

    done = shell.run("%nemotron -c none --code make x")

    assert done.next_cell
    assert {c for c in done.next_cell if not c.isprintable()} <= {"\n", "\t"}
    assert ("line 1: " in done.text) is (name not in SEEN_ANYWAY)
    assert "x = '''a" in done.next_cell


def test_what_was_made_visible_is_what_the_reply_had(
    shell: Shell, service: Service
) -> None:
    code = "is_admin = 'user\u202e \u2066# admin\u2069 \u2066'\n"
    message = {"message": {"content": f"```python\n{code}```"}, "finish_reason": "stop"}
    service.answers["completions"] = Answer.json({"choices": [message]})

    done = shell.run("%nemotron -c none --code check it")
    kept: dict[str, str] = {}
    exec(done.next_cell or "", kept)  # of our own making

    assert kept["is_admin"] == code.split("'")[1]
    assert json.dumps(done.next_cell).count("\\\\u20") == 4
