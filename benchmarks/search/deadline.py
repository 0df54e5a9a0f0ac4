"""How well a search keeps its limit, with learners that are slow, hang, crash and eat memory.

    python -m benchmarks.search.deadline [--runs 30] [--limits 30 60 120] [--quick]

Prints for each run the wall time of the whole call over its limit, what failed, and the worst.
"""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.tables import BINARY, make_table
from models.search import SearchBudget, SearchOptions, search

SIZES = (500, 5_000, 50_000)
MAX_WORKER_BYTES = 1_500_000_000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How one run went."""

    limit: float
    wall: float
    n_done: int
    failures: Counter[str]
    score: float

    @property
    def over(self) -> float:
        """Seconds beyond 1.02 times the limit."""
        return max(0.0, self.wall - 1.02 * self.limit)


def run(limit: float, n_rows: int, seed: int) -> Kept:
    """Search once and time the whole call."""
    data = make_table(n_rows, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        found = search(
            data,
            BINARY,
            budget=SearchBudget(max_seconds=limit),
            seed=seed,
            directory=Path(folder),
            options=SearchOptions(
                families="benchmarks.search.unruly", max_worker_bytes=MAX_WORKER_BYTES
            ),
        )
        wall = time.monotonic() - begun
    failed = Counter(
        (e.error or "").partition(":")[0] for e in found.leaderboard.entries if e.error
    )
    score = BINARY.scoring.score(found.holdout.y, found.holdout.predictions)
    n_done = len(found.leaderboard.done)
    return Kept(limit=limit, wall=wall, n_done=n_done, failures=failed, score=score)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--limits", type=float, nargs="+", default=[30, 60, 120])
    parser.add_argument("--quick", action="store_true", help="three runs of 20 s")
    given = parser.parse_args()
    limits, n_runs = ([20.0], 3) if given.quick else (given.limits, given.runs)
    kept = []
    for number in range(n_runs):
        limit, n_rows = limits[number % len(limits)], SIZES[number // len(limits) % len(SIZES)]
        kept.append(run(limit, n_rows, seed=number))
        last = kept[-1]
        failures = ", ".join(f"{n} {cause}" for cause, n in sorted(last.failures.items()))
        print(
            f"limit {limit:5.0f} s  {n_rows:6,} rows  wall/limit {last.wall / limit:.3f}  "
            f"holdout {last.score:.3f}  {last.n_done} done; {failures}",
            flush=True,
        )
    print(
        f"worst wall/limit {max(one.wall / one.limit for one in kept):.3f}, at most "
        f"{max(one.over for one in kept):.2f} s beyond 1.02 of the limit; "
        f"models better than a coin: {sum(one.score > 0.6 for one in kept)} of {len(kept)}"
    )


if __name__ == "__main__":
    main()
