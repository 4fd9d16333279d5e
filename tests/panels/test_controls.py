"""Each row of the parameter table gets the right control."""

from __future__ import annotations

import json

import pytest

from nemotron_magic.panels.controls import FIRST, control_of, table
from nemotron_magic.parameters import BY_NAME, PARAMETERS, Parameter


@pytest.mark.parametrize(
    ("name", "shape", "nullable"),
    [
        ("temperature", "slider", True),
        ("top_logprobs", "slider", True),
        ("connect_timeout_s", "slider", False),
        ("top_k", "number", True),
        ("max_tokens", "number", True),
        ("redact", "switch", False),
        ("stream", "switch", False),
        ("logprobs", "choice", True),
        ("data", "choice", False),
        ("context", "text", False),
        ("base_url", "text", False),
        ("system", "area", False),
        ("stop", "area", True),
        ("tools", "area", True),
        ("model", "model", False),
    ],
)
def test_a_row_gets_the_control_that_fits(
    name: str, shape: str, nullable: bool
) -> None:
    control = control_of(BY_NAME[name])

    assert (control.shape, control.nullable) == (shape, nullable)


@pytest.mark.parametrize(
    ("minimum", "maximum", "step", "is_logarithmic"),
    [
        (0, 2, 0.02, False),
        (-2, 2, 0.05, False),
        (0.01, 1, 0.01, False),
        (0.001, 0.999, 0.001, False),
        (0.1, 86400, 0.1, True),
        (0, 5_000, 100, False),
    ],
)
def test_the_steps_of_a_slider_are_round_and_reach_small_values(
    minimum: float, maximum: float, step: float, is_logarithmic: bool
) -> None:
    row = Parameter("x", "number", "", minimum=minimum, maximum=maximum)
    control = control_of(row)

    assert control.step == step
    assert control.is_logarithmic is is_logarithmic


def test_a_whole_number_goes_by_ones() -> None:
    assert control_of(BY_NAME["top_logprobs"]).step == 1


def test_a_control_says_what_its_row_says() -> None:
    control = control_of(BY_NAME["temperature"])

    assert control.help == "Randomness; 0 is the most predictable."
    assert control.accepts == "a number in [0, 2]"
    assert control.flags == "-t, --temperature"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("top_p", "Top p"),
        ("gap_timeout_s", "Gap timeout (seconds)"),
        ("base_url", "Base URL"),
        ("n", "Answers"),
    ],
)
def test_labels_are_words(name: str, label: str) -> None:
    assert control_of(BY_NAME[name]).label == label


def test_every_row_is_there_once_those_used_most_first_and_fit_for_json() -> None:
    rows = json.loads(json.dumps(table()))

    assert sorted(row["name"] for row in rows) == sorted(p.name for p in PARAMETERS)
    assert tuple(row["name"] for row in rows[: len(FIRST)]) == FIRST
    assert all(row["label"] and row["help"] and row["accepts"] for row in rows)


def test_a_row_that_nobody_has_sorted_is_shown_all_the_same() -> None:
    (row,) = table([Parameter("brand_new", "number", "New.")])

    assert row["group"]
    assert row["shape"] == "number"
