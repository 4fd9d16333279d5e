"""The words of the glossary are kept to, and a question runs through few modules."""

from __future__ import annotations

from pathlib import Path

import modules
import words

MOST_WORDS = 0

MOST_MODULES, MOST_PAIRS = 65, 140
"""What was reached; the goals are 65 and 140."""


def test_the_words_that_the_glossary_replaces_do_not_come_back() -> None:
    found = [*words.uses()]

    assert len(found) <= MOST_WORDS, found[-20:]


def test_replaced_words_are_found_in_code_and_in_texts(tmp_path: Path) -> None:
    (tmp_path / "nemotron_magic").mkdir()
    (tmp_path / ".github").mkdir()
    for name in words.TEXTS:
        (tmp_path / name).write_text("A stand-in\nreplies anew.\n")
    code = 'def f(told):\n    """Give what goes along."""\n    return told  # anew\n'
    (tmp_path / "nemotron_magic" / "a.py").write_text(code)

    found = [word for word, place in words.uses(tmp_path) if "a.py" in place]
    assert found[:2] == ["told", "told"]
    assert len(found) == 5
    assert [p for w, p in words.uses(tmp_path) if w == r"\banew\b"] == [
        "nemotron_magic/a.py:3",
        *(f"{name}:2" for name in words.TEXTS),
    ]


def test_a_question_runs_through_few_modules() -> None:
    way = modules.way()

    assert "nemotron_magic.magics.commands" in way.functions
    assert "nemotron_magic.session.session" in way.functions
    assert len(way.functions) <= MOST_MODULES
    assert len(way.pairs) <= MOST_PAIRS
