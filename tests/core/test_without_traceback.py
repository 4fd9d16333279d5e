"""An error of what handles a secret says what it says, and shows no more."""

from __future__ import annotations

import traceback

import pytest

from nemotron_magic.core.endpoint import secret_value, without_traceback


def fail_with(secret: str) -> None:
    try:
        raise ValueError(f"inner {len(secret)}")
    except ValueError as error:
        raise KeyError("outer") from error


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_comes_as_it_is(kind: type[BaseException]) -> None:
    fault = kind("why")

    def fail() -> None:
        raise fault

    with pytest.raises(kind) as raised:
        without_traceback(fail)

    assert raised.value is fault


def test_no_frame_comes_along_not_even_of_what_went_before() -> None:
    with pytest.raises(KeyError) as raised:
        without_traceback(lambda: fail_with("hunter2"))
    error = raised.value

    assert (error.__cause__, error.__context__) == (None, None)
    names = [f.f_code.co_name for f, _ in traceback.walk_tb(error.__traceback__)]
    assert names[-1] == "without_traceback"
    assert "fail_with" not in names


def test_what_is_sealed_is_shown_by_nothing() -> None:
    secret = secret_value({"a": "hunter2"})

    assert secret(0) == {"a": "hunter2"}
    assert "hunter2" not in f"{secret!r} {secret} {[secret]}"


def test_what_it_gives_is_given() -> None:
    assert without_traceback(lambda: 3) == 3
