"""A session that need not ask twice."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from answering import GONE
from wire import DONE, KEY, LIVE, STOP, NoStore, event, say

from nemotron_magic import Session, rehearsal
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import InputError, NemotronError
from nemotron_magic.core.events import Text
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import footer, metadata, notices
from nemotron_magic.session.conversation import Continuation, Regeneration
from nemotron_magic.session.credentials import KeyStore
from nemotron_magic.session.reply import CachedReply
from nemotron_magic.storage.cache import Cache

HERE = "http://127.0.0.1:1"
META = {"usage": {"usd_spent": 0.5}}
USAGE = {"prompt_tokens": 10, "completion_tokens": 2}


def whole(text: str) -> bytes:
    figures = {"choices": [], "usage": USAGE, "meta": META}
    return say(text) + STOP + event(figures) + DONE


class Service:
    """A service, and sessions that ask it with one cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: list[Any] = []
        self.asked = 0
        self.listings = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.listings += 1
            return httpx.Response(200, json={"data": [{"id": LIVE}]})
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else whole(f"Reply {self.asked}")
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        more = {"json": content} if isinstance(content, dict) else {"content": content}
        return httpx.Response(status, **more)

    def session(self, **values: Any) -> Session:
        more = {"cache": "on", "base_url": HERE, **values}
        return Session(
            client=Client(httpx.MockTransport(self), sleep=lambda s: None),
            environ={"NEMOTRON_MAGIC_HOME": str(self.folder)},
            keys=KeyStore(NoStore()),
            **more,
        )


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_a_conversation_that_is_had_again_is_not_asked_again(
    service: Service,
) -> None:
    replies = []
    for _ in range(2):
        session = service.session()
        replies.append([session.ask(question) for question in ("a?", "b?", "a?")])

    assert replies[0] == replies[1] == ["Reply 1", "Reply 2", "Reply 3"]
    assert service.asked == 3


def test_a_recalled_reply_says_so_everywhere_and_costs_nothing(
    service: Service,
) -> None:
    new = service.session().ask("a?")
    session = service.session()
    events: list[object] = []
    reply = session.ask("a?", watch=events.append)

    assert [one.text for one in events if isinstance(one, Text)] == ["Reply 1"]
    assert reply.cost_usd == 0
    assert footer(reply).endswith("cached, from disk (10 → 2 tokens when asked) · $0")
    assert notices(reply) == ()
    about = metadata(reply)
    assert about["cached"] == {
        "from": "disk",
        "asked_at": new.metadata.asked_at,
        "usage": new.usage.as_dict(),
    }
    assert new.cost_usd == 0.5
    assert about["request_hash"] == metadata(new)["request_hash"] is not None
    assert metadata(new)["cached"] is None
    (call,) = session.accounting.ledger.all()
    assert (call.is_cached, call.may_cost, call.cost_usd) == (True, False, 0)
    assert (call.ending, call.request_hash) == ("complete", about["request_hash"])
    assert session.accounting.ledger.of_session().billable == 0
    assert session.accounting.ledger.of_session().cached == 1


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0.5},
        {"model": "other"},
        {"base_url": "http://127.0.0.1:2"},
        {"system": "Be brief."},
        {"cache": "off"},
    ],
)
def test_what_is_not_the_same_is_asked(
    service: Service, values: dict[str, Any]
) -> None:
    service.session().ask("a?")
    service.session(**values).ask("a?")

    assert service.asked == 2


def test_how_it_travels_makes_no_difference(service: Service) -> None:
    service.session().ask("a?")
    reply = service.session(stream=False).ask("a?")

    assert (reply, service.asked) == ("Reply 1", 1)


def test_without_the_cache_nothing_is_kept(service: Service, tmp_path: Path) -> None:
    service.session(cache="off").ask("a?")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        say("half"),
        say("half") + event({"error": {"message": "died", "code": 500}}),
        (400, {}),
        DONE,
        say("x")
        + event({"choices": [{"index": 0, "finish_reason": "content_filter"}]}),
    ],
    ids=["cut", "failed", "400", "empty", "filtered"],
)
def test_what_is_not_whole_is_asked_again(service: Service, answer: Any) -> None:
    service.answers = [answer]
    with suppress(NemotronError):
        service.session().ask("a?")
    reply = service.session().ask("a?")

    assert (reply, service.asked) == ("Reply 2", 2)


