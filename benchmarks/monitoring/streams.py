"""Replays of streams: what it costs never to retrain, always, on drift, or by the truth.

    python -m benchmarks.monitoring.streams --data DIRECTORY [--streams elec2 …]

A model learns from the oldest fifth. Then time goes by, look by look: rows are scored by whichever
model serves, their labels become known later, and a policy says whether to retrain, on all that is
known by then. Evidence and decision are the product's, with its defaults; the learner is one quick
LightGBM found by the product's search (`benchmarks.monitoring.learner`), the same for each policy.

- `never`: the first model serves to the end.
- `every`: retrained at every look that is a whole window after the last one.
- `drift`: retrained when the monitor decides so.
- `oracle`: where changes are known, retrained 1,000 rows after each, on the rows since then.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.monitoring.learner import Champion, learn
from benchmarks.monitoring.sources import STREAMS, Stream, read_stream
from benchmarks.monitoring.watch import Watch, losses_of

FIRST_SHARE = 0.2
ORACLE_ROWS = 1_000
MAX_DELAY = 500
"""Rows after a change within which a retrain counts as its detection."""

DEFAULT = (
    "elec2",
    "noaa_weather",
    "bike_sharing",
    "metro_traffic",
    "weather_aus",
    "synthetic_drift",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A moment at which a policy is asked; rows are positions in the stream.

    Attributes
    ----------
    scored
        Due since the last look.
    known
        Rows whose labels are known.
    window
        Of the current window.
    """

    now: pd.Timestamp
    scored: np.ndarray
    known: np.ndarray
    window: np.ndarray


@dataclass(slots=True, kw_only=True, eq=False)
class Replayed:
    """What a policy did and what came of it."""

    policy: str
    prediction: np.ndarray
    retrains: list[tuple[int, str]] = field(default_factory=list)
    learned: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0


class Lessons:
    """Models by what they learned from, so that policies share them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._known: dict[tuple[int, int], Champion] = {}

    def learn(self, rows: np.ndarray) -> Champion:
        """Learn from a contiguous stretch of rows."""
        key = int(rows[0]), int(rows[-1])
        if key not in self._known:
            self._known[key] = learn(self._stream, rows)
        return self._known[key]


def looks_at(stream: Stream) -> Iterator[Look]:
    """Give the moments after the first fifth, the last one included."""
    first = round(FIRST_SHARE * len(stream.y))
    before, now = first, pd.Timestamp(stream.cutoff_time[first])
    last = pd.Timestamp(stream.cutoff_time[-1])
    while before < len(stream.y):
        now = min(now + stream.step, last)
        until = int(np.searchsorted(stream.cutoff_time, now.to_datetime64(), side="right"))
        oldest = int(
            np.searchsorted(stream.cutoff_time, (now - stream.window).to_datetime64(), "right")
        )
        if until > before:
            yield Look(
                now=now,
                scored=np.arange(before, until),
                known=np.flatnonzero(stream.label_time <= now.to_datetime64()),
                window=np.arange(max(oldest, first), until),
            )
        before = until


Policy = Callable[[Watch, Look, np.ndarray], tuple[np.ndarray, str] | None]
"""From a look and all predictions to the rows to learn from, with a reason; None to go on."""


def never(_watch: Watch, _look: Look, _prediction: np.ndarray) -> None:
    """Keep the first model."""


def every(watch: Watch, look: Look, _prediction: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Retrain once a window has gone by."""
    last = watch.retrains[-1] if watch.retrains else None
    start = pd.Timestamp(watch.stream.cutoff_time[round(FIRST_SHARE * len(watch.stream.y))])
    is_due = look.now - (last or start) >= watch.stream.window
    return (look.known, "a window is over") if is_due else None


