"""A panel shows what would be sent and what was spent, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
from ipywidgets.widgets import widget
from panel_page import wait_for
from shells import Shell

import nemotron_magic
from nemotron_magic.core.errors import InputError


def test_a_preview_is_what_is_sent_to_the_letter_and_sends_nothing(
    shell: Shell, service: Any, open_panel: Any
) -> None:
    page = open_panel()
    shell.run("print('sold', 7)")
    page["Question"].value = "What was sold?"
    page.open("Preview")
    previewed = page.text()
    asked_before = len(service.requests)
    page.open("Ask")
    page.press("Send")
    page.answered()

    assert asked_before == 0
    assert "sold 7" in shell["_nemotron"].messages[-1]["content"]
    for message in shell["_nemotron"].messages:
        assert message["content"].strip() in previewed


def test_a_preview_shows_what_is_hidden_in_a_question(open_panel: Any) -> None:
    page = open_panel()
    page["Question"].value = "why\U000e0041\u200b so?"
    page.open("Preview")

    assert "\u200b" not in page.text()
    assert "\U000e0041" not in page.text()
    assert "U+E0041" in page.text()


def test_a_preview_is_made_anew_when_its_tab_is_pressed_again(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    page["Question"].value = "Why?"
    page.open("Preview")
    before = page.text()
    shell.run("print('news')")
    page.open("Preview")

    assert "news" not in before
    assert "news" in page.text()


def test_a_preview_that_cannot_be_made_says_why(open_panel: Any) -> None:
    page = open_panel()
    page["Question"].value = "Is $`nope` a list?"
    page.open("Preview")

    assert "nope" in page.text()
    assert "nm-error" in page.of_class("nm-page").value


def test_a_preview_tells_the_price_once_models_were_listed(
    config: Any, open_panel: Any
) -> None:
    config.model = "nvidia/nemotron-3-nano-30b-a3b"
    page = open_panel()
    page.open("Preview")
    before = page.text()
    page.open("Parameters")
    options = wait_for(lambda: page["Model"].options)
    page.open("Preview")

    assert "unknown" in before.partition("may cost")[2].partition("\n\n")[0]
    assert "nemotron" in options[0]
    assert "$" in page.text().partition("may cost")[2][:40]


def test_models_that_cannot_be_listed_are_told(config: Any, open_panel: Any) -> None:
    config.base_url = "http://127.0.0.1:9"
    page = open_panel()
    page.open("Parameters")

    wait_for(lambda: "The models cannot be listed: cannot connect" in page.text())


def test_usage_counts_what_cells_and_panels_asked(
    shell: Shell, open_panel: Any
) -> None:
    page = open_panel()
    shell.run("%nemotron -q rehearsal: say A")
    page.answered("rehearsal: say B")
    page.open("Usage")
    words = page.text().split()

    assert words[words.index("session") + 1] == "2"
    assert "Cost by day" in page.text()


@pytest.mark.parametrize(
    ("base_url", "told"),
    [("", "$10.00 left at 127.0.0.1"), ("http://127.0.0.1:9", "cannot be had")],
)
def test_the_balance_is_told_when_it_is_asked_for(
    config: Any, open_panel: Any, base_url: str, told: str
) -> None:
    config.base_url = base_url or config.base_url
    page = open_panel()
    page.open("Usage")
    before = page.text()
    page.press("Ask for the balance")

    wait_for(lambda: told in page.text())
    assert told not in before


def test_what_config_sets_shows_at_once_in_ten_panels(
    shell: Shell, open_panel: Any
) -> None:
    pages = [open_panel() for _ in range(10)]
    for page in pages:
        page.open("Parameters")
    shell.run("%config Nemotron.temperature = 0.3")

    assert {page["Temperature"].value for page in pages} == {"0.3"}


def test_one_panel_sets_and_the_others_follow(config: Any, open_panel: Any) -> None:
    first, second = open_panel(), open_panel()
    first.open("Parameters")
    second.open("Parameters")
    first["Max tokens"].value = "50"

    assert config.max_tokens == 50
    assert second["Max tokens"].value == "50"


def observers(config: Any) -> int:
    return sum(
        len(calls)
        for kinds in config._trait_notifiers.values()
        for calls in kinds.values()
    )


def test_a_closed_panel_leaves_no_observer_and_no_widget(
    config: Any, open_panel: Any
) -> None:
    before = observers(config), len(widget._instances)
    page, other = open_panel(), open_panel()
    for tab in ("Parameters", "Preview", "Usage", "Ask"):
        page.open(tab)
    page.answered("rehearsal: say Hi")
    page.press("Close")
    other.press("Close")

    assert (observers(config), len(widget._instances)) == before


def followed(shell: Shell) -> dict[str, int]:
    return {name: len(found) for name, found in shell.ip.events.callbacks.items()}


def test_unloading_closes_panels_and_follows_no_cell_any_more(
    shell: Shell, config: Any, open_panel: Any
) -> None:
    bare = Shell()
    before = observers(config)
    page = open_panel()
    shell.run("%unload_ext nemotron_magic")
    bare.close()

    assert observers(config) == before
    assert followed(shell) == followed(bare)
    assert page.panel.box.comm is None


def test_a_terminal_is_told_that_it_is_no_page(shell: Shell) -> None:
    outcome = shell.run("%nemotron panel")

    assert outcome.status == "error"
    assert outcome.text.startswith("InputError: a panel needs a notebook page")


def test_without_a_notebook_the_public_function_says_so() -> None:
    with pytest.raises(InputError, match="a panel needs a notebook"):
        nemotron_magic.panel()


@pytest.mark.parametrize("address", ["", "https://h.example/v1", "no address"])
def test_a_reset_of_all_settings_leaves_no_rehearsal_unseen(
    shell: Shell, config: Any, open_panel: Any, address: str
) -> None:
    default = config.trait_defaults("base_url")
    shell.run("%nemotron rehearse")
    if address:
        shell.run(f"%config Nemotron.base_url = {address!r}")
    shell.run("%config Nemotron.seed = 7")
    page = open_panel()
    page.open("Parameters")
    before = config.base_url
    page.press("Reset all")

    assert config.base_url == (default if address else before)
    assert config.seed is None
