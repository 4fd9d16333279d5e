"""What a telling name holds leaves in no way, and ordinary words stay."""

from __future__ import annotations

import keyword
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Address, serve
from shells import LOAD, Kernel, Shell, running, sent
from telling_names import HINTS, PASSWORDS, SECRETS

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


OTHER_PARTS = range(1, 8)
PARTS = [0, *(pytest.param(n, marks=pytest.mark.extended) for n in OTHER_PARTS)]


@pytest.mark.parametrize("part", PARTS)
def test_a_random_value_under_a_telling_name_leaves_in_no_way(
    plain_shell: Shell, service: Address, home: Path, part: int
) -> None:
    values = Values(part)
    for cell in (*SETTINGS, IMPORTS):
        assert plain_shell.run(cell).status == "ok"
    plain_shell.ip.user_ns["new"] = values.new
    names = [name for name in NAMES[part::8] if not keyword.iskeyword(name)]
    out = ""
    for start in range(0, len(names), 8):
        asked = "-c all --data full"
        for n, name in enumerate(names[start : start + 8]):
            for cell in cells_of(name, "new()", n):
                plain_shell.run(cell)
            asked += f" $`{name}` " + " ".join(f"$`{one}{n}`" for one in HOLDERS)
        if not start:
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


# ---- in a real kernel

API_KEY, WORD = "7c0f" + "e1b2a9d84c53", "kirsch" + "baum"
CLIENT = """
class Client:
    def __init__(self, key, pw):
        raise PermissionError(f"{key} and {pw} were refused")
"""


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Kernel, Address]]:
    with serve() as url:
        folder = tmp_path_factory.mktemp("kernel")
        with running(folder, LOAD, AIMLAPI_API_BASE=str(url)) as kernel:
            yield kernel, url


SHOWN = {
    "fix": ("Client(api_key, pw)", "%nemotron fix"),
    "explain": ("Client(api_key, pw)", "%nemotron explain"),
    "doc": ("login = (api_key, pw)", "%nemotron doc"),
    "named": ("$`api_key` $`pw` $`Client`",),
    "printed": ("print(api_key, pw)", "why?"),
    "formatted": ("print(f'{api_key}:{pw}', repr(api_key))", "why?"),
    "alone": ("api_key", "why?"),
    "alone too": ("pw", "why?"),
    "listed": ("TOKENS = [api_key]; TOKENS", "$`TOKENS`"),
    "in a column": (
        "import pandas as pd; df = pd.DataFrame({'api_key': [api_key], 'pw': [pw]})",
        "print(df); df.api_key.tolist()",
        '--data full $`df` $`df["pw"]`',
    ),
    "in a header": ("print({'Authorization': f'Basic {api_key}'})", "why?"),
    "in base64": (
        "import base64; print(base64.b64encode((api_key + ':' + pw).encode()))",
        "why?",
    ),
    "in an earlier turn": (f"is {API_KEY} or {WORD} the better one?", "and why?"),
    "in a file": ("%%writefile notes.txt\n" + f"so {API_KEY}, {WORD}.", "-f notes.txt"),
    "gone since": (
        "print(api_key, pw); kept = api_key, pw; del api_key",
        "pw = 'quittenbrot'",
        "why?",
    ),
}


@pytest.mark.parametrize("cells", SHOWN.values(), ids=SHOWN)
def test_a_key_and_a_plain_password_stay_here(
    asked: tuple[Kernel, Address], cells: tuple[str, ...]
) -> None:
    kernel, service = asked
    kernel.run(f"{CLIENT}\napi_key='{API_KEY}'; pw='{WORD}'")
    for cell in cells:
        is_question = cell.endswith("?") or cell.startswith(("$", "-"))
        kernel.run(f"%nemotron {cell}" if is_question else cell)

    out = str(service.requests[-1].body)
    assert API_KEY not in out
    assert WORD not in out
    assert "redacted" in out or "looks secret" in out


ELSEWHERE = {
    "schlehdorn": (
        "import os; os.environ['SHOP_PASSWORD'] = 'schlehdorn'",
        "print('it is', os.environ['SHOP_PASSWORD'])",
    ),
    "holunder": ("db_pw = 'holunder'", "print(db_pw.upper(), db_pw.title())"),
    "mispelbaum": (
        "failed = ValueError('no'); failed.password = 'mispelbaum'",
        "print(vars(failed))",
    ),
    "eberesche": (
        "import threading; here = threading.local(); here.passwd = 'eberesche'",
        "print(here.passwd)",
    ),
    "weissdorn": (
        "import types; conf = types.ModuleType('conf'); conf.password = 'weissdorn'",
        "print(conf.password * 2)",
    ),
    "hagebutte": (
        "import contextvars\n"
        "now = contextvars.ContextVar('password', default='hagebutte')",
        "print(f'as {now.get()}!')",
    ),
    "kornelkirsche": (
        "def close(pw): return lambda: pw\nget = close('kornelkirsche')",
        "get()",
    ),
}


@pytest.mark.parametrize("word", ELSEWHERE)
def test_a_plain_word_stays_here_whatever_held_it(
    asked: tuple[Kernel, Address], word: str
) -> None:
    kernel, service = asked
    for cell in ELSEWHERE[word]:
        assert kernel.run(cell).status == "ok"
    kernel.run("%nemotron why?")

    out = str(service.requests[-1].body)
    assert word not in out.lower()
    assert "redacted" in out


def test_ordinary_words_under_such_names_stay_in_the_text(
    shell: Shell, service: Address
) -> None:
    shell.run("key = 'region'; token = 'the'; sort_key = 'customerId'")
    shell.run("author = 'Annabel Lee'; monkey = tokenizer = 'capuchin-2024'")
    shell.run("tokens = 'the Monkey and the iPhone14Pro are in the region'.split()")
    shell.run("%nemotron the region of customerId, capuchin-2024, iPhone14Pro by Lee?")

    question = sent(service)
    assert "redacted" not in question
    assert "the region of customerId, capuchin-2024, iPhone14Pro by Lee?" in question
