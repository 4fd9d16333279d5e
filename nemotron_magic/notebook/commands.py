"""The commands: words that stand alone after `%nemotron`."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from nemotron_magic.catalogue import Model
from nemotron_magic.context.preview import preview as previewed
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.errors import AuthenticationError, InputError, NemotronError
from nemotron_magic.grammar import flags_table
from nemotron_magic.session import Session, Spent
from nemotron_magic.settings import Settings
from nemotron_magic.summary import in_usd
from nemotron_magic.text import one_line
from nemotron_magic.turns import MAIN, Asked

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["COMMANDS", "Command", "card", "flags", "preview"]

_SHOWN_MODELS = 40


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Parameters
    ----------
    run : callable
        Given the runner, the text after the colon and the settings of this call; gives
        the Markdown to show, or None if it has shown what there is.
    takes : str
        What may stand after its colon; empty if nothing.
    """

    help: str
    run: Callable[[Runner, str, Settings], str | None]
    takes: str = ""


def card(runner: Runner, settings: Settings) -> str:
    """Give what a bare `%nemotron` shows: where things stand."""
    session = runner.session
    endpoint = session.endpoint(settings)
    names = " · ".join(f"`{name}`" for name in COMMANDS)
    default = " (the default)" if settings.model_is_default else ""
    return "\n".join(
        [
            "| Nemotron | |",
            "|:--|:--|",
            f"| Model | `{settings.model}`{default} |",
            f"| Endpoint | `{endpoint.base_url}` |",
            f"| Key | {_key_state(session, settings)} |",
            f"| Conversation | {_plural(len(session.turns), 'turn')} |",
            f"| Spent so far | {_spent(session.spent)} |",
            f"| Commands | {names} |",
            "| Ask | `%nemotron QUESTION`, or `%%nemotron` and a text below |",
            "| More | `%nemotron?` the manual · `%nemotron -h` the flags |",
        ]
    )


def flags() -> str:
    """Give what `-h` shows."""
    return f"```text\n%nemotron [flags] QUESTION\n\n{flags_table()}\n```"


def preview(session: Session, asked: Asked, settings: Settings) -> str:
    """Give what would be sent, what goes along, and what that may cost."""
    attached = asked.attached
    sizes = zip(attached.titles, attached.tokens, strict=True)
    notes = [
        *((f"of which {title}", f"about {size:,} tokens") for title, size in sizes),
        *(("shortened", title) for title in attached.cut),
        ("left out for lack of room", _plural(len(attached.left_out), "cell")),
        ("secrets taken out", ", ".join(attached.redacted) or "none"),
        ("goes to", f"`{settings.model}` at `{session.endpoint(settings).netloc}`"),
        ("may cost", _estimate(session, asked, settings)),
    ]
    return previewed(asked.told, notes)


def _estimate(session: Session, asked: Asked, settings: Settings) -> str:
    """Give the price by the catalogue, as far as that has been listed."""
    listed = session.client.listed(session.endpoint(settings))
    model = next((m for m in listed if m.goes_by(settings.model)), None)
    if model is None or model.input_usd is None or model.output_usd is None:
        return "unknown (`%nemotron models` shows the prices that are known)"
    sent = sum(estimate_tokens(message["content"]) for message in asked.told)
    sent_usd, most = sent * model.input_usd / 1e6, settings["max_tokens"]
    out_usd = most * model.output_usd / 1e6
    return f"{in_usd(sent_usd)} in, at most {in_usd(out_usd)} out ({most:,} tokens)"


def _preview(runner: Runner, text: str, settings: Settings) -> str:
    last = runner.session.last
    if last is None:
        raise InputError(
            "nothing has been sent yet",
            todo="Preview a question: %nemotron --preview why is this slow?",
        )
    asked = Asked(last.messages, MAIN, lambda reply: [], last.details.attached)
    return preview(runner.session, asked, settings)


def _help(runner: Runner, text: str, settings: Settings) -> str:
    rows = (
        f"| `{name}{f': {command.takes}' if command.takes else ''}` | {command.help} |"
        for name, command in COMMANDS.items()
    )
    table = "\n".join(["| Command | |", "|:--|:--|", *rows])
    return f"{card(runner, settings)}\n\n{table}\n\n{flags()}"


def _models(runner: Runner, text: str, settings: Settings) -> str:
    wanted = text.strip().lower()
    models = runner.session.models(settings)
    found = [m for m in models if wanted in m.name.lower()]
    if not found:
        return f"No model of {len(models)} has `{wanted}` in its name."
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


