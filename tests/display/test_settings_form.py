"""The settings as a form of widgets, tied both ways to the traits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.client.models import Model
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS
from nemotron_magic.display.panel import WidgetFactory
from nemotron_magic.display.panel.form import (
    FIRST,
    SECTIONS,
    SettingsForm,
    as_text,
    from_text,
)
from nemotron_magic.magics.extension import Nemotron

VALUES: list[tuple[str, Any]] = [
    ("temperature", 0),
    ("temperature", None),
    ("max_tokens", 300),
    ("max_tokens", None),
    ("system", ""),
    ("system", " two\nlines "),
    ("model", "a/b"),
    ("stop", ["END", "\n\n", '"', "\\d"]),
    ("stop", None),
    ("tools", [{"type": "function", "function": {"name": "look_up_the_weather"}}]),
    ("response_format", {"type": "json_object"}),
    ("tool_choice", "auto"),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_what_is_shown_is_read_as_what_it_was(name: str, value: Any) -> None:
    row = BY_NAME[name]

    assert from_text(row, as_text(row, value)) == value


@given(st.lists(st.text().filter(str.strip), min_size=1, max_size=4))
def test_any_stop_texts_survive(texts: list[str]) -> None:
    row = BY_NAME["stop"]

    assert from_text(row, as_text(row, texts)) == texts


@pytest.mark.parametrize("name", ["temperature", "stop", "tools", "seed", "max_tokens"])
def test_an_emptied_field_is_not_set(name: str) -> None:
    assert from_text(BY_NAME[name], " ") is None


@pytest.mark.parametrize("name", ["model", "context", "connect_timeout_s", "repair"])
def test_where_something_must_be_set_an_emptied_field_is_the_default(name: str) -> None:
    assert from_text(BY_NAME[name], "") is BY_NAME[name].default


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("temperature", "9", "temperature must be from 0 to 2, got 9"),
        ("temperature", "no number", "temperature must be a number from 0 to 2"),
        ("seed", "1.5", "seed must be a whole number"),
        ("tools", "[{", "tools must be a JSON value, got [{"),
        ("tools", "{}", "tools must be a list"),
        ("stop", "a\nb\nc\nd\ne", "stop must hold at most 4 texts"),
        ("context", "9-3", "context must name the lower number first"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(
    name: str, text: str, said: str
) -> None:
    with pytest.raises(InputError) as refused:
        from_text(BY_NAME[name], text)

    assert refused.value.what.startswith(said)


@pytest.fixture
def config() -> Nemotron:
    return Nemotron()


@pytest.fixture
def form(config: Nemotron) -> SettingsForm:
    return SettingsForm(config, WidgetFactory(), lambda: False)


Rows = Callable[[], dict[str, Any]]


@pytest.fixture
def rows(form: SettingsForm) -> Rows:
    """Return what is shown, by label; the line below a row as `row:`."""

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = {}
        label = ""
        for widget in form.box.children:
            if isinstance(widget, ipywidgets.HTML):
                found[f"{label}:"] = widget.value
            elif not isinstance(widget, ipywidgets.HBox):
                label = widget.description
                found[label] = widget
        return found

    return shown


def test_every_row_is_there_once_those_used_most_at_first(
    form: SettingsForm, rows: Rows
) -> None:
    first = [w for w in form.box.children if "nm-row" in w._dom_classes]
    for section in SECTIONS:
        rows()[section].value = True
    everything = [w for w in form.box.children if "nm-row" in w._dom_classes]
    names = [one for row in everything for one in row._dom_classes[1:2]]

    assert [row._dom_classes[1] for row in first] == [f"nm-{name}" for name in FIRST]
    assert sorted(names) == sorted(f"nm-{p.name}" for p in PARAMETERS)
    assert all(row.description and row.tooltip for row in everything)


@pytest.mark.parametrize(
    ("section", "label"),
    [
        ("Cost, privacy and service", "Gap timeout (seconds)"),
        ("Cost, privacy and service", "Base URL"),
        ("The request", "Answers"),
        ("Cost, privacy and service", "Max cost (US dollars)"),
    ],
)
def test_labels_are_words(rows: Rows, section: str, label: str) -> None:
    rows()[section].value = True

    assert label in rows()


def test_help_says_what_a_row_takes_and_its_flags(rows: Rows) -> None:
    assert rows()["Temperature"].tooltip == (
        "Randomness; 0 is the most predictable. Takes a number from 0 to 2."
        " -t, --temperature"
    )


@pytest.mark.parametrize(
    ("label", "typed", "name", "value"),
    [
        ("Temperature", "0.70", "temperature", 0.7),
        ("Temperature", "0", "temperature", 0),
        ("Max tokens", "", "max_tokens", None),
        ("Stop", "END\n\nx", "stop", ["END", "x"]),
        ("Data", "full", "data", "full"),
        ("Model", "a/b", "model", "a/b"),
    ],
)
def test_what_is_typed_is_set_shown_as_it_is_kept_and_marked(
    config: Nemotron, rows: Rows, label: str, typed: str, name: str, value: Any
) -> None:
    row = rows()[label]
    row.value = typed

    assert getattr(config, name) == value
    assert row.value == (typed if name == "data" else as_text(BY_NAME[name], value))
    assert "nm-changed" in row._dom_classes


@pytest.mark.parametrize(
    ("section", "label", "name"),
    [
        ("Cost, privacy and service", "Redact", "redact"),
        ("The request", "Logprobs", "logprobs"),
    ],
)
def test_a_boolean_is_a_choice_and_not_set_is_one_where_it_can_be(
    config: Nemotron, rows: Rows, section: str, label: str, name: str
) -> None:
    rows()[section].value = True
    row = rows()[label]
    labels = [label for label, _ in row.options]
    row.value = not getattr(config, name)

    assert ("not set" in labels) is BY_NAME[name].may_be_unset
    assert getattr(config, name) is row.value


def test_config_shows_in_the_row_and_takes_an_error_away(
    config: Nemotron, rows: Rows
) -> None:
    row = rows()["Temperature"]
    row.value = "hot"
    error, kept, before = rows()["Temperature:"], row.value, config.temperature
    config.temperature = 0.3

    assert "temperature must be a number from 0 to 2, got hot" in error
    assert 'role="alert"' in error
    assert (kept, before) == ("hot", None)
    assert (row.value, rows()["Temperature:"]) == ("0.3", "")


def test_a_hostile_value_is_text_in_its_error(rows: Rows) -> None:
    rows()["Seed"].value = "<img src=x onerror=alert(1)>"

    assert "<img" not in rows()["Seed:"]
    assert "&lt;img" in rows()["Seed:"]


def test_a_reset_gives_back_the_defaults_and_the_default_model_as_no_choice(
    config: Nemotron, form: SettingsForm, rows: Rows
) -> None:
    rows()["Model"].value = "a/b"
    rows()["Stop"].value = "x\ny"
    rows()["Seed"].value = "no"
    form.reset()

    assert all(getattr(config, p.name) == p.default for p in PARAMETERS)
    assert config.snapshot().model_is_default
    assert (rows()["Seed"].value, rows()["Seed:"]) == ("", "")


def test_the_code_that_sets_the_same_follows(
    config: Nemotron, form: SettingsForm
) -> None:
    bar = next(w for w in form.box.children if isinstance(w, ipywidgets.HBox))
    bar.children[0].value = True
    before = form.box.children[-1].value
    config.system = "<b>"
    config.redact = False

    assert "at their defaults" in before
    assert "%config Nemotron.system = &#x27;&lt;b&gt;&#x27;" in (
        form.box.children[-1].value
    )
    assert "Only for a session: redact." in form.box.children[-1].value


def test_models_are_offered_and_what_is_known_of_the_chosen_one_is_said(
    config: Nemotron, form: SettingsForm, rows: Rows
) -> None:
    known = Model("a/b", context_tokens=131072, input_usd=0.5, output_usd=2.0)
    form.offer([known, Model("c<d", aliases=("d",))])
    default = rows()["Model:"]
    rows()["Model"].value = "no/such"
    unknown = rows()["Model:"]
    rows()["Model"].value = "D"
    by_alias = rows()["Model:"]
    rows()["Model"].value = " a/b "
    chosen = rows()["Model:"]
    form.offer([], "The models cannot be listed: <no>")

    assert rows()["Model"].options == ()
    assert default.startswith("not in the service's list; if it is refused, a live")
    assert unknown == "not in the service's list"
    assert by_alias.startswith("context unknown")
    assert chosen.startswith("131,072 tokens context ·")
    assert rows()["Model:"] == "The models cannot be listed: &lt;no&gt;"


@pytest.mark.parametrize(
    ("label", "name", "typed", "value"),
    [
        ("Model", "model", "  a/b\u00a0", "a/b"),
        ("Context", "context", " 3-5 ", "3-5"),
        ("System", "system", " as it is ", " as it is "),
    ],
)
def test_blanks_around_what_was_pasted_are_no_part_of_it(
    config: Nemotron, rows: Rows, label: str, name: str, typed: str, value: str
) -> None:
    rows()[label].value = typed

    assert getattr(config, name) == value
    assert rows()[label].value == value


def test_a_closed_form_follows_no_more(config: Nemotron, form: SettingsForm) -> None:
    row = next(w for w in form.box.children if "nm-temperature" in w._dom_classes)
    form.close()
    config.temperature = 1.5

    assert row.value == ""
