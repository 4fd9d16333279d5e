"""The text that stands in a saved notebook for a panel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from shells import Shell

from nemotron_magic.display.panel.panel import panel_state, state_bundle
from nemotron_magic.session.conversation import Turn
from nemotron_magic.session.reply import Reply

TURN = Turn("Is <i>it</i>?", Reply("**Yes** <script>alert(1)</script>"))
CONFIG = "%config Nemotron.temperature = 0.2"


def test_it_tells_settings_question_answer_and_totals() -> None:
    text = "\n\n".join(panel_state(CONFIG, TURN, "This session: 1 call"))

    assert CONFIG in text
    assert "Is <i>it</i>?" in text
    assert "\n**Yes**" in text
    assert text.endswith("This session: 1 call")


def test_a_long_answer_is_cut_and_defaults_are_said() -> None:
    text = "\n\n".join(panel_state("", Turn("Why?", Reply("a" * 10_000)), ""))

    assert len(text) < 4_500
    assert "6,000 characters more" in text
    assert "at their defaults" in text


def test_a_long_question_is_cut() -> None:
    text = "\n\n".join(panel_state("", Turn("b" * 1_000_000, Reply("Yes")), ""))

    assert len(text) < 4_500
    assert "996,000 characters more" in text


@pytest.mark.parametrize(
    "reply",
    ["Try\n\n```python\nx = 1", "~~~~\n" + "a" * 5_000, "```py", "<!-- a", "$$\nx"],
)
def test_what_stands_below_a_reply_that_was_cut_is_no_part_of_it(
    app: Any, open_panel: Any, reply: str
) -> None:
    turn = Turn("How?", Reply(reply))
    app.session.conversation.threads["main"] = [turn]
    app.session.conversation.last = turn.reply
    html = state_bundle("nm-p", open_panel().panel._host)["text/html"]

    assert "<p>This session: 0 calls" in html


def test_its_html_is_safe_and_hides_beside_a_panel(app: Any, open_panel: Any) -> None:
    app.session.conversation.threads["main"] = [TURN]
    app.session.conversation.last = TURN.reply
    html = state_bundle("nm-p", open_panel().panel._host)["text/html"]

    assert "<strong>Yes</strong>" in html
    assert "<script" not in html
    assert "Is &lt;i&gt;it&lt;/i&gt;?" in html
    assert re.search(r"body:has\(\.nm-p\) \.nm-p-still\{display:none\}", html)


def test_a_secret_among_the_settings_is_not_saved(
    shell: Shell, open_panel: Any
) -> None:
    shell.run("%config Nemotron.base_url = 'https://me:hunter2aB3dE5@host/v1'")
    bundle = state_bundle("nm-p", open_panel().panel._host)

    assert "base_url" in bundle["text/plain"]
    assert "hunter2aB3dE5" not in str(bundle)
