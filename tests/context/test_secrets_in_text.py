"""Secrets in cells and in what they show are not sent, whatever their place there."""

from __future__ import annotations

import json

import pytest
from service import Address
from shells import Shell

VALUE = "k3Jx0pQz81" + "LmW77aBd92sT5r"
PASSWORD = "kirsch" + "baum7"
CELLS = {
    "code": f"x = [\n  # api_keys = ['{VALUE}', '{PASSWORD}']\n]",
    "series": "import pandas as pd\nprint(pd.Series([v, v], name='api_key'))",
    "index": "import pandas as pd\nprint(pd.Series({'api_key': v, 'password': p}))",
    "frame": "import pandas as pd\npd.DataFrame({'pw': [p, p], 'jwt': [v, v]})",
    "html": "print(f'<tr><td>api_key</td><td>{v}</td></tr>')",
    "markdown": "print(f'| name | value |\\n|---|---|\\n| api_key | {v} |')",
    "colours": "print(f'\\x1b[1mpassword\\x1b[0m=\\x1b[31m{p}\\x1b[0m')",
    "wrapped": "print(f'api_key={v[:14]}\\n{v[14:]}')",
    "cookie": "print(f'Set-Cookie: session={v}; Path=/')",
    "below": "print(f'Your new token:\\n\\n{v}')",
    "two names": "if False:\n    u, api_key, pw = 'ann', '"
    + VALUE
    + f"', '{PASSWORD}'",
    "formatted": f"secret_key = f'{{v[:4]}}-{VALUE}'",
    "tag": "print(f'<password>{p}</password>')",
    "entry": "print(f'- name: DB_PASSWORD\\n  value: {p}')",
    "option": "print(f'tool --user ann --password {p}')",
    "spoken": "print(f'Le mot de passe est {p}')",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_secret_in_a_cell_or_in_what_it_shows_is_not_sent(
    shell: Shell, service: Address, cell: str
) -> None:
    pytest.importorskip("pandas")
    shell.ip.user_ns["v"], shell.ip.user_ns["p"] = VALUE, PASSWORD
    for one in (cell, "%nemotron -q -c all --data full why?"):
        assert shell.run(one).status == "ok"
    sent = json.dumps(service.requests[-1].body, ensure_ascii=False)

    assert "[redacted:" in sent
    for part in (VALUE, PASSWORD, VALUE[:14], VALUE[14:]):
        assert part not in sent


@pytest.mark.parametrize(
    "setting",
    [
        "import nemotron_magic; api_key = v + ''",
        "%nemotron -q why?\napi_key = v + ''",
        "config = {'api_key': v + ''}",
    ],
)
def test_a_secret_that_is_gone_again_stays_known_behind_questions(
    shell: Shell, service: Address, setting: str
) -> None:
    shell.ip.user_ns["v"] = VALUE
    for one in (setting, "api_key = config = v = None", "%nemotron -q why?"):
        assert shell.run(one).status == "ok"
    assert shell.run(f"%nemotron -q what is {VALUE}?").status == "ok"

    assert VALUE not in json.dumps(service.requests[-1].body)
