"""What a telling name holds leaves in no way, and ordinary words stay."""

from __future__ import annotations

import keyword
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from shells import Shell
from telling_names import HINTS, PASSWORDS, SECRETS

from nemotron_magic import rehearsal

NAMES = [*PASSWORDS, *SECRETS, *HINTS]
LETTERS = string.ascii_letters + string.digits
SETTINGS = (
    "%load_ext nemotron_magic",
    "%config Nemotron.log_text = True",
    "%config Nemotron.cache = 'on'",
    "%config Nemotron.context_tokens = 60000",
)
IMPORTS = """
import types, dataclasses
import pandas as pd
def connect(*values, **more): raise ConnectionError(f"refused {values} {more}")
"""


class Values:
    """Makes random values, and knows all that it made."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made: list[str] = []

    def new(self) -> str:
        length = self._random.randint(8, 40)
        self.made.append("".join(self._random.choices(LETTERS, k=length)))
        return self.made[-1]


def cells_of(name: str, new: str, n: int) -> Iterator[str]:
    """Give cells in which the name holds values in every way, and that show them."""
    yield f"{name} = {new}; print(f'user{{{name}}}:x', [{name}])"
    yield name
    yield f"connect({name}, {name}={name})"
    yield f"raise ValueError('bad ' + {name})"
    yield f"{name} = {{'ann': {new}, 'bob': ({new}, 1)}}; print({name})"
    yield f"{name} = [{new}, {new}]; print({name})"
    yield f"holder{n} = types.SimpleNamespace({name}={new}); holder{n}"
    yield f"settings{n} = {{{name!r}: {new}, 'host': 'db'}}; settings{n}"
    yield f"frame{n} = pd.DataFrame({{{name!r}: [{new}] * 2, 'n': 1}}); frame{n}"
    yield f"print(frame{n}[{name!r}].tolist())"
    yield f"series{n} = pd.Series({{{name!r}: {new}, 'host': 'db'}}); print(series{n})"
    yield f"def call{n}(a, {name}={new}): pass\nprint(call{n}.__defaults__)"
    yield (
        f"Record{n} = dataclasses.make_dataclass('Record{n}', [{name!r}])\n"
        f"record{n} = Record{n}({new}); print(record{n})"
    )


HOLDERS = ("holder", "settings", "frame", "series", "call", "record")


@pytest.mark.parametrize("part", range(4))
def test_a_random_value_under_a_telling_name_leaves_in_no_way(
    plain_shell: Shell, service: rehearsal.Address, home: Path, part: int
) -> None:
    values = Values(part)
    for cell in (*SETTINGS, IMPORTS):
        assert plain_shell.run(cell).status == "ok"
    plain_shell.ip.user_ns["new"] = values.new
    names = [name for name in NAMES[part::4] if not keyword.iskeyword(name)]
    out = ""
    for start in range(0, len(names), 8):
        asked = "-c all --data full"
        for n, name in enumerate(names[start : start + 8]):
            for cell in cells_of(name, "new()", n):
                plain_shell.run(cell)
            asked += f" $`{name}` " + " ".join(f"$`{one}{n}`" for one in HOLDERS)
        out += plain_shell.run(f"%nemotron preview {asked} why?").text
        done = plain_shell.run(f"%nemotron -q {asked} why?")
        assert done.status == "ok", done.error
        out += str(service.requests[-1].body)
    out += "".join(
        path.read_bytes().decode("latin-1")
        for path in home.rglob("*")
        if path.is_file()
    )

    assert "(hidden)" in out or "redacted" in out
    assert [value for value in values.made if value in out] == []
