"""A session: ask questions, keep the conversation, track cost.

Usable without any notebook:

    from nemotron_magic import Session
    print(Session(temperature=0.2).ask("Why does a left join add rows?"))
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import RLock
from typing import Any

from nemotron_magic.client.client import Client
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.client.models import Model
from nemotron_magic.context.redact import MessageRedactor
from nemotron_magic.core import public
from nemotron_magic.core.endpoint import Endpoint, Key, SecretMapping
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.events import EventCallback
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.accounting import CallAccounting
from nemotron_magic.session.call import CallRunner
from nemotron_magic.session.conversation import (
    MAIN,
    ContinuationStream,
    Conversation,
    PreparedPrompt,
    Question,
    SessionUsage,
    Turn,
    continuation_prompt,
    correction_prompt,
    retry_prompt,
    turn_to_continue,
)
from nemotron_magic.session.credentials import Credentials, KeyStore
from nemotron_magic.session.reply import Reply
from nemotron_magic.storage.ledger import Ledger

__all__ = [
    "Session",
]


@public
class Session:
    """Ask questions; earlier turns go along.

    Parameters
    ----------
    key : str, optional
        The key for `base_url`; without it the environment and the keyring are asked.
    client : Client, optional
        In place of the real one.
    environ : mapping, optional
        In place of the process's environment.
    keys : KeyStore, optional
        In place of the system's keyring.
    ledger : Ledger, optional
        Where calls are written down; without it, in memory.
    held : callable
        Gives the secrets that variables of the user's hold, each with its kind.
    clock_s, now_s : callable
        A monotonic clock, and the time since 1970.
    **values
        Settings by name, see `nemotron_magic.parameters.PARAMETERS`.

    Attributes
    ----------
    access : Credentials
        Where its questions go, and with which key.
    books : CallAccounting
        What is written down of its calls.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        client: Client | None = None,
        environ: Mapping[str, str] = os.environ,
        keys: KeyStore | None = None,
        ledger: Ledger | None = None,
        held: Callable[[], Mapping[str, str]] = dict,
        clock_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
        **values: Any,
    ) -> None:
        environ = SecretMapping(environ)
        self.settings = Settings(values, model_is_default="model" not in values)
        self._conversation = Conversation()
        self._lock = RLock()
        self._client = client
        self.credentials = Credentials(environ, keys or KeyStore())
        self.accounting = CallAccounting(
            ledger,
            lambda where: self.client.listed(where),
            lambda where: self.client.models(where, self.key(where)),
            now_s,
            environ,
        )
        self._sealing = MessageRedactor(self.credentials, environ, held)
        self._calls = CallRunner(
            self.credentials,
            lambda: self.client,
            self.accounting,
            self._conversation.note,
            clock_s,
            now_s,
        )
        if key is not None:
            self.credentials.use(key, self.endpoint())

    def ask(
        self,
        question: str | Question,
        settings: Settings | None = None,
        watch: EventCallback = lambda event: None,
        stop: CancelToken | None = None,
    ) -> Reply:
        """Send a question; return the reply when it is whole.

        Several threads may ask at once.

        Parameters
        ----------
        question : str or Question
            In the user's own words, or with what goes along and where it comes from.
        settings : Settings, optional
            For this call; without it, the session's own.
        watch : callable
            Told each event as it happens.
        stop : CancelToken, optional
            Ends the call from another thread.

        Raises
        ------
        NemotronError
            With `error.reply` set to what had arrived, if anything had.
        """
        if isinstance(question, str):
            question = Question(question)
        if not question.text.strip():
            raise InputError(
                "there is no question", hint="Type one: %nemotron why is this slow?"
            )
        settings = settings or self.settings
        asked = self.prepared(question, settings)
        self._conversation.begin(asked)
        return self._calls.ask(asked, settings, watch, stop)

    def prepared(
        self, question: Question, settings: Settings | None = None
    ) -> PreparedPrompt:
        """Return what would be sent, to the letter; sends nothing and needs no key."""
        settings = settings or self.settings
        asked = self._conversation.asked(question, settings["system"])
        return self._sealed(asked, settings)

    def go_on(
        self,
        settings: Settings | None = None,
        watch: EventCallback = lambda event: None,
        thread: str = MAIN,
        stop: CancelToken | None = None,
    ) -> Reply:
        """Let the model go on where its last reply was cut off; return the whole of it.

        Raises
        ------
        InputError
            If there is no last reply, or it is empty or whole; nothing is sent then.
        """
        settings = settings or self.settings
        cut = turn_to_continue(self._conversation, thread)
        asked = continuation_prompt(self._conversation, cut, thread, settings["system"])
        joining = ContinuationStream(cut.reply, watch)
        try:
            return self._sent(asked, settings, joining, stop)
        finally:
            joining.end()

    def cut_off(self, thread: str = MAIN) -> Turn | None:
        """Return the turn that `go_on` would go on with; None if there is none."""
        last = self._conversation.latest(thread)
        return last if last is not None and last.reply.is_cut_off else None

    def corrected(
        self,
        complaint: str,
        settings: Settings | None = None,
        watch: EventCallback = lambda event: None,
        thread: str = MAIN,
        stop: CancelToken | None = None,
    ) -> Reply:
        """Send what is wrong with the last reply; a new one replaces it.

        Raises
        ------
        InputError
            If there is no last reply.
        """
        settings = settings or self.settings
        system = settings["system"]
        asked = correction_prompt(self._conversation, complaint, thread, system)
        return self._sent(asked, settings, watch, stop)

    def again(
        self,
        wish: str = "",
        settings: Settings | None = None,
        watch: EventCallback = lambda event: None,
        thread: str = MAIN,
        stop: CancelToken | None = None,
    ) -> Reply:
        """Ask the last question again, also one that failed; replace its turn.

        Parameters
        ----------
        wish : str
            What to do otherwise this time, such as `shorter`.

        Raises
        ------
        InputError
            If nothing has been asked in this thread.
        """
        settings = settings or self.settings
        asked = retry_prompt(self._conversation, wish, thread, settings["system"])
        return self._sent(asked, settings, watch, stop)

    @property
    def threads(self) -> dict[str, list[Turn]]:
        """The conversations so far, by name."""
        return self._conversation.threads

    @property
    def last(self) -> Reply | None:
        """The newest reply, also if it is not whole."""
        return self._conversation.last

    @property
    def spent(self) -> SessionUsage:
        """What the calls took together."""
        return self._conversation.spent

    @property
    def turns(self) -> list[Turn]:
        """The main thread, failed and interrupted turns among it."""
        return self.threads.get(MAIN, [])

    def reset(self, thread: str = MAIN) -> int:
        """Forget a thread; return how many turns that were."""
        return self._conversation.reset(thread)

    def is_kept(self, asked: PreparedPrompt, settings: Settings) -> bool:
        """Return whether the cache would answer, so that nothing is sent."""
        return self._calls.is_kept(asked, settings)

    def context_tokens(self, settings: Settings) -> int:
        """Return how many tokens may go along with a question.

        Without a setting, a quarter of what the model reads by the catalogue, as far
        as that has been listed, and at most 16,000.
        """
        if settings["context_tokens"] is not None:
            return int(settings["context_tokens"])
        listed = self.client.listed(self.endpoint(settings))
        read = [m.context_tokens for m in listed if m.goes_by(settings.model)]
        return min([16_000, *(tokens // 4 for tokens in read if tokens)])

    def hide(self, secret: str) -> None:
        """Take `secret` out of all that is sent from now on."""
        self._sealing.hide(secret)

    def endpoint(self, settings: Settings | None = None) -> Endpoint:
        """Return where questions go."""
        return self.credentials.endpoint(settings or self.settings)

    def key(self, endpoint: Endpoint) -> Key | None:
        """Return the key for `endpoint`, if there is one."""
        return self.credentials.key(endpoint)

    def models(self, settings: Settings | None = None) -> list[Model]:
        """Return the models that the service lists, Nemotrons first."""
        return self._calls.models(settings or self.settings)

    @property
    def client(self) -> Client:
        """The client, made when first used."""
        with self._lock:
            if self._client is None:
                from nemotron_magic.client.client import Client

                self._client = Client()
            return self._client

    @property
    def ledger(self) -> Ledger:
        """Where calls are written down."""
        return self.accounting.ledger

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        self.accounting.close()

    def _sent(
        self,
        asked: PreparedPrompt,
        settings: Settings,
        watch: EventCallback,
        stop: CancelToken | None,
    ) -> Reply:
        """Ask what follows up on a turn, without the secrets in it."""
        sealed = self._sealed(asked, settings)
        return self._calls.ask(sealed, settings, watch, stop)

    def _sealed(self, asked: PreparedPrompt, settings: Settings) -> PreparedPrompt:
        """Return the whole request, without the secrets in it."""
        live = self._calls.with_live_model(settings)
        request = self._sealing.redact(asked.messages, live)
        before = asked.context_info.redacted
        return replace(
            asked,
            messages=request.messages,
            fields=request.fields,
            context_info=replace(
                asked.context_info, redacted=(*before, *request.found)
            ),
        )
