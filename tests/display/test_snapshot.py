"""The text that stands in a saved notebook for a panel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from nemotron_magic.display.panel.panel import StaticSnapshot, panel_state
from nemotron_magic.session.conversation import Turn
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.session import Session

TURN = Turn("Is <i>it</i>?", Reply("**Yes** <script>alert(1)</script>"))
CONFIG = "%config Nemotron.temperature = 0.2"


class Page:
    """Takes what is published, and calls later what is to be called."""

    def __init__(self) -> None:
        self.shown: list[tuple[dict[str, str], str, bool]] = []
        self.due: list[Callable[[], None]] = []

    def publish(self, data: Any, transient: Any, update: bool = False) -> None:
        self.shown.append((data, transient["display_id"], update))

    def later(self, work: Callable[[], None], delay_s: float) -> None:
        self.due.append(work)

    def wait(self) -> None:
        due, self.due = self.due, []
        for work in due:
            work()


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def config() -> list[str]:
    return [CONFIG]


@pytest.fixture
def session() -> Session:
    return Session(environ={})


@pytest.fixture
def snapshot(page: Page, config: list[str], session: Session) -> StaticSnapshot:
    return StaticSnapshot("nm-p", session, lambda: config[-1], page.publish, page.later)


def test_it_tells_settings_question_answer_and_totals() -> None:
    text = panel_state(CONFIG, TURN, "This session: 1 call")

    assert CONFIG in text
    assert "Is <i>it</i>?" in text
    assert "\n**Yes**" in text
    assert text.endswith("This session: 1 call")


def test_its_html_is_safe_and_hides_beside_a_panel(
    page: Page, snapshot: StaticSnapshot, session: Session
) -> None:
    session.conversation.threads["main"] = [TURN]
    session.conversation.last = TURN.reply
    snapshot.show()
    html = page.shown[0][0]["text/html"]

    assert "<strong>Yes</strong>" in html
    assert "<script" not in html
    assert "Is &lt;i&gt;it&lt;/i&gt;?" in html
    assert re.search(r"body:has\(\.nm-p\) \.nm-p-still\{display:none\}", html)


def test_a_long_answer_is_cut_and_defaults_are_said() -> None:
    text = panel_state("", Turn("Why?", Reply("a" * 10_000)), "")

    assert len(text) < 4_500
    assert "6,000 characters more" in text
    assert "at their defaults" in text


def test_many_changes_are_one_update_later(
    page: Page, snapshot: StaticSnapshot, config: list[str]
) -> None:
    snapshot.show()
    for number in range(5):
        config.append(f"%config Nemotron.seed = {number}")
        snapshot.touch()
    before = len(page.shown)
    page.wait()

    assert before == 1
    assert [(place, update) for _, place, update in page.shown] == [
        ("nm-p-still", False),
        ("nm-p-still", True),
    ]
    assert "seed = 4" in page.shown[1][0]["text/plain"]


def test_what_has_not_changed_is_not_shown_again(
    page: Page, snapshot: StaticSnapshot
) -> None:
    snapshot.show()
    snapshot.touch()
    page.wait()

    assert len(page.shown) == 1


def test_a_closed_panel_leaves_its_last_state(
    page: Page, snapshot: StaticSnapshot, config: list[str]
) -> None:
    snapshot.show()
    config.append("%config Nemotron.seed = 7")
    snapshot.touch()
    snapshot.close()
    config.append("%config Nemotron.seed = 8")
    page.wait()

    assert len(page.shown) == 2
    assert "seed = 7" in page.shown[-1][0]["text/plain"]


def test_a_secret_among_the_settings_is_not_saved(
    page: Page, snapshot: StaticSnapshot, config: list[str]
) -> None:
    config.append("%config Nemotron.base_url = 'https://me:hunter2aB3dE5@host/v1'")
    snapshot.show()

    assert "hunter2aB3dE5" not in str(page.shown)
