"""Slices: the challenger is not significantly worse than the champion in any declared slice.

References
----------
Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models import figures
from models.evaluation import PairedDifference, compare
from models.figures import figure
from models.gates.case import Case, GateResult, Number, answer
from models.metrics import METRICS
from models.sampling import sample_rows
from models.slices import Slice

ALPHA = 0.05
MIN_ROWS = 30
"""A slice of fewer rows says nothing, and is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """How both do in a slice; `p` is one-sided: the chance of this if it were no worse there."""

    name: str
    n_rows: int
    scores: tuple[float, float]
    difference: PairedDifference
    p: float


class Slices:
    """The challenger is not significantly worse than the champion in any declared slice."""

    name = "slices"

    def check(self, case: Case) -> GateResult:
        """Compare in every slice, and correct for their number."""
        columns = case.policy.slices
        if not columns:
            return answer(
                self, "n/a", "no slices are declared; name columns in promotion.slices: [COLUMN, …]"
            )
        if case.champion is None:
            return answer(self, "n/a", "first version: there is no champion to be worse than")
        parts = case.rows.sliced(columns)
        compared = [each for part in parts if (each := _compare(case, part)) is not None]
        by = f"{len(parts)} slices by {', '.join(columns)}"
        if not compared:
            reason = f"none of the {by} has {MIN_ROWS} rows and a defined score"
            return answer(self, "n/a", reason)
        adjusted = holm([each.p for each in compared])
        n_worse = sum(p < ALPHA for p in adjusted)
        p, worst = min(zip(adjusted, compared, strict=True), key=lambda pair: (pair[0], pair[1].p))
        numbers: dict[str, Number] = {
            "n_slices": len(compared),
            "n_small": len(parts) - len(compared),
            "n_worse": n_worse,
            "lowest": worst.name,
            "n_rows": worst.n_rows,
            "challenger": worst.scores[0],
            "champion": worst.scores[1],
            **worst.difference._asdict(),
            "adjusted_p": p,
        }
        first = (
            f"worse than the champion in {n_worse} of {by}; most surely in "
            if n_worse
            else f"not surely worse than the champion in any of {by}; the least sure is "
        )
        return answer(self, "fail" if n_worse else "pass", first + _told(worst, p), numbers)


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust p values for their number, by Holm's steps.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.04, 0.01, 0.5])]
    [0.08, 0.03, 0.5]
    """
    adjusted, reached = [0.0] * len(chances), 0.0
    for place, number in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        reached = max(reached, min(1.0, (len(chances) - place) * chances[number]))
        adjusted[number] = reached
    return adjusted


def _compare(case: Case, part: Slice) -> _Compared | None:
    """Compare on the rows of a slice; None where there are too few or of one class only."""
    if part.n_rows < MIN_ROWS or case.champion is None:
        return None
    metric = METRICS[case.rows.problem.metric]
    y = np.asarray(case.rows.y)[part.rows]
    pair = (
        case.challenger.answers(metric)[part.rows],
        case.champion.answers(metric)[part.rows],
    )
    scores = metric.score(y, pair[0]), metric.score(y, pair[1])
    if not np.isfinite(scores).all():
        return None
    sampling = sample_rows(
        y,
        case.rows.origin.take(part.rows),
        seed=case.seed,
        classes=metric.needs == "probability",
    )
    difference = compare(y, *pair, metric.name, sampling)
    below = difference.difference < 0
    p = difference.p / 2 if below else 1 - difference.p / 2
    return _Compared(name=part.name, n_rows=part.n_rows, scores=scores, difference=difference, p=p)


def _told(worst: _Compared, p: float) -> str:
    challenger, champion = map(figure, worst.scores)
    chance = "below 0.001" if p < 0.001 else f"{p:.2g}"
    return (
        f"{worst.name}: {challenger} vs {champion} on {worst.n_rows:,} rows: "
        f"{figures.difference(*worst.difference[:3])}, p {chance} after Holm's correction"
    )
