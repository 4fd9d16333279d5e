"""The store of answers to rows: each asked by one, kept, and thrown away in time."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nemotron_magic.storage.rows import AnswerRecord, RowState, RowStore, TaskRecord

TASK = TaskRecord("a" * 64, "out", "https://x/v1", "m", "What tone?", "tone", 3)
SENT, ANSWERED = RowState.SENT, RowState.ANSWERED


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def sent(number: int, changed_s: float = 1.0) -> AnswerRecord:
    return AnswerRecord(key(number), changed_s=changed_s, run="r")


def answered(number: int) -> AnswerRecord:
    return replace(
        sent(number), state=ANSWERED, value='{"tone": "good"}', cost_usd=0.25
    )


def opened(path: Path, **more: object) -> RowStore:
    store = RowStore(path / "rows.sqlite", is_default=True, **more)
    store.begin(TASK)
    return store


def test_a_row_that_was_sent_is_known_to_the_next(tmp_path: Path) -> None:
    opened(tmp_path).claim(TASK.hash, [sent(1)])

    found = opened(tmp_path).begin(TASK)

    assert found == {key(1): sent(1)}
    assert stat.S_IMODE(os.stat(tmp_path / "rows.sqlite").st_mode) == 0o600


def test_of_two_only_one_may_ask_a_row(tmp_path: Path) -> None:
    stores, taken = [opened(tmp_path), opened(tmp_path)], []
    begin = threading.Barrier(2)

    def claim(store: RowStore) -> None:
        begin.wait()
        for number in range(200):
            taken.extend(store.claim(TASK.hash, [sent(number)]))

    threads = [threading.Thread(target=claim, args=(one,)) for one in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(one.key for one in taken) == [key(number) for number in range(200)]


@pytest.mark.parametrize(
    ("state", "again", "is_taken"),
    [
        (RowState.SENT, (), False),
        (RowState.ANSWERED, (), False),
        (RowState.INVALID, (), False),
        (RowState.UNKNOWN, (), False),
        (RowState.REFUSED, (), True),
        (RowState.INVALID, (RowState.INVALID,), True),
        (RowState.SENT, (RowState.SENT, RowState.UNKNOWN), True),
        (RowState.ANSWERED, (RowState.SENT, RowState.UNKNOWN), False),
    ],
)
def test_what_has_a_record_is_asked_again_only_if_told_so(
    tmp_path: Path, state: RowState, again: tuple[RowState, ...], is_taken: bool
) -> None:
    store = opened(tmp_path)
    store.put(TASK.hash, [replace(sent(1), state=state)])

    taken = store.claim(TASK.hash, [sent(1, 2.0)], again, before_s=1.5)

    assert bool(taken) == is_taken


def test_what_another_run_has_just_sent_is_not_asked_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.claim(TASK.hash, [sent(1, changed_s=2.0), sent(2, changed_s=2.0)])
    store.put(TASK.hash, [replace(sent(2, changed_s=2.0), state=RowState.REFUSED)])

    again = [sent(1, 3.0), sent(2, 3.0)]
    assert store.claim(TASK.hash, again, [SENT], before_s=1.5) == [again[1]]


def test_tasks_are_told_with_the_states_of_their_rows(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(TASK.hash, [answered(1), answered(2), sent(3)])

    (task,) = store.tasks()

    assert (task.name, task.rows, task.instruction) == ("out", 3, "What tone?")
    assert task.states == {ANSWERED: 2, SENT: 1}
    assert task.cost_usd == 0.5


def test_what_is_forgotten_is_off_the_disk(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(TASK.hash, [replace(answered(1), value='{"tone": "marzipan"}')])

    assert store.forget("other") == 0
    assert store.forget("out") == 1
    store.close()

    assert b"marzipan" not in b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert store.tasks() == []


def test_a_task_that_was_not_used_for_a_month_goes(tmp_path: Path) -> None:
    now_s = [0.0]
    store = opened(tmp_path, now_s=lambda: now_s[0])
    store.put(TASK.hash, [answered(1)])
    now_s[0] = 31 * 86_400.0

    store.begin(replace(TASK, hash="b"))

    assert [one.hash for one in store.tasks()] == ["b"]


def test_the_oldest_task_goes_when_there_is_too_much(tmp_path: Path) -> None:
    now_s = [0.0]
    store = opened(tmp_path, now_s=lambda: now_s[0], most_bytes=300_000)
    for task in "bcd":
        now_s[0] += 1
        store.begin(replace(TASK, hash=task))
        many = [replace(answered(n), note="x" * 100) for n in range(1_000)]
        store.put(task, many)
    store.begin(replace(TASK, hash="d"))

    assert [one.hash for one in store.tasks()] == ["d"]
    assert len(store.find("d")) == 1_000


def test_a_row_takes_little_room(tmp_path: Path) -> None:
    store = opened(tmp_path)
    value = '{"sentiment": "negative", "reason": "' + "late by two weeks " * 3 + '"}'
    served = "nvidia/nemotron-3-nano-30b-a3b"
    store.put(
        TASK.hash,
        (
            replace(
                answered(n * 2**100),
                value=value,
                served_model=served,
                run="nm-12345678",
            )
            for n in range(10_000)
        ),
    )
    store.close()

    assert (tmp_path / "rows.sqlite").stat().st_size / 10_000 <= 250


def test_what_could_not_be_written_is_written_once_it_can_be(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    store = opened(place)
    store.put(TASK.hash, [answered(1)])
    store.close()
    moved = place.rename(tmp_path / "away")
    place.write_text("in the way")
    store.put(TASK.hash, [answered(2)])
    assert store.pop_warning().startswith("Answers are kept in memory: the store")
    place.unlink()
    moved.rename(place)

    found = store.begin(TASK)

    assert sorted(found) == [key(1), key(2)]
    assert sorted(opened(place).find(TASK.hash)) == [key(1), key(2)]
