"""Rows that are sent by the workers of a Dask cluster, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from counting_service import CountingService

from nemotron_magic import InputError, Session
from nemotron_magic.client.client import Client

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.filterwarnings("ignore"),  # theirs, at the end of a worker
]


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> None:
    """Dask keeps threads and sockets as long as a cluster is there."""


@contextmanager
def connected(workers: int) -> Iterator[Any]:
    """Run a cluster of so many workers, of a thread each; yield its client."""
    main = sys.modules["__main__"]
    if not hasattr(main, "__spec__"):  # a shell of another test has put it there
        main.__spec__ = None  # which a new process asks for
    distributed = pytest.importorskip("distributed")  # takes long to import
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=workers, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with connected(2) as client:
        yield client


@pytest.fixture
def session(
    session_at: Callable[..., Session], counting: CountingService, tmp_path: Path
) -> Session:
    environ = {"NEMOTRON_MAGIC_HOME": str(tmp_path), "HOME": str(tmp_path)}
    return session_at(counting.url, Client(), model="m", environ=environ)


def test_rows_are_sent_by_the_workers_and_each_once(
    cluster: Any, session: Session, counting: CountingService
) -> None:
    values = [f"row {n} good" for n in range(120)]
    rows = session.map("Tone?", values, as_="tone: good|bad", engine=cluster)

    assert set(rows.frame.tone) == {"good"}
    assert counting.asked == dict.fromkeys(values, 1)
    assert counting.most_under_way > 4
    assert rows.cost_usd == pytest.approx(counting.spent_usd)
    assert cluster.get_events(f"nemotron-rows-{rows.details['run']}") == ()


def test_a_frame_of_dask_is_computed_once_and_its_pilot_is_of_the_first_partition(
    cluster: Any, session: Session, counting: CountingService, tmp_path: Path
) -> None:
    def read(part: pd.DataFrame) -> pd.DataFrame:
        if len(part):
            (tmp_path / f"{part.review.iloc[0]}-{os.urandom(4).hex()}").touch()
        return part

    import dask.dataframe as dd

    frame = pd.DataFrame({"review": [f"row {n} good" for n in range(40)]})
    frame.index = frame.index[::-1]
    lazy = dd.from_pandas(frame.sort_index(), npartitions=4)
    lazy = lazy.map_partitions(read, meta=frame.head(0))
    pilot = session.map("Tone?", lazy, as_="tone: good|bad", sample=3)
    read_for_pilot = len([*tmp_path.glob("row *")])
    rows = session.map("Tone?", lazy, as_="tone: good|bad", engine=cluster)

    assert "in the first of 4 partitions" in pilot.summary()
    assert (read_for_pilot, len([*tmp_path.glob("row *")])) == (1, 5)
    assert rows.frame.index.tolist() == frame.sort_index().index.tolist()
    assert set(counting.asked.values()) == {1}
    assert len(counting.asked) == 40


def test_a_killed_worker_loses_no_answer_and_what_it_had_is_not_asked_twice(
    session: Session, counting: CountingService
) -> None:
    counting.wait_s = 0.2
    values = [f"row {n} good" for n in range(300)]
    with connected(2) as client:
        victim = next(iter(client.run(os.getpid).values()))
        killed: list[int] = []

        def kill(progress: Any) -> None:
            if progress.done > 100 and not killed:
                killed.append(victim)
                os.kill(victim, signal.SIGKILL)

        rows = session.map(
            "Tone?", values, as_="tone: good|bad", engine=client, watch=kill
        )
        lost = [values[row.index] for row in rows.errors]
        again = session.map(
            "Tone?", values, as_="tone: good|bad", engine=client, again="billed"
        )

    assert 1 <= len(lost) <= 16
    assert all("may have been billed" in row.error for row in rows.errors)
    assert sum(row.value is not None for row in rows) == 300 - len(lost)
    assert {row for row, many in counting.asked.items() if many > 1} <= set(lost)
    assert (again.errors, again.left) == ((), 0)


KEY = "sk-of-the-driver-0123456789"


def test_a_key_goes_to_workers_on_this_machine_and_to_none_in_the_clear(
    cluster: Any, counting: CountingService, tmp_path: Path
) -> None:
    environ = {
        "NEMOTRON_MAGIC_HOME": str(tmp_path),
        "AIMLAPI_API_KEY": KEY,
        "AIMLAPI_API_BASE": counting.url,
    }

    class Far:
        """The cluster, as if its scheduler were on another machine."""

        scheduler = SimpleNamespace(address="tcp://198.51.100.7:8786")

        def __getattr__(self, name: str) -> Any:
            return getattr(cluster, name)

    session = Session(base_url=counting.url, model="m", environ=environ)
    with pytest.raises(InputError, match="the workers have no key") as refused:
        session.map("Tone?", ["a good"], as_="tone: good|bad", engine=Far())
    asked = len(counting.bodies)
    session.map("Tone?", ["a good"], as_="tone: good|bad", engine=cluster)
    session.close()

    assert "AIMLAPI_API_KEY" in refused.value.hint
    assert asked == 0
    assert counting.headers[-1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in str(cluster.get_events())


def test_a_cluster_without_workers_is_told(session: Session) -> None:
    with connected(0) as client, pytest.raises(InputError, match="no workers"):
        session.map("Tone?", ["a good"], as_="tone: good|bad", engine=client)


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        (5, "engine is no distributed.Client, but of type int"),
        ("tcp://127.0.0.1:8786", "engine is no distributed.Client, but of type str"),
        (SimpleNamespace(nthreads=dict, status="closed"), "engine is a closed client"),
        (
            SimpleNamespace(nthreads=dict, status="running", asynchronous=True),
            "engine is an asynchronous client",
        ),
    ],
)
def test_an_engine_that_cannot_send_is_named(
    session: Session, counting: CountingService, engine: Any, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        session.map("Tone?", ["a"], as_="bool", engine=engine)

    assert not counting.asked
