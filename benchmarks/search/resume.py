"""What kills cost a search: SIGKILL at random moments until it is through, again and again.

    python -m benchmarks.search.resume [--kills 100] [--quick]

Every search is killed and begun again until it has ended by itself; then its leaderboard is
compared with that of a search nobody disturbed, and finished trials that were computed again are
counted (their files of out-of-fold predictions would be newer).
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.search.tables import BINARY, make_table
from models.search import SearchBudget, SearchOptions, SearchResult, search

N_TRIALS = 12
LONGEST_SHARE = 0.5
"""A life is no longer than this share of what the whole search takes on this machine, the start of
its process included: on busy cores that is most of it, and a trial that is begun ten times and
never ended counts as failed."""


def run(directory: Path, seed: int) -> SearchResult:
    """Search with a budget of trials, each some two seconds."""
    return search(
        make_table(400, seed=seed),
        BINARY,
        budget=SearchBudget(max_seconds=900.0, max_trials=N_TRIALS),
        seed=seed,
        directory=directory,
        options=SearchOptions(families="benchmarks.search.one_second"),
    )


def essence(result: SearchResult) -> list[tuple[Any, ...]]:
    """Give what must be the same whatever happened meanwhile."""
    return [(e.number, e.candidate, e.score, e.fold_scores) for e in result.leaderboard.entries]


def begin(directory: Path, seed: int) -> "subprocess.Popen[bytes]":
    """Start a search, or go on with it, in a process of its own."""
    call = "from benchmarks.search.resume import run; from pathlib import Path; import sys; "
    call += "run(Path(sys.argv[1]), int(sys.argv[2]))"
    return subprocess.Popen([sys.executable, "-c", call, str(directory), str(seed)])


def disturb(
    directory: Path, seed: int, lot: random.Random, *, longest_life: float
) -> tuple[int, int]:
    """Kill a search until it is through; count kills, and finished trials computed again."""
    n_kills = n_again = 0
    while True:
        before = _finished(directory)
        process = begin(directory, seed)
        try:
            process.wait(timeout=lot.uniform(0.5, longest_life))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            n_kills += 1
        after = _finished(directory)
        n_again += sum(after.get(name) != changed for name, changed in before.items())
        if process.returncode == 0:
            return n_kills, n_again


def _finished(directory: Path) -> dict[str, float]:
    """Give when the predictions of trials that the ledger calls done were written."""
    import sqlite3
    from contextlib import closing

    path = directory / "trials.sqlite"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            rows = connection.execute(
                "SELECT number FROM search_trials WHERE state = 'done'"
            ).fetchall()
        except sqlite3.OperationalError:  # killed before its tables were made
            return {}
    files = [directory / "oof" / f"{number:04d}.npy" for (number,) in rows]
    return {file.name: file.stat().st_mtime for file in files}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="five kills")
    given = parser.parse_args()
    lot, wanted = random.Random(0), 5 if given.quick else given.kills
    kills = again = same = seed = 0
    begun = time.monotonic()
    while kills < wanted:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            begin(Path(folder) / "undisturbed", seed).wait()
            longest = LONGEST_SHARE * (time.monotonic() - start)
            undisturbed = run(Path(folder) / "undisturbed", seed)
            killed, repeated = disturb(Path(folder) / "killed", seed, lot, longest_life=longest)
            equal = essence(run(Path(folder) / "killed", seed)) == essence(undisturbed)
        kills, again, same, seed = kills + killed, again + repeated, same + equal, seed + 1
        print(
            f"search {seed}: {killed} kills, {repeated} finished trials computed again, "
            f"leaderboard {'equal' if equal else 'DIFFERENT'}",
            flush=True,
        )
    print(
        f"{kills} kills of {seed} searches in {time.monotonic() - begun:,.0f} s: {again} finished "
        f"trials computed again; {same} of {seed} leaderboards equal the undisturbed one"
    )


if __name__ == "__main__":
    main()
