"""Commands on the service: models, login, doctor, rehearse."""

from __future__ import annotations

import getpass
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from nemotron_magic.client.models import Model
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal, plural
from nemotron_magic.display.front_end import FrontEnd
from nemotron_magic.display.terminal import has_rich
from nemotron_magic.magics.app import App, Command
from nemotron_magic.magics.flags import never_typed
from nemotron_magic.session.session import Session

__all__ = [
    "SERVICE",
]


_SHOWN_MODELS = 40


def _models(app: App, text: str, settings: Settings) -> str:
    wanted = text.strip().lower()
    models = app.session.models(settings)
    found = [m for m in models if wanted in m.name.lower()]
    if not found:
        return f"No model of {len(models)} has {literal(wanted)} in its name."
    rows = [_model_row(model) for model in found[:_SHOWN_MODELS]]
    table = "\n".join(
        [
            "| Model | Context, tokens | $ / M in | $ / M out |",
            "|:--|--:|--:|--:|",
            *rows,
        ]
    )
    more = len(found) - len(rows)
    hint = f"\n\n{more} more; `%nemotron models: WORD` filters." if more > 0 else ""
    return f"{table}{hint}"


def _model_row(model: Model) -> str:
    context = f"{model.context_tokens:,}" if model.context_tokens else "unknown"
    prices = (
        "unknown" if price is None else f"{price:g}"
        for price in (model.input_usd, model.output_usd)
    )
    return f"| `{model.name}` | {context} | {' | '.join(prices)} |"


def _login(app: App, text: str, settings: Settings) -> str:
    if text.strip():
        raise never_typed()
    session = app.session
    endpoint = session.endpoint(settings)
    asking = f"Key for {endpoint.netloc} (not shown): "
    before = session.credentials.key(endpoint)
    key = session.credentials.use(lambda: _ask_for_key(asking), endpoint)
    try:
        is_checked = session.client.check_key(endpoint, key)
        checked = f"`{endpoint.netloc}` {_ACCEPTED[is_checked]}."
    except AuthenticationError:
        session.credentials.restore(endpoint, before)
        raise
    except NemotronError as error:
        checked = f"The key could not be checked: {literal(error.what)}."
    store = session.credentials.keep(key)
    kept = f"It is kept in {store}." if store else _NOT_KEPT
    return f"{checked} {kept}"


_ACCEPTED = {
    True: "accepts the key",
    False: "answers, but shows nothing for which it would need the key",
}
_NOT_KEPT = (
    "It is kept for this session only: no system keyring could be used "
    "(`pip install keyring`, where the system has one)."
)


def _ask_for_key(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except (EOFError, RuntimeError, OSError):
        # ipykernel raises a RuntimeError of its own where nobody can be asked.
        raise InputError(
            "nobody can be asked for a key here",
            hint="Set AIMLAPI_API_KEY in the environment before the kernel starts",
        ) from None


_FRONT_ENDS = {
    "terminal": "front end: a terminal; replies are text",
    "console": "front end: a console of a kernel; replies are text",
    "page": "front end: a notebook's page; replies are HTML and stream in",
    "headless": "front end: none that anybody watches; replies are saved whole",
}


def _doctor(app: App, text: str, settings: Settings) -> str:
    session = app.session
    lines = [_versions(), _front_end_line(app.displays.front_end)]
    lines.append(_ledger_line(session))
    try:
        endpoint = session.endpoint(settings)
    except NemotronError as error:
        return "\n".join([*lines, _bad("endpoint", error)])
    lines += [_proxy_line(session, endpoint), _key_line(session, settings)]
    try:
        models = session.models(settings)
    except NemotronError as error:
        return "\n".join([*lines, _bad(f"endpoint `{endpoint.base_url}`", error)])
    answers = f"answers and lists {plural(len(models), 'chat model')}"
    lines.append(f"- ✓ endpoint `{endpoint.base_url}` {answers}")
    return "\n".join([*lines, _model_line(models, settings)])


def _front_end_line(front_end: FrontEnd) -> str:
    is_bare = front_end in ("terminal", "console") and not has_rich()
    way_out = "; `python -m pip install rich` renders them" if is_bare else ""
    return f"- ✓ {_FRONT_ENDS[front_end]}{way_out}"


def _ledger_line(session: Session) -> str:
    """Return where calls are written down; looks whether that can be done."""
    ledger = session.accounting.ledger
    ledger.of_today()
    if ledger.path is not None:
        return f"- ✓ ledger: {literal(str(ledger.path), 300)}"
    if not ledger.error:
        return "- ✓ ledger: in memory, for this session only"
    way_out = "`%config Nemotron.ledger = PATH` puts it elsewhere"
    return f"- ✗ ledger: in memory; {literal(ledger.error, 300)} → {way_out}"


def _versions() -> str:
    packages = ("ipython", "ipykernel", "httpx", "ipywidgets", "rich", "keyring")
    found = []
    for package in packages:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return f"- ✓ Python {sys.version.split()[0]}, {', '.join(found)}"


def _proxy_line(session: Session, endpoint: Endpoint) -> str:
    try:
        proxy = session.client.proxy(endpoint)
    except NemotronError as error:
        return _bad("proxy", error)
    return f"- ✓ proxy: {literal(proxy) if proxy else 'none on the way'}"


def _key_line(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    try:
        key = session.credentials.key(endpoint)
        if key is None and endpoint.is_loopback:
            return "- ✓ key: none, and none is needed on this machine"
        if key is None:
            return f"- ✗ key: none for {endpoint.netloc} → `%nemotron login`"
        is_checked = session.client.check_key(endpoint, key)
    except NemotronError as error:
        return _bad("key", error)
    return f"- ✓ key: found in {key.source}; {endpoint.netloc} {_ACCEPTED[is_checked]}"


def _model_line(models: list[Model], settings: Settings) -> str:
    if any(model.goes_by(settings.model) for model in models):
        return f"- ✓ model `{settings.model}` is listed"
    if settings.model_is_default:
        return (
            f"- ✓ model `{settings.model}` (the default) is not listed; "
            "if it is refused, a live Nemotron is asked instead"
        )
    live = ", ".join(f"`{model.name}`" for model in models[:4])
    return f"- ✗ model `{settings.model}` is not listed → choose one, such as {live}"


def _bad(what: str, error: NemotronError) -> str:
    reason = f"{error.what}: {error.why}" if error.why else error.what
    hint = f" → {literal(error.hint)}" if error.hint else ""
    return f"- ✗ {what}: {literal(reason)}{hint}"


def _rehearse(app: App, text: str, settings: Settings) -> str:
    wanted = text.strip().lower()
    if wanted == "off":
        back = app.stop_rehearsal()
        return f"Rehearsal is off. Questions go to `{back}`."
    if wanted:
        raise InputError(
            f"rehearse takes nothing or off, got {wanted}",
            hint="Type: %nemotron rehearse   or: %nemotron rehearse: off",
        )
    url = app.start_rehearsal()
    return (
        f"Rehearsal is on: questions go to `{url}`, inside this process. No model is "
        "behind it, no key is needed and nothing is billed. "
        "`%nemotron rehearse: off` goes back."
    )


SERVICE = {
    "models": Command("The live catalogue, Nemotrons first.", _models, "WORD"),
    "login": Command("Ask for the key, check it, keep it.", _login),
    "doctor": Command("Check endpoint, key, model and versions.", _doctor),
    "rehearse": Command("Try without key, network or cost.", _rehearse, "off"),
}
