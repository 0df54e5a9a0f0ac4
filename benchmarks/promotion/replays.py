"""Whether versions come out the same when they are trained again.

    python -m benchmarks.promotion.replays --folder FOLDER --projects 5 --repeats 2

Each project is trained at two moments, the second time warm from the first; searches of every other
project end by the clock. Then each version is replayed. Started again, it goes on.
"""

import argparse
import json
import time
from pathlib import Path

import pandas as pd

from benchmarks.promotion.shops import FIRST, make_shop, open_shop
from flows.narration import Silent
from flows.replay import replay_version
from flows.retrain import retrain_project
from flows.workspace import Workspace

MOMENTS = (FIRST, FIRST + pd.Timedelta(days=28))


def main() -> None:
    """Train, replay, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--projects", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    outcomes: dict[str, int] = {}
    for seed in range(asked.projects):
        by_clock = bool(seed % 2)
        workspace = _trained(asked.folder / f"shop_{seed}", seed=seed, by_clock=by_clock)
        for version in ("1", "2"):
            for _ in range(asked.repeats):
                told = _replayed(workspace, version, by_clock=by_clock)
                outcomes[told] = outcomes.get(told, 0) + 1
        workspace.ledger.close()
    print(json.dumps({"replays": sum(outcomes.values()), "outcomes": outcomes}))


def _trained(folder: Path, *, seed: int, by_clock: bool) -> Workspace:
    if not folder.exists():
        make_shop(folder, seed=seed, by_clock=by_clock)
    workspace = open_shop(folder)
    for moment in MOMENTS[len(workspace.ledger.promotions("shop")) :]:
        start = time.monotonic()
        outcome = retrain_project(workspace, Silent(), now=moment)
        told = f"{outcome['search']['n_trials']} trials, {outcome['search']['n_failed']} failed"
        print(f"{folder.name} trained: {told}, {time.monotonic() - start:.0f} s", flush=True)
    return workspace


def _replayed(workspace: Workspace, version: str, *, by_clock: bool) -> str:
    start = time.monotonic()
    done = replay_version(workspace, Silent(), version=version)
    ended = "clock" if by_clock else "trials"
    print(
        f"{workspace.folder.name} version {version} (search ended by {ended}): {done.outcome}, "
        f"largest {done.largest}, first difference {done.first_difference}, "
        f"{time.monotonic() - start:.0f} s",
        flush=True,
    )
    for stage in done.stages:
        if not stage.same:
            print(f"    {stage.stage}: {stage.sentence}", flush=True)
    return done.outcome


if __name__ == "__main__":
    main()
