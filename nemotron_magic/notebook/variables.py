"""The user's variables in words, as far as a call lets their data be seen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describers.look import Data
from nemotron_magic.context.describers.statics import MISSING
from nemotron_magic.context.parts import Part
from nemotron_magic.notebook.evaluate import evaluate

__all__ = ["Variables"]

_NAMED_CHARS = 8_000
"""How much is said of a value that a question names."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Describes values of one notebook for one call.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables and formatters they are.
    data : str
        How much of tables is told: `schema`, `sample` or `full`.
    """

    shell: Any
    data: Data

    def at(self, path: str) -> str:
        """Describe what a name or a path such as `df["price"]` stands for.

        Raises
        ------
        InputError
            If a part is not there, or cannot be had without running code.
        """
        value = evaluate(path, self.shell.user_ns)
        return self.described(value, path, _NAMED_CHARS)

    def parts(self, names: Iterable[str], with_source: bool) -> Iterator[Part]:
        """Describe those of the variables that there are, but for modules.

        Parameters
        ----------
        names
            Of variables, or paths that were found to lead somewhere.
        """
        values = self.shell.user_ns
        for name in names:
            is_path = not name.isidentifier()
            value = evaluate(name, values) if is_path else values.get(name, MISSING)
            if value is not MISSING and type(value) is not ModuleType:
                said = self.described(value, name, with_source=with_source)
                yield Part("value", name, (("", said),))

    def described(
        self,
        value: object,
        name: str = "",
        budget_chars: int = 4_000,
        with_source: bool = False,
    ) -> str:
        """Describe a value; a function or class with its source, if wanted."""
        return describe(
            value,
            name,
            data=self.data,
            budget_chars=budget_chars,
            source=with_source,
            formatter=self._formatted,
            # Our own work: a machine busy with others must not make it say less.
            clock_s=time.thread_time,
        )

    def _formatted(self, value: object) -> str | None:
        """Give what a formatter that the user registered with IPython says of it."""
        formatters = self.shell.display_formatter.formatters
        formatter = formatters.get("x-vendor/llm")
        said = formatter(value) if formatter is not None else None
        return said if isinstance(said, str) else None
