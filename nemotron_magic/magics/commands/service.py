"""Commands on the service: models, login, doctor, rehearse."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from nemotron_magic.client.models import Model
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import literal, plural
from nemotron_magic.display.reports import table
from nemotron_magic.magics.app import App
from nemotron_magic.magics.flags import never_typed
from nemotron_magic.session.session import Session

_MOST_MODELS = 40


def _models(app: App, text: str, settings: Settings) -> str:
    wanted = text.lower().strip("\"'`")
    models = app.session.models(settings)
    found = [m for m in models if wanted in m.name.lower()]
    if not found:
        return f"No model of {len(models)} has {literal(wanted)} in its name."
    head = ("Model", ">Context, tokens", ">$ / M in", ">$ / M out")
    listed = table(head, map(_model_row, found[:_MOST_MODELS]))
    if (left := len(found) - _MOST_MODELS) > 0:
        listed += f"\n\n{left} more; `%nemotron models: WORD` filters."
    return listed


def _model_row(model: Model) -> tuple[str, ...]:
    context = f"{model.context_tokens:,}" if model.context_tokens else "unknown"
    known = (model.input_usd, model.output_usd)
    prices = ("unknown" if usd is None else f"{usd:g}" for usd in known)
    return f"`{model.name}`", context, *prices


def _login(app: App, text: str, settings: Settings) -> str:
    session = app.session
    endpoint = session.endpoint(settings)
    if text.lower() == "forget":
        return _forget_key(session, endpoint)
    if text:
        raise never_typed()
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
    if store:
        return f"{checked} It is stored in {store}."
    reason = "the system's keyring cannot be used here"
    if find_spec("keyring") is None:
        reason = "`python -m pip install keyring` lets the system store it"
    return f"{checked} It is kept for this session only: {reason}."


def _forget_key(session: Session, endpoint: Endpoint) -> str:
    session.credentials.forget(endpoint)
    left = session.credentials.key(endpoint)
    if left is not None:
        return (
            f"The key in {left.source} is still there: remove it, then restart "
            "the kernel."
        )
    return (
        f"No key for `{endpoint.netloc}` is kept here now. One that was remains valid "
        "until you delete it at the service."
    )


_ACCEPTED = {
    True: "accepts the key",
    False: "answers, but shows nothing for which it would need the key",
}


def _ask_for_key(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except (EOFError, RuntimeError, OSError):
        # ipykernel raises a RuntimeError of its own where nobody can be asked.
        raise InputError(
            "the key cannot be asked for here",
            hint="Set AIMLAPI_API_KEY in the environment before the kernel starts",
        ) from None


def _doctor(app: App, text: str, settings: Settings) -> str:
    return "\n".join(_checks(app, settings))


def _checks(app: App, settings: Settings) -> Iterator[str]:
    """Yield a line for each thing that a question needs, up to the first that lacks."""
    session = app.session
    yield _line(True, _versions())
    yield _line(True, f"front end: {app.displays.front_end}")
    yield _ledger_line(session)
    what = "endpoint"
    try:
        endpoint = session.endpoint(settings)
        what = "proxy"
        proxy = session.client.proxy(endpoint)
        yield _line(True, f"proxy: {literal(proxy) if proxy else 'none'}")
        what = "key"
        key = session.credentials.key(endpoint)
        state = f"key: {key_state(session, endpoint)}"
        if key is not None:
            is_checked = session.client.check_key(endpoint, key)
            state = f"{state}; {endpoint.netloc} {_ACCEPTED[is_checked]}"
        yield _line(key is not None or endpoint.is_loopback, state)
        what = f"endpoint `{endpoint.base_url}`"
        models = session.models(settings)
    except NemotronError as error:
        reason = f"{error.what}: {error.why}" if error.why else error.what
        hint = error.hint.replace("%nemotron doctor", "").strip()
        yield _line(False, f"{what}: {literal(reason)}", literal(hint))
        return
    lists = plural(len(models), "chat model")
    yield _line(True, f"{what} answers and lists {lists}")
    yield _model_line(models, settings)


def key_state(session: Session, endpoint: Endpoint) -> str:
    """Return where the key is, or how to get one."""
    key = session.credentials.key(endpoint)
    if key is not None:
        return f"found in {key.source}"
    if endpoint.is_loopback:
        return "none, and none is needed on this machine"
    page = endpoint.key_page and f" (make one at <{endpoint.key_page}>)"
    return f"none yet: `%nemotron login`{page}, or try without: `%nemotron rehearse`"


def _line(is_well: bool | None, text: str, hint: str = "") -> str:
    mark = {True: "✓", False: "✗", None: "!"}[is_well]
    return f"- {mark} {text}{f' → {hint}' if hint else ''}"


def _versions() -> str:
    found = []
    for package in ("ipython", "ipykernel", "httpx", "ipywidgets", "rich", "keyring"):
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return f"Python {sys.version.split()[0]}, {', '.join(found)}"


def _ledger_line(session: Session) -> str:
    ledger = session.accounting.ledger
    ledger.of_today()  # whether it can be read
    if ledger.error and ledger.path is None:
        problem = f"ledger: in memory; {literal(ledger.error, 300)}"
        hint = "`%config Nemotron.ledger = PATH` puts it elsewhere"
        return _line(False, problem, hint)
    path = ledger.path and literal(str(ledger.path), 300)
    return _line(True, f"ledger: {path or 'in memory, for this session only'}")


def _model_line(models: list[Model], settings: Settings) -> str:
    model = f"model `{settings.model}`"
    if any(one.goes_by(settings.model) for one in models):
        return _line(True, f"{model} is listed")
    if settings.model_is_default:
        hint = "if it is refused, another Nemotron is asked instead"
        return _line(None, f"{model} (the default) is not listed", hint)
    live = ", ".join(f"`{one.name}`" for one in models[:4])
    return _line(False, f"{model} is not listed", f"choose one, such as {live}")


def _rehearse(app: App, text: str, settings: Settings) -> str:
    if text.lower() == "off":
        app.stop_rehearsal()
        base_url = app.session.endpoint(app.config.snapshot()).base_url
        return f"Rehearsal is off. Questions go to `{base_url}`."
    return (
        f"Rehearsal is on: questions go to `{app.start_rehearsal()}`, inside this "
        "process. No model answers, no key is needed, and nothing is billed. "
        "`%nemotron rehearse: off` ends it."
    )


SERVICE = {"models": _models, "login": _login, "doctor": _doctor, "rehearse": _rehearse}
