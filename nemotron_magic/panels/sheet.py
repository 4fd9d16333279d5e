"""The parameters of one panel, tied both ways to the settings of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traitlets import All, TraitError

from nemotron_magic.errors import InputError, NemotronError
from nemotron_magic.panels.as_code import config_lines, flags_line, is_changed
from nemotron_magic.panels.values import read, shown
from nemotron_magic.parameters import BY_NAME, PARAMETERS

__all__ = ["Sheet"]


class Sheet:
    """What a panel shows of the settings, and how it sets them.

    Parameters
    ----------
    config : Nemotron
        The settings as traits: the one place where they are kept.
    changed : callable
        Called when a setting has changed, whoever changed it.
    """

    def __init__(self, config: Any, changed: Callable[[], None]) -> None:
        self._config = config
        self._tell = changed
        config.observe(self._changed, names=All)

    def close(self) -> None:
        """Observe no more."""
        self._config.unobserve(self._changed, names=All)

    def values(self) -> dict[str, Any]:
        """Give the settings by name."""
        return {p.name: getattr(self._config, p.name) for p in PARAMETERS}

    def state(self) -> dict[str, Any]:
        """Give all that is shown of the settings, fit for JSON."""
        values = self.values()
        flags, without = flags_line(values)
        return {
            "values": {name: shown(BY_NAME[name], v) for name, v in values.items()},
            "changed": [name for name, v in values.items() if is_changed(name, v)],
            "problem": self._problem(),
            "config": config_lines(values),
            "flags": flags,
            "without": list(without),
        }

    def config_lines(self) -> str:
        """Give the lines that set what is not at its default."""
        return config_lines(self.values())

    def set(self, name: str, value: Any) -> str:
        """Set what a page sent; give in one line why it cannot be, or ""."""
        parameter = BY_NAME.get(name)
        if parameter is None:
            return f"there is no setting {name}"
        try:
            setattr(self._config, name, read(parameter, value))
        except InputError as error:
            return error.what
        except TraitError as error:
            return str(error).partition("\n")[0]
        return ""

    def reset(self, name: str = "") -> None:
        """Set a setting to its default, or all of them."""
        for parameter in [BY_NAME[name]] if name else PARAMETERS:
            # The very object: a model of the user's own is told from it by identity.
            setattr(self._config, parameter.name, parameter.default)

    def _problem(self) -> str:
        """Tell which settings contradict each other, in one line."""
        try:
            self._config.snapshot()
        except NemotronError as error:
            return error.what
        return ""

    def _changed(self, change: Any) -> None:
        if change.name in BY_NAME:
            self._tell()
