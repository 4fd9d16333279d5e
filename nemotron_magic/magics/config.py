"""Settings as traits: `%config Nemotron` and `ipython_config.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from traitlets import TraitError, TraitType
from traitlets.config import Configurable

from nemotron_magic.core.parameters import DEFAULT_MODEL, PARAMETERS, Parameter

if TYPE_CHECKING:
    from nemotron_magic.core.settings import Settings

__all__ = ["Nemotron", "load_config"]


class _Setting(TraitType[Any, Any]):
    """A trait that accepts what its row of the table accepts."""

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter
        super().__init__(
            parameter.default,
            allow_none=parameter.may_be_unset,
            help=parameter.help,
            config=True,
        )

    def validate(self, obj: Any, value: Any) -> Any:
        # Here and not above: loading the extension is to stay light.
        from nemotron_magic.core.errors import InputError

        if value is None:
            name, must = self._parameter.name, self._parameter.describe()
            raise TraitError(f"{name} must be {must}, got None")
        try:
            return self._parameter.check(value)
        except InputError as error:
            raise TraitError(str(error)) from None

    def info(self) -> str:
        return self._parameter.describe()

    def from_string(self, s: str) -> Any:
        return self._parameter.parse(s)


class Nemotron(Configurable):
    """Settings of %nemotron."""

    @classmethod
    def class_get_trait_help(
        cls, trait: Any, inst: Any = None, helptext: str | None = None
    ) -> str:
        """Return a setting as `%config Nemotron` lists it, with what it may be."""
        text = super().class_get_trait_help(trait, inst, helptext)
        return text.replace(f"<{type(trait).__name__}>", f"<{trait.info()}>", 1)

    # One trait for each row: in the body of a class, these are its own names.
    locals().update({p.name: _Setting(p) for p in PARAMETERS})

    def snapshot(
        self, values: Mapping[str, Any] | None = None, **more: Any
    ) -> Settings:
        """Return the settings of one call, `values` in place of the traits'.

        Raise InputError if two settings contradict each other.
        """
        from nemotron_magic.core.settings import Settings

        values = values or {}
        traits = {p.name: getattr(self, p.name) for p in PARAMETERS}
        # Identity: a user who types the default model's name has chosen it.
        is_default = traits["model"] is DEFAULT_MODEL and "model" not in values
        return Settings({**traits, **values}, more, is_default)


def load_config(shell: Any) -> Any:
    """Return the settings of a shell, as its configuration files have them.

    Raise InputError if a value there is out of its range.
    """
    try:
        return Nemotron(parent=shell)
    except TraitError as error:
        from nemotron_magic.core.errors import InputError

        raise InputError(
            str(error), hint="Correct c.Nemotron in ipython_config.py, then load again"
        ) from None
