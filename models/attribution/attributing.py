"""Shapley values of an ensemble: those of its members, weighted, on the scale of its answer.

| symbol | meaning |
|---|---|
| mᵢ, bᵢ | member i's log odds (value), and what is expected of it without any column |
| φᵢⱼ | what column j adds to it: mᵢ = bᵢ + Σⱼ φᵢⱼ |
| s | from a member's log odds to the scale of the mean (a probability, bounded log odds) |
| g | from that mean to the log odds that are told, calibration included |

Boosted trees give φᵢⱼ exactly (`trees`); what all other members add to the mean is sampled as one
(`sampling`). Where s and g are no lines their slope between what is expected and what is predicted
stands for them (the "rescale" rule), so the contributions of a row always add up to its log odds
(value) exactly. For several classes the log odds of each row's likeliest class are explained, and
all of it is sampled.

References
----------
Shrikumar et al.: Learning important features through propagating activation differences (ICML
2017), for the rescale rule. Lundberg and Lee (NeurIPS 2017), for Shapley values of models.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from models.attribution.sampling import Answer, sample_contributions
from models.attribution.trees import columns_behind, contributions, has_contributions
from models.serving import EnsembleModel, FittedMember, conform
from models.serving.calibration import log_odds
from models.serving.pooling import to_scale

Scale = Literal["log_odds", "value"]
Function = Callable[[np.ndarray], np.ndarray]

MIN_ROWS = 20
TRIED_ROWS = 4
TRIED_CALL_ROWS = 1_000
LEAST_PAIRS = 3
"""Of orders that every row is to go through, where it may be explained beside many."""

_STEP = 1e-6
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribution:
    """What each column adds to the answers for some rows.

    Attributes
    ----------
    values
        Of shape `(n_rows, n_columns)`; with `base` they add up to `answers`.
    scale
        `log_odds` of the second (of several: the likeliest) class, or a regression's `value`.
    exact
        Share of the ensemble's weight whose contributions are exact and not sampled.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    base: np.ndarray
    answers: np.ndarray
    scale: Scale
    exact: float

    @property
    def strength(self) -> np.ndarray:
        """Give the mean size of each column's contributions, `(n_columns,)`."""
        return np.asarray(np.abs(self.values).mean(axis=0))


def attribute(
    model: EnsembleModel,
    X: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seed: int = 0,
    max_seconds: float = 5.0,
) -> Attribution:
    """Say what each column adds to the answers for rows.

    Parameters
    ----------
    X
        The first rows are explained: as many as there is time for, at least 20 or all.
    background
        Rows such as any: what is expected without a column is expected over them.
    """
    deadline = time.monotonic() + max_seconds
    rows, others = conform(X, model.columns), conform(background, model.columns)
    if model.problem.task == "multiclass":
        return _of_classes(model, rows, others, seed=seed, max_seconds=max_seconds)
    exact = [n for n, member in enumerate(model.members) if _adds_up(model, member, rows)]
    sampled = [number for number in range(len(model.members)) if number not in exact]
    share = 1.0 if not sampled else 0.5 if exact else 0.0
    n_rows = _affordable(model, exact, rows, share * max_seconds)
    if sampled:
        n_rows = min(n_rows, _affordable_to_sample(model, rows, (1 - share) * max_seconds))
    rows = rows.iloc[:n_rows]
    values, base = np.zeros((len(rows), len(model.columns))), 0.0
    places = {name: place for place, name in enumerate(model.columns)}
    for number in exact:
        found, start = _of_trees(model, model.members[number], rows, places)
        values += model.weights[number] * found
        base += model.weights[number] * start
    if sampled:
        left = max(deadline - time.monotonic(), 0.0)
        found, start = _of_others(model, sampled, rows, others, seed=seed, max_seconds=left)
        values += found
        base += start
    return _told(model, values, base, exact=sum(model.weights[number] for number in exact))


def _told(model: EnsembleModel, values: np.ndarray, base: float, *, exact: float) -> Attribution:
    """Bring contributions to the mean of the members to the scale of the answer."""
    start = np.full(len(values), base)
    answer = _answer_of(model)
    slopes = _slope(answer, start, base + values.sum(axis=1))
    return Attribution(
        columns=tuple(model.columns),
        values=values * slopes[:, None],
        base=answer(start),
        answers=answer(base + values.sum(axis=1)),
        scale="value" if model.problem.task == "regression" else "log_odds",
        exact=exact,
    )


def _answer_of(model: EnsembleModel) -> Function:
    """Give g: from the mean of the members to what is told."""

    def answer(mean: np.ndarray) -> np.ndarray:
        calibration, odds = model.calibration, mean
        if model.problem.task != "regression" and model.pooling == "mean":
            odds = log_odds(mean)
        if calibration is None:
            return odds
        return np.asarray(calibration.slope * odds + calibration.intercept)

    return answer


