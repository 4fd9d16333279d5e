"""Show replies: page, terminal, reports, panel; put code into cells."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from nemotron_magic.core.errors import InputError

WORDS: Mapping[str, Mapping[str, str]] = tomllib.loads(
    files(__name__).joinpath("words.toml").read_text("utf-8")
)


def input_error(name: str, **values: object) -> InputError:
    """Return the error of that name in `words.toml`."""
    return InputError(*WORDS["errors"][name].format(**values).split("\n"))
