"""The panel's Parameters tab, tied to the traits both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from html import escape
from typing import Any

import ipywidgets
from traitlets import TraitError

from nemotron_magic.client.models import Model
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS, Parameter
from nemotron_magic.display import WORDS
from nemotron_magic.display.panel import WidgetFactory, error_html
from nemotron_magic.markdown.html import line_html

FIRST = (
    *("model", "system", "temperature", "top_p", "max_tokens", "seed", "stop"),
    *("context", "data", "context_tokens"),
)
_OTHERS = [p for p in PARAMETERS if p.name not in FIRST]
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "The request": tuple(p.name for p in _OTHERS if p.sent),
    "Cost, privacy and service": tuple(p.name for p in _OTHERS if not p.sent),
}
"""What waits under headings that open."""

_UNITS = {"s": "seconds", "usd": "US dollars"}
_SPELT = {"url": "URL", "http": "HTTP", "n": "Answers"}


class SettingsForm:
    """The settings of a session as controls of a panel."""

    def __init__(
        self, config: Any, make: WidgetFactory, is_rehearsal: Callable[[], bool]
    ) -> None:
        self._config, self._make, self._is_rehearsal = config, make, is_rehearsal
        self._controls: dict[str, Any] = {}
        self._notes: dict[str, Any] = {}
        self._models: list[Model] = []
        self._is_following = False
        toggle = partial(make.toggle, press=self._arrange, tooltip="Show or hide")
        self._headings = {name: toggle(name) for name in SECTIONS}
        self._shows_code = toggle("Show as code")
        self._code = make(ipywidgets.HTML)
        reset = make.button("Reset all", self.reset)
        self._end = make(ipywidgets.HBox, "nm-bar", children=(self._shows_code, reset))
        self.box = make(ipywidgets.VBox, "nm-form")
        self._arrange()
        config.observe(self._follow, names=[*BY_NAME])

    def close(self) -> None:
        """Observe no more."""
        self._config.unobserve(self._follow, names=[*BY_NAME])

    def reset(self) -> None:
        """Set every setting to its default, but for where a rehearsal answers."""
        stays = "base_url" if self._is_rehearsal() else ""
        for parameter in (one for one in PARAMETERS if one.name != stays):
            # The very object: a model of the user's own is told from it by identity.
            setattr(self._config, parameter.name, parameter.default)
            self._accept(parameter.name)

    def offer(self, models: Iterable[Model], problem: str = "") -> None:
        """Offer these models, or say why there are none."""
        self._models = [*models]
        self._controls["model"].options = tuple(one.name for one in self._models)
        self._show_note("model", line_html(problem) or self._about_chosen())

    def _arrange(self) -> None:
        """Show the rows of what is open, each with its note below it."""
        with self._make.lock:  # the list of models comes in a thread of its own
            shown = [*self._rows(FIRST)]
            for name, heading in self._headings.items():
                shown += [heading, *self._rows(SECTIONS[name] if heading.value else ())]
            self._show_code()
            code = [self._code] if self._shows_code.value else []
            self.box.children = (*shown, self._end, *code)

    def _rows(self, names: Iterable[str]) -> Iterator[Any]:
        for name in names:
            if name not in self._controls:
                self._controls[name] = self._control(BY_NAME[name])
            yield self._controls[name]
            if name in self._notes:
                yield self._notes[name]

    def _control(self, parameter: Parameter) -> Any:
        kind, traits = _kind(parameter)
        flags = f" {', '.join(parameter.flags)}" if parameter.flags else ""
        looks = {"description": _label(parameter.name), **traits}
        looks["tooltip"] = f"{parameter.help} Takes {parameter.describe()}.{flags}"
        value, classes = _state(parameter, getattr(self._config, parameter.name))
        control = self._make(kind, *classes, value=value, **looks)
        control.observe(lambda change: self._set(parameter, change.new), names="value")
        return control

    def _set(self, parameter: Parameter, value: Any) -> None:
        """Set what the page sent, or say below its row why it cannot be."""
        if self._is_following:
            return
        try:
            if isinstance(value, str):
                value = from_text(parameter, value)
            setattr(self._config, parameter.name, value)
        except (InputError, TraitError) as error:
            self._show_note(parameter.name, error_html(str(error).partition("\n")[0]))
        else:
            self._accept(parameter.name)

    def _follow(self, change: Any) -> None:
        self._accept(change.name)

    def _accept(self, name: str) -> None:
        """Show a setting as it is, in one message, and no error."""
        if control := self._controls.get(name):
            state = _state(BY_NAME[name], getattr(self._config, name))
            self._is_following = True
            try:
                with control.hold_sync():
                    control.value, control._dom_classes = state
            finally:
                self._is_following = False
            self._show_note(name, self._about_chosen() if name == "model" else "")
        self._show_code()

    def _show_note(self, name: str, html: str) -> None:
        if name in self._notes:
            self._notes[name].value = html
        elif html:
            self._notes[name] = self._make(ipywidgets.HTML, "nm-note", value=html)
            self._arrange()

    def _about_chosen(self) -> str:
        if not self._models:
            return ""
        name = self._config.model
        chosen = next((one for one in self._models if one.goes_by(name)), None)
        if chosen is None:
            instead = "; if it is refused, a live Nemotron is asked instead"
            is_default = name is BY_NAME["model"].default
            return line_html(f"not in the service's list{instead * is_default}")
        tokens, prices = chosen.context_tokens, chosen.prices_usd
        length = "context unknown" if tokens is None else f"{tokens:,} tokens context"
        each = prices and f"${prices[0]:g} in, ${prices[1]:g} out per million tokens"
        return line_html(f"{length} · {each or 'price unknown'}")

    def _show_code(self) -> None:
        if not self._shows_code.value:
            return
        values = {name: getattr(self._config, name) for name in BY_NAME}
        lines, (flags, without) = config_lines(values), flags_line(values)
        html = f"<p>{WORDS['panel']['defaults']}</p>"
        if lines:
            html = (
                f"<p>For this session:</p><pre>{escape(lines)}</pre>"
                f"<p>For one question:</p><pre>{escape(flags)}</pre>"
            )
        if without:
            html += f"<p>Only for a session: {', '.join(without)}.</p>"
        self._code.value = html


def as_text(parameter: Parameter, value: Any) -> str:
    r"""Return a value as it is edited: empty if it is not set, `\n` for a line end."""
    if value is None:
        return ""
    if parameter.kind == "texts":
        return "\n".join(json.dumps(one, ensure_ascii=False)[1:-1] for one in value)
    is_json = parameter.kind == "json"
    return json.dumps(value, ensure_ascii=False) if is_json else str(value)


def from_text(parameter: Parameter, text: str) -> Any:
    """Return what was typed; nothing is "not set", else empty, else the default."""
    is_system = parameter.name == "system"
    if not text.strip():
        empty = "" if is_system else parameter.default
        return None if parameter.may_be_unset else empty
    if parameter.kind == "texts":
        lines = text.replace("\r", "").split("\n")
        return parameter.check([_unescaped(line) for line in lines if line.strip()])
    return parameter.parse(text if is_system else text.strip())


def _unescaped(line: str) -> str:
    try:
        return str(json.loads(f'"{line}"'))
    except ValueError:
        return line


def config_lines(values: Mapping[str, Any]) -> str:
    """Return the lines that set these values for a session."""
    lines = (f"%config Nemotron.{p.name} = {v!r}" for p, v in _changed(values))
    return "\n".join(lines)


def flags_line(values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the flags that set these values for one call, and what has none."""
    written = {row.name: _flags(row, value) for row, value in _changed(values)}
    flags = [one for one in written.values() if one and "\n" not in one]
    without = (name for name, one in written.items() if one not in flags)
    return " ".join(["%nemotron", *flags]), tuple(without)


