"""Warm starts after a drift: 99 % of the cold search's score is to be had in 30 % of its time.

    python -m benchmarks.monitoring.warm --data DIRECTORY [--trials 14] [--seconds 60] [--streams …]

A first search learns from the older half of a stream. Then time goes by: four fifths of the rows
are there, and two searches start on them, one after the other in either order: a cold one, and one
that begins with the first one's members and has a share of the budget. Both are judged on the
newest rows, which neither saw. The budget is a number of trials, and CPU seconds are what they
took, so that other work on the machine changes nothing; with `--seconds` it is wall time.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.monitoring.sources import STREAMS, Stream, read_stream
from flows.warmth import MAX_CANDIDATES
from models.candidate import Candidate
from models.leaderboard import members_first
from models.recency import EVERYTHING, history_of
from models.search import SearchBudget, SearchResult, search

BEFORE, AFTER = 0.5, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One search: its score on the sealed rows, and what it took."""

    score: float
    seconds: float
    cpu: float
    result: SearchResult


def run(
    stream: Stream, until: float, budget: SearchBudget, warm: Sequence[Candidate] = ()
) -> Searched:
    """Search on the first rows of a stream."""
    data = stream.rows(np.arange(round(until * len(stream.y))))
    started, cpu = time.monotonic(), _cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        result = search(
            data,
            stream.problem,
            budget=budget,
            seed=0,
            directory=Path(folder),
            warm=warm,
        )
    taken = time.monotonic() - started
    sealed = result.holdout
    score = stream.problem.scoring.score(sealed.y, sealed.predictions)
    return Searched(score=score, seconds=taken, cpu=_cpu_seconds() - cpu, result=result)


def _cpu_seconds() -> float:
    """Give what this process and its ended workers have taken."""
    own, workers = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime


def candidates_of(result: SearchResult) -> tuple[Candidate, ...]:
    """Give what the next search begins with, as a retrain writes it down."""
    best = members_first(result.leaderboard, result.weights)
    return tuple(record.candidate for record in best[:MAX_CANDIDATES])


def compare(stream: Stream, budget: SearchBudget, share: float, *, warm_first: bool) -> str:
    """Search cold and warm, and give a row of the table."""
    warm = candidates_of(run(stream, BEFORE, budget).result)
    n_trials = budget.max_trials and int(share * budget.max_trials)
    seconds = budget.max_seconds if n_trials else share * budget.max_seconds
    little = SearchBudget(max_seconds=seconds, max_trials=n_trials)
    if warm_first:
        second = run(stream, AFTER, little, warm)
        first = run(stream, AFTER, budget)
    else:
        first = run(stream, AFTER, budget)
        second = run(stream, AFTER, little, warm)
    up = stream.problem.scoring.greater_is_better
    kept = second.score / first.score if up else first.score / second.score
    members = [
        entry
        for entry in second.result.leaderboard.done
        if second.result.weights.get(entry.number, 0) > 0
    ]
    origins = ", ".join(sorted({entry.origin for entry in members}))
    less = sum(history_of(entry.candidate) != EVERYTHING for entry in members)
    return (
        f"| {stream.name} | {stream.problem.metric} | {first.score:.4f} | {second.score:.4f} | "
        f"{kept:.1%} | {first.cpu:.1f} | {second.cpu:.1f} | {second.cpu / first.cpu:.0%} | "
        f"{second.seconds / first.seconds:.0%} | {len(first.result.leaderboard.entries)} | "
        f"{len(second.result.leaderboard.entries)} | {origins} | {less} of {len(members)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=14)
    parser.add_argument("--share", type=float, default=0.3, help="Of it that the warm one has.")
    parser.add_argument("--seconds", type=float, help="Of the cold search, in place of trials.")
    parser.add_argument("--streams", nargs="+", choices=list(STREAMS), default=list(STREAMS))
    asked = parser.parse_args()
    budget = SearchBudget(max_seconds=3_600.0, max_trials=asked.trials)
    if asked.seconds is not None:
        budget = SearchBudget(max_seconds=asked.seconds)
    print(
        "| stream | metric | cold | warm | share of score | cold CPU s | warm CPU s | share of CPU "
        "| share of time | cold trials | warm trials | members from | with less history |"
    )
    print("|---" * 13 + "|")
    for number, name in enumerate(asked.streams):
        stream = read_stream(name, asked.data)
        row = compare(stream, budget, asked.share, warm_first=number % 2 == 1)
        print(row, flush=True)


if __name__ == "__main__":
    main()
