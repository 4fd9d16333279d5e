"""Who sends the requests of a run, each once: threads, here or on a Dask cluster.

To a cluster, the driver hands each request for one worker, which has threads that send:
a hand-over ends at once and has no result, so nothing is ever computed again. What a
worker says comes as events. Limits are kept by how much the driver has handed out.
"""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.core.endpoint import Endpoint, Key, loopback_addresses
from nemotron_magic.core.errors import InputError, NemotronError, OutcomeUnknownError
from nemotron_magic.core.events import Sent
from nemotron_magic.session.credentials import Credentials, KeyStore
from nemotron_magic.session.reply import Reply, ReplyAccumulator

Say = Callable[[Any], object]
_LOOK_S = 0.2


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

    def __init__(self, client: Client, put: Say, begun: Say = bool) -> None:
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


_senders: dict[str, tuple[Threads, Key | None]] = {}
"""On a worker: what sends, by the topic of the run."""


class Cluster:
    """Sends from the workers that a `distributed.Client` is connected to."""

    def __init__(self, client: Any, put: Say, topic: str) -> None:
        why = ""
        if not hasattr(client, "nthreads"):
            why = f"no distributed.Client, but of type {type(client).__name__}"
        elif getattr(client, "asynchronous", False):
            why = "an asynchronous client, and rows need one that waits"
        elif getattr(client, "status", "running") != "running":
            why = "a closed client"
        if why:
            hint = "Such as: engine=Client(cluster)"
            raise InputError(f"engine is {why}", "nothing was sent", hint)
        self._dask, self._put, self._topic = client, put, f"nemotron-rows-{topic}"
        self._lock, self._is_over = Lock(), Event()
        self._at: dict[bytes, str] = {}  # the worker that has a row
        self.begun: set[bytes] = set()  # rows whose requests have gone out
        self._there: list[str] = []  # the workers; to ask for them takes 2 ms
        self._ready: set[str] = set()
        self._handed: list[Any] = []

    def send(self, requests: Sequence[RowRequest], under_way: int) -> None:
        """Hand requests to the workers that have the fewest."""
        if not self._ready:
            self._there = [*self._dask.nthreads()]
            self._dask.subscribe_topic(self._topic, self._hear)
            Thread(target=self._watch, daemon=True).start()
        workers = self._there
        self._prepare(workers, requests[0].request.key)
        ready = self._ready.intersection(workers)
        shares: dict[str, list[RowRequest]] = {}
        with self._lock:
            load = Counter(self._at.values())
            for one in requests:
                worker = min(ready, key=load.__getitem__)
                load[worker] += 1
                self._at[one.key] = worker
                # The key stays behind: arguments of tasks can be seen.
                bare = replace(one, request=replace(one.request, key=None))
                shares.setdefault(worker, []).append(bare)
        self._handed = [one for one in self._handed if not one.done()]
        for worker, share in shares.items():
            work = (_take_on, self._topic, worker, share, load[worker])
            self._handed += [self._dask.submit(*work, workers=[worker], pure=False)]

    def stop(self) -> None:
        """Let all that is under way go."""
        self._tell("stop")

    def close(self) -> None:
        """End what sends, and forget what it said."""
        self._is_over.set()
        self._tell("close")
        with suppress(Exception):
            self._dask.cancel(self._handed)
            self._dask.unsubscribe_topic(self._topic)
            self._dask.run_on_scheduler(_forget, self._topic)

    def _tell(self, verb: str) -> None:
        with suppress(Exception):  # a worker that is lost has nothing to stop
            self._dask.run(_do, self._topic, verb, on_error="ignore")

    def _prepare(self, workers: Sequence[str], key: Key | None) -> None:
        """Let workers that came later send, too; raise InputError if one cannot."""
        if not workers:
            hint = "Add some: client.cluster.scale(2)"
            raise InputError("the cluster has no workers", hint=hint)
        new = [one for one in workers if one not in self._ready]
        if not new:
            return
        origin = key.origin if key else ""
        try:
            with_key = self._dask.run(_begin, self._topic, origin, workers=new)
        except ImportError as error:
            what = f"the workers cannot import {error.name}"
            hint = "Install nemotron_magic on each: pip install nemotron_magic"
            raise InputError(what, "nothing was sent", hint) from None
        bare = [one for one, has_key in with_key.items() if not has_key]
        if key and bare:
            self._check_ways(bare, key)
            value = key.reveal_to(key.origin)
            self._dask.run(_use, self._topic, origin, value, workers=bare)
        self._ready.update(new)

    def _check_ways(self, workers: Sequence[str], key: Key) -> None:
        """Raise InputError if the key would go over a network in the clear."""
        for address in (self._dask.scheduler.address, *workers):
            way = urlsplit(address)
            is_safe = way.scheme in ("tls", "wss", "inproc")
            if not is_safe and not loopback_addresses(way.hostname or ""):
                what = f"the workers have no key for {key.origin}"
                why = f"it goes to none over {way.scheme}: in the clear"
                hint = "Set AIMLAPI_API_KEY where the workers run, or use TLS"
                raise InputError(what, why, hint)

    def _hear(self, event: tuple[float, dict[str, bytes]]) -> None:
        said = pickle.loads(event[1]["event"])
        if isinstance(said, bytes):
            self.begun.add(said)
            return
        with self._lock:
            self.begun.discard(said.key)
            is_open = self._at.pop(said.key, None) is not None
        if is_open:
            self._put(said)

    def _watch(self) -> None:
        """Say what became of the rows of workers that are lost."""
        while not self._is_over.wait(_LOOK_S):
            with suppress(Exception):
                self._there = there = [*self._dask.nthreads()]
                with self._lock:
                    lost = [key for key, at in self._at.items() if at not in there]
                    for key in lost:
                        del self._at[key]
                for key in lost:
                    gone = OutcomeUnknownError("its worker was lost")
                    self._put(Ended(key, error=gone))


def _begin(topic: str, origin: str, dask_worker: Any = None) -> bool:
    """On a worker: get ready to send; return whether it has the key."""

    def say(event: bytes | Ended) -> None:
        dask_worker.log_event(topic, {"event": pickle.dumps(event)})

    credentials = Credentials(os.environ, KeyStore())
    key = credentials.key(Endpoint.read(origin)) if origin else None
    _senders[topic] = (Threads(Client(), say, say), key)
    return key is not None


def _use(topic: str, origin: str, value: str) -> None:
    _senders[topic] = (_senders[topic][0], Key(value, origin, "the driver"))


def _take_on(
    topic: str, worker: str, requests: Sequence[RowRequest], under_way: int
) -> None:
    """On a worker: send, if it is the one that these were handed to."""
    from distributed import get_worker

    if get_worker().address != worker or topic not in _senders:
        return
    threads, key = _senders[topic]
    keyed = [replace(one, request=replace(one.request, key=key)) for one in requests]
    threads.send(keyed, under_way)


def _do(topic: str, verb: str) -> None:
    if topic in _senders:
        getattr(_senders[topic][0], verb)()
    if verb == "close":
        _senders.pop(topic, None)


def _forget(topic: str, dask_scheduler: Any = None) -> None:
    dask_scheduler._broker.truncate(topic)