def test_an_interrupted_reply_is_not_kept(service: Service) -> None:
    def stop(one: object) -> None:
        if isinstance(one, Text):
            raise KeyboardInterrupt

    with pytest.raises(NemotronError):
        service.session().ask("a?", watch=stop)
    service.session().ask("a?")

    assert service.asked == 2


def test_asking_again_asks_and_keeps_the_new_reply(service: Service) -> None:
    session = service.session()
    session.ask("a?")
    anew = session.ask(Regeneration())

    assert (anew, service.asked) == ("Reply 2", 2)
    assert service.session().ask("a?") == "Reply 2"


def test_a_reply_that_was_gone_on_with_is_recalled_in_its_parts(
    service: Service,
) -> None:
    length = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    service.answers = [say("One, ") + length + DONE, whole("two.")]
    for _ in range(2):
        session = service.session()
        session.ask("count")
        assert session.ask(Continuation()) == "One, two."

    assert service.asked == 2
    assert metadata(session.conversation.last)["request_hash"] is None


def test_replay_never_asks(service: Service) -> None:
    service.session().ask("a?")
    session = service.session(cache="replay", base_url=HERE)

    assert session.ask("a?") == session.ask(Regeneration()) == "Reply 1"
    with pytest.raises(InputError) as missed:
        session.ask("b?")
    assert str(missed.value).split("\n") == [
        "there is no cached reply to this question",
        "the cache is set to replay, so nothing is sent",
        "Ask it: %nemotron --cache …   Or all: %config Nemotron.cache = 'on'",
    ]
    assert (service.asked, service.listings) == (1, 0)
    assert [call.is_cached for call in session.accounting.ledger.all()] == [True, True]


def test_replay_needs_no_key(service: Service) -> None:
    service.session(base_url="https://a.example", key=KEY).ask("a?")
    reply = service.session(base_url="https://a.example", cache="replay").ask("a?")

    assert reply == "Reply 1"


def test_a_default_that_was_replaced_is_recalled_without_asking_for_it(
    service: Service,
) -> None:
    service.answers = [GONE]
    first = service.session().ask("a?")
    session = service.session(cache="replay")
    reply = session.ask("a?")

    assert first == reply
    assert (service.asked, service.listings) == (2, 1)
    assert session.accounting.ledger.last()[0].model == DEFAULT_MODEL


def test_a_model_of_ones_own_is_not_answered_for_by_the_default(
    service: Service,
) -> None:
    service.answers = [GONE]
    service.session().ask("a?")
    service.session(model=LIVE).ask("a?")

    assert service.asked == 3


def test_a_limit_is_no_hindrance_to_what_costs_nothing(service: Service) -> None:
    service.session().ask("a?")
    reply = service.session(max_cost_usd=0).ask("a?")

    assert (reply, service.listings) == ("Reply 1", 0)


def test_the_notebooks_own_output_comes_first(service: Service) -> None:
    service.session().ask("a?")
    session = service.session()
    kept = CachedReply(
        "notebook", ("As saved.",), finish_reason="stop", usage=Usage(1, 2)
    )
    session.accounting.saved = lambda request: kept
    reply = session.ask("a?")

    assert reply == "As saved."
    assert "cached, from this notebook's saved outputs" in footer(reply)
    assert "which anyone could have written" in notices(reply)[0]


FORGED = Usage(9_999, 9_999, cost_usd=999.0)


def test_what_a_notebooks_file_tells_of_a_reply_is_not_believed(
    service: Service,
) -> None:
    session = service.session()
    session.accounting.saved = lambda request: CachedReply(
        "notebook", ("As saved.",), model="gpt-9", finish_reason="stop", usage=FORGED
    )
    reply = session.ask("a?")

    (call,) = session.accounting.ledger.last()
    assert (reply.metadata.served_model, call.served_model) == ("", "")
    assert (reply.cost_usd, call.cost_usd, call.may_cost) == (0.0, 0.0, False)
    assert "9,999" not in footer(reply) + " ".join(notices(reply))
    assert session.accounting.ledger.of_today().prompt_tokens == 0
    assert session.accounting.ledger.of_session().billable == 0


def test_what_the_user_has_kept_too_is_the_users_own(service: Service) -> None:
    service.session().ask("a?")
    session = service.session()
    session.accounting.saved = lambda request: CachedReply(
        "notebook", ("Reply 1",), finish_reason="stop", usage=FORGED
    )
    reply = session.ask("a?")

    assert "cached, from disk" in footer(reply)
    assert notices(reply) == ()


