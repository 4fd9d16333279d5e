"""Errors as the user meets them: one to three lines."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from nemotron_magic.core import errors
from nemotron_magic.core.errors import NemotronError, ServiceError

OFFERED = vars(errors).values()
KINDS = [one for one in OFFERED if isinstance(one, type) and issubclass(one, Exception)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_of_one_family_and_says_what_it_is_for(kind: type) -> None:
    assert issubclass(kind, NemotronError)
    assert kind.__doc__


def test_a_message_is_what_why_and_what_to_do() -> None:
    error = ServiceError("it failed", "it said: no", "Try later", request_id="r-1")

    assert error.args == ("it failed", "it said: no", "Try later")
    assert str(error) == "it failed\nit said: no (request id r-1)\nTry later"
    assert error._render_traceback_() == [
        "ServiceError: it failed",
        "it said: no (request id r-1)",
        "Try later",
    ]


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (ServiceError("it failed"), ["it failed"]),
        (ServiceError("it failed", hint="Wait"), ["it failed", "Wait"]),
        (ServiceError("it failed", request_id="r"), ["it failed", "(request id r)"]),
    ],
)
def test_a_line_that_is_empty_is_left_out(
    error: NemotronError, lines: list[str]
) -> None:
    assert str(error).splitlines() == lines


def test_the_whole_traceback_is_a_setting_away() -> None:
    def fail() -> None:
        raise ServiceError("it failed")

    with pytest.raises(ServiceError) as failed:
        fail()
    failed.value.verbose = True

    assert "raise ServiceError" in "\n".join(failed.value._render_traceback_())


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_of_an_error_says_the_same(again: Any) -> None:
    error = ServiceError("it failed", "why", "hint", status=503, retry_after_s=2.0)

    assert str(again(error)) == str(error)
    assert vars(again(error)) == vars(error)
