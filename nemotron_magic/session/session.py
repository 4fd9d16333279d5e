"""A session, also without any notebook: ask questions, keep turns, track cost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from nemotron_magic.client.client import Client
from nemotron_magic.client.deadline import CancelToken, InterruptGuard, stopped_after
from nemotron_magic.client.models import Model, fallback_model, sorted_for_people
from nemotron_magic.context.prompt import Message
from nemotron_magic.context.redact import MessageRedactor
from nemotron_magic.core import errors, public
from nemotron_magic.core.endpoint import Endpoint, SecretMapping
from nemotron_magic.core.errors import InputError, ModelError, NemotronError
from nemotron_magic.core.events import EventCallback
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.session.call import Call, CallAccounting
from nemotron_magic.session.conversation import (
    ContinuationStream,
    Conversation,
    FollowUp,
    PreparedPrompt,
    Question,
)
from nemotron_magic.session.credentials import Credentials, KeyStore
from nemotron_magic.session.reply import (
    Reply,
    ReplyMetadata,
    partial_reply,
    request_hash,
)
from nemotron_magic.session.structured import asking
from nemotron_magic.session.structured.specs import parse_fields
from nemotron_magic.storage.ledger import Ledger

if TYPE_CHECKING:
    from nemotron_magic.session.rows.frame import Progress, Rows
    from nemotron_magic.session.rows.run import Run
    from nemotron_magic.session.rows.task import RowsQuestion
    from nemotron_magic.storage.rows import RowStore

    _Watch = Callable[[Progress], object]


def _must_be(name: str, value: object, *kinds: type) -> None:
    """Raise InputError if a value is of none of these kinds, and name the first."""
    if not isinstance(value, kinds):
        wanted, got = kinds[0].__name__, type(value).__name__
        raise InputError(f"{name} must be of type {wanted}, and is of type {got}")


@public
class Session:
    """Ask questions; earlier turns are sent with them.

    Parameters
    ----------
    key : str, optional
        The key for `base_url`; without it, the environment and the keyring are asked.
    ledger : Ledger, optional
        Where calls are recorded; without it, in memory.
    held : callable
        Returns the secrets that the user's variables hold, each with its kind.
    client, environ, keys, clock_s, now_s
        In place of the real client, environment, keyring, monotonic clock, and time.
    **values
        Settings by name, as `%config Nemotron` lists them.

    Attributes
    ----------
    conversation : Conversation
        The turns so far, by thread, and what they cost.
    credentials : Credentials
        Where questions go, and with which key.
    accounting : CallAccounting
        Where calls are recorded and replies are cached.
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
        _must_be("key", key, str, NoneType)
        _must_be("ledger", ledger, Ledger, NoneType)
        environ = SecretMapping(environ)
        self.settings = Settings(values, model_is_default="model" not in values)
        self.conversation = Conversation()
        self.client = client or Client()
        self.credentials = Credentials(environ, keys or KeyStore())
        self.accounting = CallAccounting(ledger, now_s, environ)
        self.redactor = MessageRedactor(self.credentials, environ, held)
        self._environ, self._clock_s, self._now_s = environ, clock_s, now_s
        self._sent: tuple[Message, ...] = ()
        self._substitutes: dict[str, str] = {}
        self._row_stores: dict[bool, RowStore] = {}
        if key is not None:
            self.credentials.use(lambda: key, self.endpoint())

    def ask(
        self,
        question: str | Question | FollowUp,
        settings: Settings | None = None,
        watch: EventCallback = lambda event: None,
        stop: CancelToken | None = None,
        as_: Any = None,
    ) -> Reply:
        """Send a question; return the reply when it is whole.

        Several threads may ask at once.

        Parameters
        ----------
        question : str, Question or FollowUp
            The user's own words, or with their context and thread, or what is asked
            about the last reply of a thread.
        settings : Settings, optional
            For this call, in place of the session's.
        watch : callable
            Called with each event, such as a piece of text, as it arrives.
        stop : CancelToken, optional
            Ends the call from another thread.
        as_ : str, type or dict, optional
            What `reply.value` is to be: fields in words, such as `"total float,
            currency: EUR|USD"`, a pydantic model, a dataclass, a TypedDict, a
            `Literal`, a plain type, a list of one of them, or a JSON schema.

        Returns
        -------
        Reply
            The Markdown that the model wrote, with tokens, cost (US dollars) and times
            (seconds).

        Raises
        ------
        InputError
            If it cannot be sent as it is; nothing was.
        InvalidAnswerError
            If the answer is not of the form that `as_` asks for.
        NemotronError
            If anything else went wrong; `error.reply` is what had arrived, if any.
        """
        _must_be("the question", question, str, Question, *get_args(FollowUp))
        if isinstance(question, str):
            question = Question(question)
        if isinstance(question, Question) and not question.text.strip():
            hint = "Type one: %nemotron why is this slow?"
            raise InputError("there is no question", hint=hint)
        settings = settings or self.settings
        _must_be("settings", settings, Settings)
        if isinstance(question, Question) and as_ is not None:
            question = replace(question, wanted=parse_fields(as_))
        elif as_ is not None:
            why = "as_ is for a question of its own"
            raise InputError(why, "nothing was sent", "Ask it in words")
        prompt = question.prepare(self.conversation, settings["system"])
        prompt = self._redacted(prompt, settings)
        if isinstance(question, Question):
            self.conversation.asked_last[prompt.thread] = prompt
        if prompt.wanted is not None:
            return self._ask_typed(prompt, settings, asking.without_text(watch), stop)
        stream = ContinuationStream(prompt.begun, watch)
        try:
            return self._ask(prompt, settings, stream, stop)
        finally:
            stream.end()

    def map(
        self,
        instruction: str,
        values: Any,
        *,
        as_: Any = "reply",
        at_once: int = 16,
        rpm: float | None = None,
        tpm: float | None = None,
        max_cost_usd: float | None = None,
        sample: int | None = None,
        again: Collection[str] = (),
        watch: _Watch = bool,
        label: Any = None,
        name: str = "",
        engine: Any = None,
        settings: Settings | None = None,
    ) -> Rows:
        """Ask about each row of a table; return the answers in columns of their types.

        What was answered is kept on disk and not asked again: to go on after a stop,
        or after the kernel died, run the same again.

        Parameters
        ----------
        instruction : str
            What to do with a row. `{column}` stands for its value in a column of that
            name; without any, the row follows the instruction.
        values : Series, frame or list
            Of pandas, polars or Dask. Of a frame, all columns that are named go out;
            without a name all of them, if there are no more than five.
        as_ : str, type or dict
            What an answer is to be, as in `ask`.
        at_once, rpm, tpm : int, float, float
            Most rows under way, and most requests and tokens a minute.
        max_cost_usd : float, optional
            Most that the whole run may cost.
        sample : int, optional
            Ask only this many rows, spread over the table.
        again : tuple of str
            Ask again what came to nothing: `errors`, rows with answers of another kind
            than wanted; `billed`, rows that may have been billed; `all` of these.
        watch : callable
            Told the progress up to four times a second; `print` will do.
        label : str or sequence, optional
            The truth to compare the answers with: a column of the frame, which is then
            not sent, or a value for each row.
        name : str
            What the run is called where runs are listed.
        engine : distributed.Client, optional
            Send from the workers of this Dask cluster. They take the key from their
            environment, or from here over TLS or loopback only.
        settings : Settings, optional
            For this run, in place of the session's.

        Returns
        -------
        Rows
            One for each row of `values`, in their order: `rows.frame`, `rows.errors`.

        Raises
        ------
        NemotronError
            If it was stopped, by the user or for what would meet every row: then
            `error.rows` has the answers so far.
        """
        from nemotron_magic.session.rows.task import RowsQuestion

        settings = settings or self.settings
        _must_be("settings", settings, Settings)
        _must_be("instruction", instruction, str)
        _must_be("name", name, str)
        if max_cost_usd is not None:
            own = {**settings.values, "max_cost_usd": max_cost_usd}
            settings = replace(settings, values=own)
        words = (again,) if isinstance(again, str) else tuple(again or ())
        how = (at_once, rpm, tpm, sample, words, label, name, engine)
        question = RowsQuestion(instruction, values, as_, *how)
        return self.ask_rows(question, settings, watch)

    def ask_rows(
        self, question: RowsQuestion, settings: Settings, watch: _Watch = bool
    ) -> Rows:
        """Ask about each row, and of a live model if the default one is gone."""
        settings = self._with_live_model(settings)
        run = self.prepare_rows(question, settings, watch)
        run.go()
        rest = replace(question, sample=None, again=())
        rows = run.rows(lambda: self.ask_rows(rest, settings, watch))
        if isinstance(rows.stopped, ModelError) and not rows.cost_usd:
            live = self._replaced(rows.stopped, settings)
            return self.ask_rows(question, live, watch)
        if rows.stopped is not None:
            rows.stopped.rows = rows
            raise rows.stopped
        return rows

    def prepare_rows(
        self, question: RowsQuestion, settings: Settings, watch: _Watch = bool
    ) -> Run:
        """Return the run that would ask about rows; sends nothing and needs no key."""
        from nemotron_magic.session.rows.answers import Means
        from nemotron_magic.session.rows.run import Run
        from nemotron_magic.session.rows.task import row_settings

        settings = row_settings(settings)
        endpoint, accounting = self.endpoint(settings), self.accounting
        rung, learn = self._form(settings)
        means = Means(
            client=self.client,
            endpoint=endpoint,
            key=lambda: self.credentials.checked_key(endpoint, settings),
            redactor=self.redactor,
            ledger=accounting.ledger,
            store=self.row_store(settings),
            notebook=accounting.notebook,
            is_rehearsal=accounting.is_rehearsal,
            rung=rung,
            learn=learn,
            clock_s=self._clock_s,
            now_s=self._now_s,
        )
        return Run(means, question, settings, watch)

    def row_store(self, settings: Settings) -> RowStore:
        """Return where answers to rows are kept: on disk, unless that is off."""
        from nemotron_magic.storage.rows import RowStore, open_rows

        is_kept = settings["rows"] == "on" and not self.accounting.is_rehearsal
        if is_kept not in self._row_stores:
            store = open_rows(self._environ) if is_kept else RowStore()
            self._row_stores[is_kept] = store
        return self._row_stores[is_kept]

    def prepare(
        self, question: Question | FollowUp, settings: Settings | None = None
    ) -> PreparedPrompt:
        """Return what would be sent, to the letter; sends nothing and needs no key."""
        settings = settings or self.settings
        prompt = question.prepare(self.conversation, settings["system"])
        if prompt.wanted is not None:
            prompt, settings = asking.dressed(prompt, settings, self._form(settings)[0])
        return self._redacted(prompt, settings)

    def _redacted(self, prompt: PreparedPrompt, settings: Settings) -> PreparedPrompt:
        request = self.redactor.redact(prompt.messages, self._with_live_model(settings))
        found = (*prompt.context_info.redacted, *request.found)
        return replace(
            prompt,
            messages=request.messages,
            fields=request.fields,
            context_info=replace(prompt.context_info, redacted=found),
        )

    def is_cached(self, prompt: PreparedPrompt, settings: Settings) -> bool:
        """Return whether the cache would answer, so that nothing is sent."""
        request = self._metadata(prompt, settings).request_hash
        return self.accounting.cached(request, settings) is not None

    def context_tokens(self, settings: Settings) -> int:
        """Return how many tokens of context may be sent with a question.

        Without a setting, a quarter of what the catalogue says, and at most 16,000.
        """
        if settings["context_tokens"] is not None:
            return int(settings["context_tokens"])
        listed = self.client.listed(self.endpoint(settings))
        read = [m.context_tokens for m in listed if m.goes_by(settings.model)]
        return min([16_000, *(tokens // 4 for tokens in read if tokens)])

    def endpoint(self, settings: Settings | None = None) -> Endpoint:
        """Return where questions go."""
        return self.credentials.endpoint(settings or self.settings)

    def models(self, settings: Settings | None = None) -> list[Model]:
        """Return the models that the service lists, Nemotrons first."""
        endpoint = self.endpoint(settings)
        key = self.credentials.key(endpoint)
        return sorted_for_people(self.client.models(endpoint, key))

    def close(self) -> None:
        """Close connections and files."""
        self.client.close()
        self.accounting.close()
        for store in self._row_stores.values():
            store.close()

    def _form(self, settings: Settings) -> tuple[asking.Rung, partial[None]]:
        """Return the strictest form not known to be refused, and what remembers one."""
        place = (self.endpoint(settings).origin, settings.model)
        known = self.accounting.rungs.find(*place)
        rung = next((one for one in asking.RUNGS if one == known), asking.RUNGS[0])
        return rung, partial(self.accounting.rungs.keep, *place)

    def _ask_typed(
        self, prompt: PreparedPrompt, settings: Settings, *more: Any
    ) -> Reply:
        """Ask for a typed answer; its turn shows what the user sees of it."""

        def ask(prompt: PreparedPrompt, settings: Settings) -> Reply:
            return self._ask(self._redacted(prompt, settings), settings, *more)

        try:
            reply = asking.ask_typed(prompt, settings, ask, *self._form(settings))
        except NemotronError as error:
            # The rest of a JSON text would be none.
            error.hint = error.hint.replace(errors.GO_ON, "Ask again: %nemotron retry")
            if isinstance(error, errors.InvalidAnswerError):
                self.conversation.end(prompt, partial_reply(error))
            raise
        self.conversation.end(prompt, reply)
        return reply

    def _ask(
        self,
        prompt: PreparedPrompt,
        settings: Settings,
        watch: EventCallback,
        stop: CancelToken | None,
    ) -> Reply:
        """Ask, and ask a live model if the default one is gone."""
        # Every reply keeps its messages: copies would take 60 MB in 500 questions.
        known = {frozenset(one.items()): one for one in self._sent}
        messages = (known.get(frozenset(one.items()), one) for one in prompt.messages)
        prompt = replace(prompt, messages=tuple(messages))
        self._sent = prompt.messages
        settings = self._with_live_model(settings)
        with InterruptGuard() as guard:
            while True:
                about = self._metadata(prompt, settings)
                own = (self.client, self.credentials, self.accounting)
                call = Call(prompt, about, settings, *own, watch, stop, self._clock_s)
                try:
                    reply = call.run(guard)
                except NemotronError as error:
                    self.conversation.end(prompt, partial_reply(error))
                    if not isinstance(error, ModelError):
                        raise
                    if prompt.wanted is not None and asking.is_format_refusal(error):
                        raise
                    with guard.released():
                        settings = self._replaced(error, settings)
                else:
                    self.conversation.end(prompt, reply)
                    break
        if guard.is_pressed:
            raise stopped_after(reply)
        return reply

    def _metadata(self, prompt: PreparedPrompt, settings: Settings) -> ReplyMetadata:
        """Return what is known of a reply before its call."""
        parameters = {k: v for k, v in prompt.fields.items() if k != "model"}
        # By what the user asked for: a default that was replaced is still the default.
        wanted = DEFAULT_MODEL if settings.model_is_default else settings.model
        asked_at = datetime.fromtimestamp(self._now_s(), UTC)
        base_url = self.endpoint(settings).base_url
        return ReplyMetadata(
            model=settings.model,
            messages=prompt.messages,
            context_info=prompt.context_info,
            parameters=parameters,
            base_url=base_url,
            request_hash=request_hash(base_url, wanted, prompt.messages, parameters),
            is_rehearsal=self.accounting.is_rehearsal,
            asked_at=asked_at.isoformat("T", "seconds"),
        )

    def _with_live_model(self, settings: Settings) -> Settings:
        found = self._substitutes.get(self.endpoint(settings).origin)
        is_default = settings.model_is_default
        return settings.with_model(found) if found and is_default else settings

    def _replaced(self, error: ModelError, settings: Settings) -> Settings:
        """Return the settings with a live model for the default one; or raise `error`.

        A substitute that is refused as well ends the question.
        """
        origin = self.endpoint(settings).origin
        self._substitutes.pop(origin, None)
        try:
            live = [m for m in self.models(settings) if m.name != settings.model]
        except errors.InterruptedByUser:
            raise
        except NemotronError:
            raise error from None
        is_default = settings.model_is_default and settings.model == DEFAULT_MODEL
        found = fallback_model(live) if is_default and error.reply is None else None
        if found:
            self._substitutes[origin] = found.name
            return settings.with_model(found.name)
        if live:
            names = ", ".join(m.name for m in live[:4])
            error.hint = f"Live here: {names}. All: %nemotron models"
        raise error