def _of_trees(
    model: EnsembleModel, member: FittedMember, rows: pd.DataFrame, places: dict[str, int]
) -> tuple[np.ndarray, float]:
    """Give contributions to the mean by given column, and what is expected of the member."""
    given = contributions(member, member.encode(rows))
    margins, starts = given.sum(axis=1), given[:, -1]
    scaled = _scaled(model)
    slopes = _slope(scaled, starts, margins)
    behind = columns_behind(member) or []
    made = {formula.name: (formula.left, formula.right) for formula in member.formulas}
    found = np.zeros((len(rows), len(places)))
    for place, name in enumerate(behind):
        sources = made.get(name, (name,))
        for source in sources:
            found[:, places[source]] += slopes * given[:, place] / len(sources)
    return found, float(scaled(starts[:1])[0])


def _scaled(model: EnsembleModel) -> Function:
    """Give s: from a member's log odds or values to the scale of the mean."""
    if model.problem.task == "regression":
        return lambda margins: margins
    return lambda margins: to_scale(_chances(margins), model.pooling)


def _slope(function: Function, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Give the slope between two points, and the derivative where they are one."""
    near = np.abs(end - start) < _STEP
    low, high = np.where(near, start - _STEP, start), np.where(near, start + _STEP, end)
    return np.asarray((function(high) - function(low)) / (high - low))


def _adds_up(model: EnsembleModel, member: FittedMember, rows: pd.DataFrame) -> bool:
    """Say whether a member's own contributions add up to what it predicts."""
    if not has_contributions(member):
        return False
    encoded = member.encode(rows.iloc[:TRIED_ROWS])
    margins = contributions(member, encoded).sum(axis=1)
    given = margins if model.problem.task == "regression" else _chances(margins)
    size = 1.0 + np.abs(margins)
    return bool((np.abs(given - member.predict_encoded(encoded)) < _TOLERANCE * size).all())


def _affordable(
    model: EnsembleModel, exact: Sequence[int], rows: pd.DataFrame, max_seconds: float
) -> int:
    """Say how many rows the trees can be asked for, from what a few cost."""
    few = rows.iloc[:TRIED_ROWS]
    if not exact or len(rows) <= MIN_ROWS:
        return len(rows)
    started = time.monotonic()
    for number in exact:
        member = model.members[number]
        contributions(member, member.encode(few))
    each = (time.monotonic() - started) / len(few)
    return min(len(rows), max(MIN_ROWS, int(max_seconds / each)))


def _affordable_to_sample(model: EnsembleModel, rows: pd.DataFrame, max_seconds: float) -> int:
    """Say how many rows can be sampled `LEAST_PAIRS` times, from what predicting a few costs."""
    if len(rows) <= MIN_ROWS:
        return len(rows)
    few = rows.iloc[np.resize(np.arange(len(rows)), TRIED_CALL_ROWS)]
    started = time.monotonic()
    model.predict(few)
    each = (time.monotonic() - started) / len(few)
    per_row = 2 * LEAST_PAIRS * (len(model.used_columns) + 1) * each
    return min(len(rows), max(MIN_ROWS, int(max_seconds / per_row)))


def _of_others(
    model: EnsembleModel,
    numbers: Sequence[int],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seed: int,
    max_seconds: float,
) -> tuple[np.ndarray, float]:
    """Sample what some members together add to the mean."""
    weight = sum(model.weights[number] for number in numbers)
    part = replace(
        model,
        members=tuple(model.members[number] for number in numbers),
        weights=tuple(model.weights[number] / weight for number in numbers),
        calibration=None,
    )

    def answer(mixed: pd.DataFrame, _: np.ndarray) -> np.ndarray:
        told = part.predict(mixed)
        return weight * (log_odds(told) if model.pooling == "log_odds" else told)

    return _sampled(part, rows, background, answer, seed=seed, max_seconds=max_seconds)


def _of_classes(
    model: EnsembleModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seed: int,
    max_seconds: float,
) -> Attribution:
    rows = rows.iloc[: _affordable_to_sample(model, rows, max_seconds)]
    likeliest = model.call(model.predict(rows))

    def answer(mixed: pd.DataFrame, row: np.ndarray) -> np.ndarray:
        chances = model.predict(mixed)
        return log_odds(chances[np.arange(len(chances)), likeliest[row]])

    values, _ = _sampled(model, rows, background, answer, seed=seed, max_seconds=max_seconds)
    answers = answer(rows, np.arange(len(rows)))
    return Attribution(
        columns=tuple(model.columns),
        values=values,
        base=answers - values.sum(axis=1),
        answers=answers,
        scale="log_odds",
        exact=0.0,
    )


def _sampled(
    model: EnsembleModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    answer: Answer,
    *,
    seed: int,
    max_seconds: float,
) -> tuple[np.ndarray, float]:
    used = [name for name in model.columns if name in model.used_columns]
    found, start = sample_contributions(
        answer,
        rows,
        background,
        used,
        rng=np.random.default_rng(seed),
        max_seconds=max_seconds,
    )
    values = np.zeros((len(rows), len(model.columns)))
    names = list(model.columns)
    values[:, [names.index(name) for name in used]] = found
    return values, start


def _chances(margins: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-margins)))
