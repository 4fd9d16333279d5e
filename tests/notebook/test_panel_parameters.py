"""A panel's parameters and the settings of the session are one."""

from __future__ import annotations

from typing import Any

import pytest
from shells import Shell

import nemotron_magic
from nemotron_magic.errors import InputError


def observers(config: Any) -> int:
    return sum(
        len(calls)
        for kinds in config._trait_notifiers.values()
        for calls in kinds.values()
    )


def test_what_is_moved_in_a_panel_is_set_and_acknowledged(
    config: Any, open_panel: Any
) -> None:
    comm = open_panel()
    comm.say("set", name="temperature", value=0.7, view="v1")

    assert config.temperature == 0.7
    assert comm.state()["values"]["temperature"] == 0.7
    assert comm.state()["changed"].count("temperature") == 1
    assert comm.told("heard") == [
        {"kind": "heard", "view": "v1", "name": "temperature", "error": ""}
    ]


def test_what_config_sets_shows_at_once_in_ten_panels(
    shell: Shell, open_panel: Any
) -> None:
    comms = [open_panel() for _ in range(10)]
    shell.run("%config Nemotron.temperature = 0.3")

    assert {comm.state()["values"]["temperature"] for comm in comms} == {0.3}
    assert {comm.state()["config"] for comm in comms} == {
        "%config Nemotron.temperature = 0.3"
    }


def test_one_panel_sets_and_the_others_follow_with_one_message_each(
    open_panel: Any,
) -> None:
    first, *others = (open_panel() for _ in range(10))
    for comm in (first, *others):
        comm.messages.clear()
    first.say("set", name="max_tokens", value=50, view="v1")

    assert all(comm.state()["values"]["max_tokens"] == 50 for comm in others)
    assert {len(comm.messages) for comm in others} == {1}
    assert len(first.messages) == 2


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("temperature", 9, "temperature must lie in [0, 2], got 9"),
        ("tools", "[{", "tools must be a JSON value, got [{"),
        ("nonsense", 1, "there is no setting nonsense"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_and_changes_nothing(
    config: Any, open_panel: Any, name: str, value: Any, error: str
) -> None:
    comm = open_panel()
    before = settings_of(config)
    comm.say("set", name=name, value=value, view="v1")

    assert comm.told("heard")[0]["error"] == error
    assert settings_of(config) == before


def test_settings_that_contradict_each_other_are_told(open_panel: Any) -> None:
    comm = open_panel()
    comm.say("set", name="top_logprobs", value=3, view="v1")
    contradiction = comm.state()["problem"]
    comm.say("set", name="logprobs", value=True, view="v1")

    assert contradiction == "top_logprobs needs logprobs"
    assert comm.state()["problem"] == ""


def test_not_set_is_not_nought(config: Any, open_panel: Any) -> None:
    comm = open_panel()
    comm.say("set", name="temperature", value=0, view="v1")
    nought = config.snapshot().parameters()["temperature"]
    comm.say("set", name="temperature", value=None, view="v1")

    assert nought == 0
    assert "temperature" not in config.snapshot().parameters()


def test_a_reset_gives_back_the_defaults_and_the_default_model_as_no_choice(
    config: Any, open_panel: Any
) -> None:
    comm = open_panel()
    for name, value in (("model", "a/b"), ("temperature", 1), ("stop", "x\ny")):
        comm.say("set", name=name, value=value, view="v1")
    comm.say("reset", name="temperature")
    one = comm.state()["changed"]
    comm.say("reset")

    assert one == ["model", "stop"]
    assert comm.state()["changed"] == []
    assert config.snapshot().model_is_default


def test_a_closed_panel_leaves_no_observer_and_no_comm(
    config: Any, open_panel: Any
) -> None:
    before = observers(config)
    comm, other = open_panel(), open_panel()
    comm.say("close")
    other.say("close")
    heard = len(comm.messages)
    config.temperature = 1.5

    assert observers(config) == before
    assert comm.is_closed
    assert other.is_closed
    assert len(comm.messages) == heard


def followed(shell: Shell) -> dict[str, int]:
    return {name: len(found) for name, found in shell.ip.events.callbacks.items()}


def test_unloading_closes_panels_and_follows_no_cell_any_more(
    shell: Shell, config: Any, open_panel: Any
) -> None:
    bare = Shell()
    before = observers(config)
    comm = open_panel()
    opened = observers(config)
    shell.run("%unload_ext nemotron_magic")
    bare.close()

    assert opened == before + 1
    assert observers(config) == before
    assert followed(shell) == followed(bare)
    assert comm.is_closed


def test_a_terminal_is_told_that_it_is_no_page(shell: Shell) -> None:
    outcome = shell.run("%nemotron panel")

    assert outcome.status == "error"
    assert outcome.text.startswith("InputError: a panel needs a notebook page")


def test_without_a_notebook_the_public_function_says_so() -> None:
    with pytest.raises(InputError, match="a panel needs a notebook"):
        nemotron_magic.panel()


def settings_of(config: Any) -> dict[str, Any]:
    settings = config.snapshot()
    return {name: settings[name] for name in settings.values}
