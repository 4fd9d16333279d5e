"""Who sends the requests of a run, each once: threads of this process.

Another one may take their place, such as a cluster: it is handed requests, knows which
have gone out, and puts what came of each into a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.core.errors import NemotronError, OutcomeUnknownError
from nemotron_magic.core.events import Sent
from nemotron_magic.session.reply import Reply, ReplyAccumulator


@dataclass(frozen=True, slots=True)
class RowRequest:
    """A request to be sent once, by the name of its row."""

    key: bytes
    request: Request
    request_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a request: a reply, or an error, after it was taken on or not."""

    key: bytes
    reply: Reply | None = None
    error: NemotronError | None = None
    is_accepted: bool = False


class Threads:
    """Sends from threads of this process, each with a connection of its own."""

    def __init__(
        self,
        client: Client,
        put: Callable[[Ended], object],
        begun: Callable[[bytes], object] = bool,
    ) -> None:
        self._client, self._put, self._tell_begun = client, put, begun
        self._requests: SimpleQueue[RowRequest | None] = SimpleQueue()
        self._stops: list[CancelToken] = []
        self.begun: set[bytes] = set()  # rows whose requests have gone out

    def send(self, requests: Sequence[RowRequest], under_way: int) -> None:
        """Take requests on, with a thread for each that is under way."""
        for one in requests:
            self._requests.put(one)
        while len(self._stops) < under_way:
            stop = CancelToken()
            self._stops.append(stop)
            Thread(target=self._work, args=(stop,), daemon=True).start()

    def stop(self) -> None:
        """Shut all connections down."""
        for one in self._stops:
            one.set()

    def close(self) -> None:
        """Let the threads end."""
        for _ in self._stops:
            self._requests.put(None)

    def _work(self, stop: CancelToken) -> None:
        client = self._client.apart(stop)
        try:
            while (one := self._requests.get()) is not None:
                self._put(self._ended(client, one, stop))
        finally:
            client.close()
            stop.let_go()

    def _ended(self, client: Client, one: RowRequest, stop: CancelToken) -> Ended:
        draft = ReplyAccumulator()
        error: NemotronError | None = None
        self.begun.discard(one.key)
        try:
            with closing(client.once(one.request, one.request_id)) as events:
                for event in events:
                    stop.check()
                    draft.add(event)
                    if type(event) is Sent:
                        self.begun.add(one.key)
                        self._tell_begun(one.key)
        except (KeyboardInterrupt, NemotronError) as raised:
            error = OutcomeUnknownError("dropped when the run was stopped")
            if isinstance(raised, NemotronError) and not stop.is_set:
                error = raised
        except Exception as raised:
            error = OutcomeUnknownError(f"the call failed: {raised!r}")
        return Ended(one.key, draft.reply(), error, draft.accepted)
