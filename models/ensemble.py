"""Ensembles: greedy selection with replacement on out-of-fold predictions.

References
----------
Caruana, Niculescu-Mizil, Crew, Ksikes: Ensemble Selection from Libraries of Models (ICML 2004),
section 2.1 (selection with replacement) and 2.2 (start from the best).

Notation: m candidates, n out-of-fold rows, k classes; predictions are `(m, n)` or `(m, n, k)`;
blocks are the validation blocks of the folds, as slices of the n rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.metrics import Metric
from models.serving import EnsembleModel
from models.serving.pooling import Pooling, from_scale, to_scale

MAX_ROUNDS = 25
MAX_MEMBERS = 6
MAX_CANDIDATES = 15
"""Only the best so many are considered; the others hardly ever enter and cost time."""

FEW_ROUNDS, FEW_CANDIDATES = 10, 8
"""For a metric of others, which may take a millisecond however few the rows."""

MAX_ROWS = 12_000
"""Selection looks at evenly spaced rows beyond this; the result is checked on all of them."""


class Cut(NamedTuple):
    """One block apart from the others: positions, and the others as rows of their own."""

    learned: np.ndarray
    rest: "OutOfFold"
    judged: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """Labels of the rows in all validation blocks, their weights, and where each block lies.

    Attributes
    ----------
    y
        Shape `(n,)`.
    sizes
        Rows per block, in order.
    weight
        Shape `(n,)`; None when all rows count the same.
    bagged
        Whether new rows are answered by the mean of the fold models, of which one answered here.
    """

    y: np.ndarray
    sizes: tuple[int, ...]
    weight: np.ndarray | None = None
    bagged: bool = True

    def score(self, metric: Metric, prediction: np.ndarray, step: int = 1) -> float:
        """Score block by block and average, as a trial's score is made."""
        return float(np.mean(self.scores(metric, prediction, step)))

    def scores(self, metric: Metric, prediction: np.ndarray, step: int = 1) -> tuple[float, ...]:
        """Score each block, on every row or every `step`-th."""
        stops = np.cumsum(self.sizes)
        blocks = [
            slice(start, stop, step) for start, stop in zip(stops - self.sizes, stops, strict=True)
        ]
        weight = self.weight
        return tuple(
            metric.score(
                self.y[block], prediction[block], None if weight is None else weight[block]
            )
            for block in blocks
        )

    def cuts(self) -> Iterator[Cut]:
        """Set each block apart in turn; every other row where there is only one block."""
        every = np.arange(len(self.y))
        blocks = np.split(every, np.cumsum(self.sizes)[:-1])
        if len(blocks) == 1:
            blocks = [every[::2], every[1::2]]
        for number, judged in enumerate(blocks):
            others = [block for other, block in enumerate(blocks) if other != number]
            learned = np.concatenate(others)
            rest = OutOfFold(
                y=self.y[learned],
                sizes=tuple(map(len, others)),
                weight=None if self.weight is None else self.weight[learned],
                bagged=self.bagged,
            )
            yield Cut(learned=learned, rest=rest, judged=judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """An ensemble of trials.

    Attributes
    ----------
    weights
        By trial number, largest first; they add up to one.
    score
        Of the weighted mean, in the metric's own sign.
    """

    weights: Mapping[int, float]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large an ensemble may get.

    Attributes
    ----------
    max_candidates
        Only the best so many are considered.
    costs
        Seconds of the final fit by trial number.
    max_cost
        What the chosen ones may cost together; the best trial may enter whatever it costs.
    latencies
        Milliseconds per row by trial number.
    max_latency
        What the chosen ones may take together. When no trial alone is as fast, the fastest is
        chosen.
    max_rows
        Choosing looks at evenly spaced rows beyond this.
    """

    max_rounds: int = MAX_ROUNDS
    max_members: int = MAX_MEMBERS
    max_candidates: int = MAX_CANDIDATES
    costs: Mapping[int, float] | None = None
    max_cost: float = float("inf")
    latencies: Mapping[int, float] | None = None
    max_latency: float = float("inf")
    max_rows: int = MAX_ROWS

    def fast_enough(self, numbers: Iterable[int]) -> list[int]:
        """Give the trials that may be chosen at all; the fastest one at the least."""
        known, given = list(numbers), self.latencies or {}
        fast = [number for number in known if given.get(number, 0.0) <= self.max_latency]
        return fast or [min(known, key=lambda number: (given[number], number))]

    def admits(self, number: int, chosen: Sequence[int]) -> bool:
        """Say whether a trial may join the chosen ones."""
        distinct = set(chosen)
        if number in distinct:
            return True
        joined = distinct | {number}
        return (
            len(distinct) < self.max_members
            and _total(self.costs, joined) <= self.max_cost
            and _total(self.latencies, joined) <= self.max_latency
        )


def select(
    predictions: Mapping[int, np.ndarray],
    rows: OutOfFold,
    metric: Metric,
    limits: Limits | None = None,
) -> Selection:
    """Choose weights so that the weighted mean scores best on the out-of-fold rows.

    Never worse on these rows than the best candidate alone: when the mean is, that one is given.

    Parameters
    ----------
    predictions
        By trial number; all on the same rows, at least one.

    Examples
    --------
    >>> from models.metrics import METRICS
    >>> rows = OutOfFold(y=np.array([0, 0, 1, 1]), sizes=(4,))
    >>> good, bad = np.array([0.1, 0.4, 0.3, 0.9]), np.array([0.9, 0.1, 0.8, 0.2])
    >>> select({1: good, 2: bad}, rows, METRICS["roc_auc"]).score
    1.0
    """
    limits = limits or Limits()
    scores = {
        number: rows.score(metric, predictions[number])
        for number in limits.fast_enough(predictions)
    }
    ranked = sorted(scores, key=lambda number: (-metric.gain(scores[number]), number))
    best = ranked[0]
    chosen = _greedy(ranked[: limits.max_candidates], predictions, (rows, metric), limits)
    weights = {number: chosen.count(number) / len(chosen) for number in set(chosen)}
    score = rows.score(metric, mix(predictions, weights))
    if not metric.is_better(score, scores[best]):
        return Selection(weights={best: 1.0}, score=scores[best])
    return Selection(weights=dict(sorted(weights.items(), key=_heaviest)), score=score)


def mix(
    predictions: Mapping[int, np.ndarray],
    weights: Mapping[int, float],
    pooling: Pooling = "mean",
    matrices: Mapping[int, np.ndarray] | None = None,
) -> np.ndarray:
    """Give the weighted mean of predictions, on the scale of `pooling`."""
    turned = matrices or {}
    parts = (
        weight * to_scale(predictions[number], pooling, turned.get(number))
        for number, weight in weights.items()
    )
    return from_scale(np.asarray(sum(parts)), pooling)


def _greedy(
    ranked: Sequence[int],
    predictions: Mapping[int, np.ndarray],
    measure: tuple[OutOfFold, Metric],
    limits: Limits,
) -> list[int]:
    """Add, round by round, the candidate that helps most; keep the best prefix."""
    rows, metric = measure
    step = max(1, -(-len(rows.y) // limits.max_rows))
    chosen, total = [ranked[0]], predictions[ranked[0]].copy()
    best_gain, best_length = metric.gain(rows.score(metric, total, step)), 1
    while len(chosen) < limits.max_rounds:
        gains = {
            number: metric.gain(
                rows.score(metric, (total + predictions[number]) / (len(chosen) + 1), step)
            )
            for number in ranked
            if limits.admits(number, chosen)
        }
        added = max(gains, key=lambda number: (np.nan_to_num(gains[number], nan=-np.inf), -number))
        chosen.append(added)
        total += predictions[added]
        if gains[added] > best_gain:
            best_gain, best_length = gains[added], len(chosen)
    return chosen[:best_length]


def _total(each: Mapping[int, float] | None, numbers: Iterable[int]) -> float:
    return 0.0 if each is None else sum(each.get(number, 0.0) for number in numbers)


def _heaviest(item: tuple[int, float]) -> tuple[float, int]:
    return -item[1], item[0]


__all__ = ["EnsembleModel", "Limits", "OutOfFold", "Selection", "mix", "select"]