def test_what_a_notebook_has_saved_does_not_become_the_users_own(
    service: Service,
) -> None:
    session = service.session()
    session.accounting.saved = lambda request: CachedReply(
        "notebook", ("As saved.",), finish_reason="stop"
    )

    assert [session.ask("a?"), service.session().ask("a?")] == ["As saved.", "Reply 1"]


def test_a_reply_asked_anew_is_newer_than_the_notebooks(service: Service) -> None:
    session = service.session()
    kept = CachedReply("notebook", ("As saved.",), finish_reason="stop")
    session.accounting.saved = lambda request: kept
    replies = [session.ask("a?"), session.ask(Regeneration())]
    session.conversation.reset()

    assert [*replies, session.ask("a?")] == ["As saved.", "Reply 1", "Reply 1"]
    assert service.asked == 1


def test_neither_the_question_nor_the_key_is_kept(
    service: Service, tmp_path: Path
) -> None:
    service.session(base_url="https://a.example", key=KEY).ask("Where is the zebra?")

    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Reply 1" in left
    assert b"zebra" not in left
    assert KEY.encode() not in left


def test_a_cache_that_cannot_be_used_is_told_once(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "replies.sqlite").mkdir()
    session = service.session()
    replies = [session.ask("a?") for _ in range(2)]

    assert "Replies are kept in memory" in notices(replies[0])[0]
    assert notices(replies[1]) == ()
    session.conversation.reset()
    assert session.ask("a?") == "Reply 1"
    session.close()


def test_two_sessions_may_keep_the_same_reply(service: Service, tmp_path: Path) -> None:
    one, two = service.session(), service.session()
    one.ask("a?")
    two.ask("b?")
    two.conversation.reset()
    two.ask("a?")

    assert service.asked == 2
    assert Cache(tmp_path / "replies.sqlite").size()[0] == 2


def test_a_session_that_is_closed_leaves_no_file_of_its_cache_open(
    service: Service, tmp_path: Path
) -> None:
    session = service.session()
    session.ask("a?")
    session.close()

    assert [one.name for one in tmp_path.rglob("*-wal")] == []
    assert len(list(tmp_path.rglob("*.sqlite"))) == 1


def test_a_setting_for_one_call_is_enough(service: Service) -> None:
    session = service.session(cache="off")
    for _ in range(2):
        session.ask("a?", Settings({"cache": "on", "base_url": HERE}))
        session.conversation.reset()

    assert service.asked == 1


# ---- what lost something


LOSSES = {
    "no JSON": say("The mean") + b'data: {"choices": [{"delta": {"cont\n\n',
    "an object": say("The mean")
    + event({"choices": [{"index": 0, "delta": {"content": {"odd": [1]}}}]}),
    "half a line": say("a") + b"data: nonsense\n\n" + say("b"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_reply_that_lost_something_is_asked_anew(service: Service, name: str) -> None:
    service.answers = [LOSSES[name] + STOP + DONE]
    session = service.session()
    first = session.ask("a?")
    again = service.session().ask("a?")

    assert not first.is_whole
    assert first.metadata.ending == "damaged"
    assert notices(first)
    assert (again, service.asked) == ("Reply 2", 2)
    assert service.session().ask("a?").metadata.recalled is not None


@pytest.mark.parametrize("text", ["x\\ty", "x\ty", "x\u2028y", "x\x0by"])
def test_a_control_character_is_no_damage(service: Service, text: str) -> None:
    raw = b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % text.encode()
    service.answers = [raw + STOP + DONE]
    first = service.session().ask("a?")

    assert (first.is_whole, notices(first)) == (True, ())
    assert service.session().ask("a?").metadata.recalled is not None


def test_a_recalled_reply_of_a_rehearsal_costs_nothing(tmp_path: Path) -> None:
    environ = {"NEMOTRON_MAGIC_HOME": str(tmp_path)}
    with rehearsal.serve() as url:
        for _ in range(2):
            session = Session(base_url=str(url), environ=environ, cache="on")
            session.accounting.is_rehearsal = True
            reply = session.ask("a?")
            session.close()

    assert reply.metadata.recalled is not None
    assert footer(reply).endswith(" tokens when asked) · $0")