def _login(runner: Runner, text: str, settings: Settings) -> str:
    if text.strip():
        raise InputError(
            "a key is never typed into a cell: it would be saved with the notebook",
            todo="Type only: %nemotron login",
        )
    session = runner.session
    endpoint = session.endpoint(settings)
    value = _ask_for_key(f"Key for {endpoint.netloc} (not shown): ")
    before = session.key(endpoint)
    key = session.use_key(value, settings)
    try:
        is_checked = session.client.check_key(endpoint, key)
        checked = f"`{endpoint.netloc}` {_ACCEPTED[is_checked]}."
    except AuthenticationError:
        session.forget_key(endpoint, before)
        raise
    except NemotronError as error:
        checked = f"The key could not be checked: {error.what}."
    store = session.keep_key(value, settings)
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
            todo="Set AIMLAPI_API_KEY in the environment before the kernel starts",
        ) from None


def _doctor(runner: Runner, text: str, settings: Settings) -> str:
    session = runner.session
    lines = [_versions(), f"- ✓ front end: {runner.canvas.front_end}"]
    try:
        endpoint = session.endpoint(settings)
    except NemotronError as error:
        return "\n".join([*lines, _bad("endpoint", error)])
    lines.append(_key_line(session, settings))
    try:
        models = session.models(settings)
    except NemotronError as error:
        return "\n".join([*lines, _bad(f"endpoint {endpoint.base_url}", error)])
    lines.append(
        f"- ✓ endpoint {endpoint.base_url} answers and lists {len(models)} chat models"
    )
    return "\n".join([*lines, _model_line(models, settings)])


def _versions() -> str:
    packages = ("ipython", "ipykernel", "httpx", "ipywidgets", "rich", "keyring")
    found = []
    for package in packages:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return f"- ✓ Python {sys.version.split()[0]}, {', '.join(found)}"


def _key_line(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    try:
        key = session.key(endpoint)
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
    todo = f" → {error.todo}" if error.todo else ""
    return f"- ✗ {what}: {reason}{todo}"


def _rehearse(runner: Runner, text: str, settings: Settings) -> str:
    wanted = text.strip().lower()
    if wanted == "off":
        back = runner.stop_rehearsal()
        return f"Rehearsal is off. Questions go to `{back}`."
    if wanted:
        raise InputError(
            f"rehearse takes nothing or off, got {wanted}",
            todo="Type: %nemotron rehearse   or: %nemotron rehearse: off",
        )
    url = runner.start_rehearsal()
    return (
        f"Rehearsal is on: questions go to `{url}`, inside this process. No model is "
        "behind it, no key is needed and nothing is billed. "
        "`%nemotron rehearse: off` goes back."
    )


def _reset(runner: Runner, text: str, settings: Settings) -> str:
    thread = text.strip() or MAIN
    return f"Forgot {_plural(runner.session.reset(thread), 'turn')}."


def _threads(runner: Runner, text: str, settings: Settings) -> str:
    threads = runner.session.threads
    if not any(threads.values()):
        return "No conversation has begun yet."
    rows = [
        f"| `{name}` | {len(turns)} | {one_line(turns[-1].question, 60)} |"
        for name, turns in threads.items()
        if turns
    ]
    return "\n".join(["| Thread | Turns | Last question |", "|:--|--:|:--|", *rows])


def _key_state(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    key = session.key(endpoint)
    if key is not None:
        return f"found in {key.source}"
    if endpoint.is_loopback:
        return "none, and none is needed on this machine"
    return "none yet: `%nemotron login`, or try without: `%nemotron rehearse`"


def _spent(spent: Spent) -> str:
    if not spent.calls:
        return "nothing yet"
    usage, unpriced = spent.usage, spent.unpriced
    parts = [_plural(spent.calls, "call")]
    if usage.prompt_tokens is not None or usage.completion_tokens is not None:
        sent, received = usage.prompt_tokens or 0, usage.completion_tokens or 0
        parts.append(f"{sent:,} → {received:,} tokens")
    parts.append("cost unknown" if usage.cost_usd is None else in_usd(usage.cost_usd))
    if unpriced and usage.cost_usd is not None:
        parts.append(f"and {_plural(unpriced, 'call')} of unknown cost")
    return " · ".join(parts)


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


COMMANDS: dict[str, Command] = {
    "help": Command("What there is.", _help),
    "models": Command("The live catalogue, Nemotrons first.", _models, "WORD"),
    "login": Command("Ask for the key, check it, keep it.", _login),
    "doctor": Command("Check endpoint, key, model and versions.", _doctor),
    "rehearse": Command("Try without key, network or cost.", _rehearse, "off"),
    "continue": Command(
        "Go on with a reply that was cut off.", lambda runner, text, settings: None
    ),
    "preview": Command("What the last question sent, to the letter.", _preview),
    "threads": Command("The conversations of this notebook.", _threads),
    "reset": Command("Forget the conversation.", _reset, "THREAD"),
}
