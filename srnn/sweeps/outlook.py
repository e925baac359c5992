"""What a sweep will take, before it is begun: runs, those that are cached, seconds for the rest.

Seconds are those of :mod:`srnn.estimate`, measured with a few steps of some of the runs that are
missing, on the machine that asks: a cluster of faster or slower ones takes its own time.
"""

from collections import Counter
from dataclasses import dataclass

from srnn import paths
from srnn.runs.results import result_stamp
from srnn.sweeps.local import TOGETHER
from srnn.sweeps.plan import Plan
from srnn.sweeps.work import ROW, row_key

SAMPLED = 8
"""Configurations whose training is timed; the others take the mean."""

START = 3.0
"""Seconds from a local worker's start to its first run."""

AROUND = 0.02
"""Seconds around each training: reading the data, measuring, storing."""


@dataclass(frozen=True)
class Outlook:
    """``runs`` in all (of a map at the most), those ``cached``, and ``seconds`` for the rest."""

    runs: int
    cached: int
    seconds: float


def results_stamp() -> int:
    """Another number when a row has been added to the cache."""
    try:
        return paths.results_folder().stat().st_mtime_ns
    except OSError:
        return 0


def look_ahead(plan: Plan, workers: int, together: int = TOGETHER) -> Outlook:
    """What a sweep with so many workers takes, each of which trains so many seeds of one
    configuration ``together``. Of a map no run is known before its turn, so none counts as cached.

    Raises:
        ConfigError: a point of a random sample is no configuration.
        DataError: the data set cannot be used.
    """
    from srnn.estimate import START_SECONDS, estimate

    runs, workers = plan.total(), max(1, workers)
    if plan.kind == "map":
        groups, left = dict.fromkeys(plan.corners(), plan.each), runs
    else:
        missing = [
            config
            for config in plan.runs()
            if not result_stamp(ROW, row_key(config.run_id, plan.measures))
        ]
        groups, left = Counter(one.replace(seed=0) for one in missing), len(missing)
    if not left:
        return Outlook(runs, runs, 0.0)
    most = min(together, -(-left // workers))
    each = []
    for config in list(groups)[:: -(-len(groups) // SAMPLED)]:
        networks = min(most, groups[config])
        training = estimate(config, networks=networks).seconds - START_SECONDS
        each.append(AROUND + training / networks)
    seconds = left * sum(each) / len(each) / min(workers, left)
    return Outlook(runs, runs - left, START + seconds)
