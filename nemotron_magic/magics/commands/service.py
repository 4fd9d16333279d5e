"""Commands on the service, and on what its replies cost."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from nemotron_magic.client.models import Model
from nemotron_magic.client.network import proxy_to
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_exchange, format_usd, literal, plural
from nemotron_magic.display.reports import balance, table, usage
from nemotron_magic.magics.app import App
from nemotron_magic.session.session import Session
from nemotron_magic.storage.files import expanded
from nemotron_magic.storage.ledger import Ledger, export
from nemotron_magic.storage.records import CallRecord

_MOST_MODELS = 40


def _models(app: App, text: str, settings: Settings) -> str:
    wanted = text.lower().strip("\"'`")
    models = app.session.models(settings)
    found = [m for m in models if wanted in m.name.lower()]
    if not found:
        return f"No model of {len(models)} has {literal(wanted)} in its name."
    rows = []
    for one in found[:_MOST_MODELS]:
        context = f"{one.context_tokens:,}" if one.context_tokens else "unknown"
        known = (one.input_usd, one.output_usd)
        prices = ("unknown" if usd is None else f"{usd:g}" for usd in known)
        rows.append((f"`{one.name}`", context, *prices))
    listed = table(("Model", ">Context, tokens", ">$ / M in", ">$ / M out"), rows)
    left = len(found) - _MOST_MODELS
    return listed + f"\n\n{left} more; `%nemotron models: WORD` filters." * (left > 0)


def _login(app: App, text: str, settings: Settings) -> str:
    session = app.session
    endpoint = session.endpoint(settings)
    if text.lower() == "forget":
        return _forget_key(session, endpoint)
    if text:
        hint = "Type only: %nemotron login   It asks for the key, and does not show it"
        raise InputError("login takes forget or nothing", "nothing was sent", hint)
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
    if left := session.credentials.key(endpoint):
        there = f"The key in {left.source} is still there"
        return f"{there}: remove it, then restart the kernel."
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
        hint = "Set AIMLAPI_API_KEY in the environment before the kernel starts"
        raise InputError("the key cannot be asked for here", hint=hint) from None


def _checks(app: App, settings: Settings) -> Iterator[str]:
    """Yield a line for each thing that a question needs, up to the first that lacks."""
    session, found = app.session, [f"Python {sys.version.split()[0]}"]
    for package in ("ipython", "ipykernel", "httpx", "ipywidgets", "rich", "keyring"):
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    yield _line(True, ", ".join(found))
    yield _line(True, f"front end: {app.displays.front_end}")
    yield _ledger_line(session.accounting.ledger)
    what = "endpoint"
    try:
        endpoint = session.endpoint(settings)
        what = "proxy"
        proxy = proxy_to(endpoint)
        yield _line(True, f"proxy: {literal(str(proxy)) if proxy else 'none'}")
        what = "key"
        key, state = session.credentials.key(endpoint), key_state(session, endpoint)
        if key is not None:
            is_checked = session.client.check_key(endpoint, key)
            state = f"{state}; {endpoint.netloc} {_ACCEPTED[is_checked]}"
        yield _line(key is not None or endpoint.is_loopback, f"key: {state}")
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


def _ledger_line(ledger: Ledger) -> str:
    ledger.of_today()  # whether it can be read
    if ledger.error and ledger.path is None:
        hint = "`%config Nemotron.ledger = PATH` puts it elsewhere"
        return _line(False, f"ledger: in memory; {literal(ledger.error, 300)}", hint)
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


_HEAD = (">No.", "When", "Model", ">Tokens", ">Cost", ">Time", "Ended")
_LAST = 20
_MORE = (
    "`%nemotron log: NUMBER` shows one in full; "
    "`%nemotron log: strike NUMBER` leaves it out of all totals."
)
_CACHING = {
    "off": "every question goes to the service",
    "on": "a repeated request is answered from the cache",
    "replay": "nothing is sent, and a question that is not in it fails",
}


def _cache(app: App, text: str, settings: Settings) -> str:
    cache, how = app.session.accounting.cache, settings["cache"]
    if text:
        return f"Deleted {plural(cache.clear(), 'reply', 'replies')}."
    number, size = cache.size()
    held = plural(number, "reply", "replies")
    room = f"{size / 1e6:.1f} of {cache.most_bytes / 1e6:,.0f} MB"
    where = f"`{cache.path}`" if cache.path else "memory, for this session only"
    return f"The cache is {how}: {_CACHING[how]}. It holds {held} ({room}) in {where}."


def _log(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    if text:
        return _one_call(ledger, *reversed(text.lower().split()))
    if calls := ledger.last(_LAST):
        return f"{table(_HEAD, map(_row, calls))}\n\n{_MORE}"
    return "No calls have been recorded yet."


def _row(call: CallRecord) -> tuple[str, ...]:
    figures = format_exchange(call.prompt_tokens, call.completion_tokens)
    about = "~" if call.tokens_are_estimated else ""
    return (
        f"{call.number}",
        f"{call.started_at:%Y-%m-%d %H:%M:%S}",
        literal(call.model, 80),
        about + figures or ("unknown" if call.may_cost else ""),
        _cost(call),
        "" if call.elapsed_s is None else f"{call.elapsed_s:.1f} s",
        _ending(call),
    )


def _cost(call: CallRecord) -> str:
    if call.cost_usd is not None:
        return f"{'~' if call.cost_is_estimated else ''}{format_usd(call.cost_usd)}"
    return "unknown" if call.may_cost else "$0"


def _ending(call: CallRecord) -> str:
    ending, finish = call.ending, call.finish_reason
    if not call.is_over:
        ending = "unfinished; it may have been billed"
    elif call.is_cached:
        ending = "answered from the cache"
    elif call.error and call.error != "InterruptedByUser":
        ending = f"{ending}: {call.error}"
    elif ending == "complete" and finish and finish != "stop":
        ending = f"complete: {literal(finish, 60)}"
    return f"struck out ({ending})" if call.is_struck else ending


def _one_call(ledger: Ledger, number: str, how: str = "") -> str:
    """Return all of one call, or that it is struck out, or no longer so."""
    at = int(number)
    call = ledger.strike(at, how == "strike") if how else ledger.call(at)
    if call is None:
        hint = "The last calls with their numbers: %nemotron log"
        raise InputError(f"there is no call {number} in the ledger", hint=hint)
    if how == "unstrike":
        return f"Call {at} ({_cost(call)}) counts again."
    if how:
        return (
            f"Call {at} ({_cost(call)}) no longer counts, neither in totals nor in "
            f"budgets. Undo: `%nemotron log: unstrike {at}`"
        )
    when = f"{call.started_at:%Y-%m-%d %H:%M:%S}"
    shown = {"when": when, "ended": _ending(call), "cost": _cost(call)}
    left_out = ["number", "started_s", "day", "ending", "error", "cost_usd"]
    left_out += ["is_cached", "is_struck"]
    others = {k: v for k, v in asdict(call).items() if k not in left_out}
    shown |= {k: _format(v) for k, v in others.items() if v not in (None, "")}
    return table((f"Call {at}", ""), shown.items())


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else literal(str(value), 2_000)


def _usage(app: App, text: str, settings: Settings) -> str:
    ledger = app.session.accounting.ledger
    if not text:
        return usage(ledger)
    path = expanded(text.partition(" ")[2].strip(" '\""))
    number = export(ledger.all(), path)
    return f"Wrote {plural(number, 'call')} to `{path}`."


SERVICE = {
    "models": _models,
    "login": _login,
    "doctor": lambda app, text, settings: "\n".join(_checks(app, settings)),
    "rehearse": _rehearse,
    "usage": _usage,
    "log": _log,
    "cache": _cache,
    "balance": lambda app, text, settings: balance(app.session, settings),
}
