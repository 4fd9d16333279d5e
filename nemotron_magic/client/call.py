"""One call: the request out, the events of its reply in, retries between."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from nemotron_magic.client.border import translate
from nemotron_magic.client.deadline import Deadline
from nemotron_magic.client.http import FOREIGN, Http
from nemotron_magic.client.keyless import without_key
from nemotron_magic.client.reading import events_of, is_progress, late
from nemotron_magic.client.refused import about_of, refusal_of, request_id_of
from nemotron_magic.client.stop import Stop
from nemotron_magic.endpoint import Endpoint
from nemotron_magic.errors import Interrupted, NemotronError
from nemotron_magic.events import Answered, Event, Retry, Sent
from nemotron_magic.key import Key
from nemotron_magic.refusal import About
from nemotron_magic.retry import delay_s
from nemotron_magic.settings import Settings
from nemotron_magic.text import well_formed

__all__ = ["Call", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """All that a call needs to know.

    Parameters
    ----------
    messages : tuple of mapping
        One mapping a message, keys `role` and `content`.
    key : Key or None
        None for a service that wants none.
    fields : mapping, optional
        The other fields of the body but for `model`; without them, the settings' own.
    """

    endpoint: Endpoint
    messages: tuple[Mapping[str, str], ...]
    settings: Settings
    key: Key | None = None
    fields: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the body of the request, as it is sent."""
        settled = self.settings.parameters() if self.fields is None else self.fields
        model = self.settings.model
        return {"model": model, "messages": [*self.messages], **settled}

    def about(self) -> About:
        """Give what error messages may mention."""
        return about_of(self.endpoint, self.settings.model, self.key)


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to a reply; what varies is passed in, as to a `Client`."""

    request: Request
    http: Http
    sleep: Callable[[float], None]
    clock_s: Callable[[], float]
    now_s: Callable[[], float]
    uniform: Callable[[float, float], float]

    def events_until(self, stop: Stop) -> Generator[Event, None, None]:
        """Give what happens until `stop` is set, by a connection of its own.

        Raises
        ------
        NemotronError, KeyboardInterrupt
            As `Client.stream` does.
        """
        try:
            with closing(self.http.apart(stop)) as http:
                call = replace(self, http=http, sleep=stop.sleep)
                with closing(call.events()) as events:
                    for event in events:
                        stop.check()
                        yield event
            stop.check()
        except Interrupted:
            raise
        except NemotronError:
            stop.check()  # what fails after it was set was stopped
            raise
        finally:
            stop.let_go()

    def events(self) -> Generator[Event, None, None]:
        """Give what happens, as it happens, a second attempt among it.

        Raises
        ------
        NemotronError
            As `Client.stream` does.
        """
        fields = self.request.body()
        body = well_formed(json.dumps(fields, ensure_ascii=False)).encode()
        call_id = uuid.uuid4().hex
        attempt = 0
        while True:
            attempt += 1
            answered = False
            try:
                with closing(self._attempt(body, call_id, attempt)) as events:
                    for event in events:
                        answered = answered or is_progress(event)
                        yield event
                return
            except NemotronError as error:
                wait_s = None if answered else delay_s(error, attempt, self.uniform)
                if wait_s is None:
                    raise
                retry = Retry(error.what, wait_s, attempt)
            yield retry
            _wait(self.sleep, wait_s)

    def _attempt(
        self, body: bytes, call_id: str, attempt: int
    ) -> Generator[Event, None, None]:
        request, http = self.request, self.http
        about, settings = request.about(), request.settings
        headers = {
            "Accept": "text/event-stream, application/json",
            "X-Client-Request-Id": f"nemotron-magic-{uuid.uuid4().hex}",
            "Idempotency-Key": call_id,
        }
        yield Sent(headers["X-Client-Request-Id"], settings.model)
        connect_s = float(settings["connect_timeout_s"])
        http.find_host(request.endpoint, connect_s, about)
        deadline = Deadline(settings["total_timeout_s"], self.clock_s)
        timeout = deadline.timeout(connect_s, _gap_s(settings))
        url = request.endpoint.chat_url
        fault: NemotronError
        try:
            with http.post(url, body, request.key, headers, timeout) as response:
                yield Answered(response.status_code, request_id_of(response, about))
                if response.is_success:
                    clock_s = self.clock_s
                    events = events_of(response, settings, about, clock_s, deadline)
                    yield from without_key(events, request.key)
                    return
                fault = refusal_of(response, about, self.now_s(), deadline)
        except FOREIGN as error:
            fault = late(error, deadline, about, settings) or translate(
                error, about, deadline.is_sent
            )
        except KeyboardInterrupt:
            if deadline.is_sent:
                raise
            done = "sent" if attempt == 1 else "billed"
            fault = Interrupted("stopped by you", f"nothing was {done}")
        # Raised out here so that it carries no httpx error, which holds the key.
        raise fault


def _wait(sleep: Callable[[float], None], wait_s: float) -> None:
    try:
        sleep(wait_s)
        return
    except KeyboardInterrupt:
        why = "while waiting to ask again; nothing was billed"
    raise Interrupted("stopped by you", why)


def _gap_s(settings: Settings) -> float:
    return float(settings["gap_timeout_s" if settings["stream"] else "total_timeout_s"])