def on_drift(watch: Watch, look: Look, prediction: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Retrain when the monitor decides so."""
    decision = watch.look(look.now, look.window, prediction)
    return (look.known, decision.reason) if decision.name == "retrain" else None


def oracle(watch: Watch, look: Look, _prediction: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Retrain some rows after each change, on what came since."""
    newest = look.known[-1] + 1 if len(look.known) else 0
    for change in watch.stream.changes:
        is_new = watch.champion.learned_until < watch.stream.cutoff_time[change]
        if (
            is_new
            and newest >= change + ORACLE_ROWS
            and change == max(c for c in watch.stream.changes if c < newest)
        ):
            return np.arange(change, newest), f"the rule changed at row {change:,}"
    return None


POLICIES: dict[str, Policy] = {
    "never": never,
    "every": every,
    "drift": on_drift,
    "oracle": oracle,
}


def replay(stream: Stream, policy: str, lessons: Lessons) -> Replayed:
    """Let time go by under a policy."""
    started = time.process_time()
    first = np.arange(round(FIRST_SHARE * len(stream.y)))
    now = stream.cutoff_time[first[-1] + 1]
    champion = lessons.learn(first[stream.label_time[first] <= now])
    watch = Watch(stream=stream, champion=champion, since=len(first))
    done = Replayed(policy=policy, prediction=np.full(len(stream.y), np.nan))
    done.learned.append(champion.rows)
    for look in looks_at(stream):
        done.prediction[look.scored] = watch.champion.model.predict(stream.X.iloc[look.scored])
        asked = POLICIES[policy](watch, look, done.prediction)
        if asked is not None:
            rows, reason = asked
            watch.promote(lessons.learn(rows), look.now, int(look.scored[-1]) + 1)
            done.retrains.append((int(look.scored[-1]) + 1, reason))
            done.learned.append(watch.champion.rows)
    done.seconds = time.process_time() - started
    return done


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--streams", nargs="+", choices=list(STREAMS), default=list(DEFAULT))
    parser.add_argument(
        "--reasons", action="store_true", help="Say why each retrain was asked for."
    )
    asked = parser.parse_args()
    print("| stream | policy | retrains | mean loss | against every | error | kappa-temporal | s |")
    print("|---" * 8 + "|")
    for name in asked.streams:
        stream = read_stream(name, asked.data)
        lessons = Lessons(stream)
        policies = [p for p in POLICIES if p != "oracle" or stream.changes]
        done = {policy: replay(stream, policy, lessons) for policy in policies}
        for replayed in done.values():
            print(_row(stream, replayed, done["every"]), flush=True)
        if asked.reasons:
            for row, reason in done["drift"].retrains:
                print(f"- {name}, row {row:,}: {reason}")
        for line in _detections(stream, done["drift"]):
            print(f"- {line}", flush=True)


def _row(stream: Stream, done: Replayed, every_window: Replayed) -> str:
    loss, usual = _mean_loss(stream, done), _mean_loss(stream, every_window)
    judged = ~np.isnan(done.prediction)
    errors = kappa = ""
    if stream.task == "binary":
        right = (done.prediction[judged] > 0.5) == (stream.y[judged] == 1)
        same = stream.y[judged] == stream.y[np.flatnonzero(judged) - 1]
        errors = f"{1 - right.mean():.2%}"
        kappa = f"{(right.mean() - same.mean()) / (1 - same.mean()):+.3f}"
    return (
        f"| {stream.name} | {done.policy} | {len(done.retrains)} | {loss:.4g} | "
        f"{loss / usual - 1:+.2%} | {errors} | {kappa} | {done.seconds:.0f} |"
    )


def _mean_loss(stream: Stream, done: Replayed) -> float:
    judged = ~np.isnan(done.prediction)
    return float(losses_of(stream, stream.y[judged], done.prediction[judged]).mean())


def _detections(stream: Stream, done: Replayed) -> Iterator[str]:
    """Tell alarms that found a change from those about a stale model, and from false ones."""
    if not stream.changes:
        return
    rows = [row for row, _ in done.retrains]
    for change, end in zip(stream.changes, (*stream.changes[1:], len(stream.y)), strict=True):
        after = [row - change for row in rows if change < row <= end]
        yield f"change at row {change:,}: retrains after {after or 'none'} rows"
    false = sum(_is_false(stream, row, done.learned[n]) for n, row in enumerate(rows))
    watched = np.isfinite(done.prediction).sum()
    yield f"false alarms: {false}, {1e4 * false / watched:.2f} per 10,000 rows"


def _is_false(stream: Stream, row: int, learned: np.ndarray) -> bool:
    """Whether the model in service had learned from the rule in force and from no other since."""
    changed = max((change for change in stream.changes if change < row), default=0)
    return bool(learned.max() >= changed)


if __name__ == "__main__":
    main()
