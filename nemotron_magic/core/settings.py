"""The settings of one call: a checked snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nemotron_magic.core.errors import InputError
from nemotron_magic.core.parameters import BY_NAME, PARAMETERS


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set for one call: a snapshot, checked."""

    values: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    model_is_default: bool = True

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if name not in BY_NAME:
                hint = "All: %config Nemotron"
                raise InputError(f"there is no setting {name!r}", hint=hint)
            if value is not BY_NAME[name].default:
                BY_NAME[name].check(value)
        for name in self.extra:
            if name in BY_NAME or name == "messages":
                what = f"{name} cannot be a further field of the request"
                hint = "It is a setting of its own, or the question itself"
                raise InputError(what, hint=hint)
        if self["top_logprobs"] is not None and not self["logprobs"]:
            hint = "Add: -p logprobs=true"
            raise InputError("top_logprobs needs logprobs", hint=hint)

    def __getitem__(self, name: str) -> Any:
        parameter = BY_NAME[name]
        value = self.values.get(name, parameter.default)
        if value is None and not parameter.may_be_unset:
            return parameter.default
        return value

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self["model"])

    def with_model(self, model: str) -> Settings:
        """Return the same settings with another model in place of the default one."""
        return Settings({**self.values, "model": model}, self.extra, True)

    def parameters(self) -> dict[str, Any]:
        """Return the fields of the request but `messages`: only those that are set."""
        fields = {
            p.name: value
            for p in PARAMETERS
            if p.sent and (value := p.check(self[p.name])) is not None
        }
        if not fields.get("stream"):
            fields.pop("stream_options", None)
        return fields | dict(self.extra)
