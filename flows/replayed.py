"""What came of a replay: every stage beside the one on record, and how far predictions agree."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape

from flows.jsonable import to_json
from models.leaderboard import TrialRecord

Outcome = Literal["bit-equal", "within tolerance", "differs"]

RTOL, ATOL = 1e-6, 1e-9
"""Predictions that differ by less are within tolerance: other threads add up in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A stage of the replay beside the one on record."""

    stage: str
    same: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes
    ----------
    stages
        In order, as far as it came.
    outcome
        Of the predictions on the sealed rows.
    largest
        Largest difference of a prediction; None where there is none to compare.
    same_code
        Whether the code here is the code that made the version; None where that is not on record.
    """

    version: str
    stages: tuple[Compared, ...]
    outcome: Outcome
    largest: float | None
    n_rows: int
    same_code: bool | None

    @property
    def matches(self) -> bool:
        """Whether predictions are the same but for rounding."""
        return self.outcome != "differs"

    @property
    def first_difference(self) -> str | None:
        """The first stage that came out otherwise."""
        return next((stage.stage for stage in self.stages if not stage.same), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far predictions agree."""

    compared: Compared
    outcome: Outcome
    largest: float | None
    n_rows: int


def compare_names(stage: str, now: str, then: str) -> Compared:
    """Compare two fingerprints."""
    same = now == then
    return Compared(stage=stage, same=same, sentence=now if same else f"{now} instead of {then}")


def compare_leaderboard(then: Iterable[TrialRecord], now: Iterable[TrialRecord]) -> Compared:
    """Compare scores trial by trial; those that failed then have none."""
    again = {record.number: record for record in now}
    done = [trial for trial in then if trial.score is not None and trial.number in again]
    other = [trial for trial in done if again[trial.number].score != trial.score]
    if not other:
        told = f"{len(done)} trials, equal scores"
        return Compared(stage="leaderboard", same=True, sentence=told)
    first = min(other, key=lambda trial: trial.number)
    found = again[first.number]
    rounds = "" if found.n_rounds == first.n_rounds else "; it took other boosting rounds"
    return Compared(
        stage="leaderboard",
        same=False,
        sentence=f"{len(other)} of {len(done)} trials differ; trial {first.number} "
        f"({first.candidate.family}) scores {found.score} instead of {first.score}{rounds}",
    )


def compare_weights(then: Mapping[int, float], now: Mapping[int, float], how: str = "") -> Compared:
    """Compare the members of two ensembles."""
    told = ", ".join(f"{number}: {share:.3g}" for number, share in now.items())
    return Compared(
        stage="ensemble", same=dict(now) == dict(then), sentence=f"weights by trial {told}{how}"
    )


def compare_predictions(
    rows: pd.DataFrame, predictions: pd.DataFrame, then: pd.DataFrame
) -> Agreement:
    """Compare predictions of the sealed rows with those on record.

    Parameters
    ----------
    rows
        Key, `cutoff_time` and label of the sealed rows.
    then
        The recorded rows, with their predictions.
    """
    keys = [rows.columns[0], "cutoff_time"]
    aligned = len(rows) == len(then) and rows[keys].equals(then[keys].astype(rows[keys].dtypes))
    if not aligned or not set(predictions) <= set(then):
        told = f"the {len(rows):,} sealed rows are not the {len(then):,} of then"
        compared = Compared(stage="predictions", same=False, sentence=told)
        return Agreement(compared=compared, outcome="differs", largest=None, n_rows=len(then))
    now, before = predictions.to_numpy(float), then[list(predictions)].to_numpy(float)
    largest = float(np.abs(now - before).max(initial=0.0))
    outcome: Outcome = "differs"
    if np.array_equal(now, before):
        outcome = "bit-equal"
    elif np.allclose(now, before, rtol=RTOL, atol=ATOL):
        outcome = "within tolerance"
    told = f"{outcome} on {len(then):,} sealed rows, largest difference {largest:.3g}"
    compared = Compared(stage="predictions", same=outcome == "bit-equal", sentence=told)
    return Agreement(compared=compared, outcome=outcome, largest=largest, n_rows=len(then))


def print_replay(done: Replayed, console: Console, *, as_json: bool) -> None:
    """Print what came of a replay."""
    if as_json:
        content = asdict(done) | {"first_difference": done.first_difference}
        console.print(to_json(content), soft_wrap=True, end="")
        return
    for stage in done.stages:
        mark = "[green]=[/]" if stage.same else "[bold red]≠[/]"
        console.print(f"  {mark} {stage.stage:<12}{escape(stage.sentence)}")
    if done.same_code is not True:
        told = "is not on record" if done.same_code is None else "was another"
        console.print(f"  The code that made version {done.version} {told}.")
    verdict = "matches" if done.matches else "does not match"
    first = done.first_difference
    console.print(
        f"\nVersion {done.version} {verdict}: predictions of {done.n_rows:,} sealed rows are "
        f"{done.outcome}{f'; the first stage that differs: {first}' if first else ''}."
    )
