"""What the search's own machinery costs beside trials of a second each.

    python -m benchmarks.search.overhead [--trials 60] [--quick]

Trials sleep for most of their second, so what is left of the wall time is bookkeeping: proposals,
the ledger, ensembles, rehearsals. Start-up and the last steps are told apart.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.search.tables import BINARY, make_table
from models.progress import SearchEvent
from models.search import SearchBudget, SearchOptions, search


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--quick", action="store_true", help="ten trials")
    given = parser.parse_args()
    n_trials = 10 if given.quick else given.trials
    events: list[SearchEvent] = []
    with tempfile.TemporaryDirectory() as folder:
        result = search(
            make_table(given.rows),
            BINARY,
            budget=SearchBudget(max_seconds=3600.0, max_trials=n_trials),
            seed=0,
            directory=Path(folder),
            on_event=events.append,
            options=SearchOptions(families="benchmarks.search.one_second", n_jobs=1),
        )
    trials = [event for event in events if event.phase == "trial"][1:]
    measured = {e.number: e.seconds for e in result.leaderboard.entries}
    # Between the first report and the last one worker was to be busy all the time; the report
    # of a trial comes once the next one has been started.
    wall = trials[-1].elapsed - trials[0].elapsed
    fits = sum(measured[e.trial.number] for e in trials[1:] if e.trial is not None)
    print(
        f"{n_trials} trials of {fits / (n_trials - 1):.2f} s: {wall:.2f} s of wall time, "
        f"{fits:.2f} s in trials; bookkeeping {max(0.0, wall - fits) / wall:.1%} "
        f"({1000 * max(0.0, wall - fits) / (n_trials - 1):.0f} ms a trial)\n"
        f"before the first trial ended {trials[0].elapsed - measured[1]:.2f} s, "
        f"after the last {result.seconds - trials[-1].elapsed:.2f} s"
    )


if __name__ == "__main__":
    main()
