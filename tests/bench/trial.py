"""What a trial costs beside the code's own time, against a bare fork of the kernel.

    python tests/bench/trial.py [GB ...]

With so many GB in the kernel; 0 and 3 are what the README's figures were taken with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "support"))

from shells import Kernel

MEASURE = """
import json, os, statistics, time, warnings
import numpy as np, pandas as pd
from nemotron_magic.code.trial import Trials, finished
warnings.simplefilter("ignore")
held = np.ones({words}, dtype="f8")
df = pd.DataFrame({{"region": list("NSNS") * 250, "sales": np.arange(1000.0)}})
trials = Trials(get_ipython())
def bare():
    begun_s = time.perf_counter()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return time.perf_counter() - begun_s
def tried():
    begun_s = time.perf_counter()
    [verdict] = finished(trials.run(["df.groupby('region').sales.sum()"]))
    assert verdict.kind == "runs", verdict
    return time.perf_counter() - begun_s - verdict.elapsed_s
[bare() for _ in range(3)], [tried() for _ in range(3)]
forks, trials_s = [], []
for _ in range({rounds}):  # in turn: the machine is not always as fast
    forks.append(bare())
    trials_s.append(tried())
quantiles = statistics.quantiles(trials_s, n=20)
middle = map(statistics.median, (forks, trials_s))
print(json.dumps([*middle, quantiles[18]]))
"""


def measured(gigabytes: float, rounds: int = 40) -> dict[str, float]:
    """Return what a bare fork and a trial take, in seconds.

    Returns
    -------
    dict
        ``fork_s``, ``median_s`` and ``p95_s``.
    """
    with TemporaryDirectory() as place:
        kernel = Kernel(Path(place))
        try:
            words = int(gigabytes * (1 << 30) / 8)
            outcome = kernel.run(
                MEASURE.format(words=words, rounds=rounds), limit_s=300
            )
            assert outcome.status == "ok", outcome.error
            values: list[Any] = json.loads(outcome.text)
        finally:
            kernel.close()
    return dict(zip(("fork_s", "median_s", "p95_s"), values, strict=True))


if __name__ == "__main__":
    for size in map(float, sys.argv[1:] or ["0", "3"]):
        found = measured(size)
        words = ", ".join(f"{k} {v * 1000:.1f} ms" for k, v in found.items())
        print(f"{size:.0f} GB in the kernel: {words}".replace("_s ", " "))