def _changed(values: Mapping[str, Any]) -> Iterator[tuple[Parameter, Any]]:
    rows = ((BY_NAME[name], value) for name, value in values.items())
    return ((row, value) for row, value in rows if value != row.default)


def _flags(parameter: Parameter, value: Any) -> str:
    """Return the flags of one value; empty if it cannot be set for one call."""
    flag = min(parameter.flags, key=len, default="")
    if flag and parameter.kind not in ("boolean", "texts") and value is not None:
        return f"{flag}{'=' if parameter.bare else ' '}{_quoted(value)}"
    compact = json.dumps(value, separators=(",", ":"))
    return f"-p {parameter.name}={_quoted(compact)}" if parameter.sent else ""


def _quoted(value: Any) -> str:
    """Put quotes around what would be more than one word, or a flag."""
    text = value if isinstance(value, str) else json.dumps(value)
    is_word = re.fullmatch(r"-?[\d.]+|[\w{\[][^\s'\\=]*", text)
    if is_word and text.count('"') % 2 == 0:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _kind(parameter: Parameter) -> tuple[Any, dict[str, Any]]:
    """Return the control of a row, and how it differs from others of its kind."""
    unset: list[tuple[str, Any]] = [("not set", None)] if parameter.may_be_unset else []
    choices: list[tuple[str, Any]] = [(one, one) for one in parameter.choices]
    if parameter.kind == "boolean" or choices:
        options = [*unset, *(choices or [("true", True), ("false", False)])]
        return ipywidgets.Dropdown, {"options": options}
    is_system = parameter.name == "system"
    default = "none" if is_system else as_text(parameter, parameter.default)
    empty = "not set" if unset else default
    traits = {"placeholder": empty, "continuous_update": False}
    if parameter.name == "model" or parameter.suggestions:
        return ipywidgets.Combobox, {"options": parameter.suggestions, **traits}
    if parameter.kind in ("texts", "json") or is_system:
        return ipywidgets.Textarea, {"rows": 2, **traits}
    return ipywidgets.Text, traits


def _state(parameter: Parameter, value: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a value as its control takes it, and classes: one not at its default."""
    is_choice = parameter.kind == "boolean" or parameter.choices
    changed = () if value == parameter.default else ("nm-changed",)
    shown = value if is_choice else as_text(parameter, value)
    return shown, ("nm-row", f"nm-{parameter.name}", *changed)


def _label(name: str) -> str:
    first, *words = (_SPELT.get(word, word) for word in name.split("_"))
    if words and words[-1] in _UNITS:
        words[-1] = f"({_UNITS[words[-1]]})"
    return " ".join([first[:1].upper() + first[1:], *words])
