"""Fairness: declared groups are not surely further apart than declared."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from models import figures
from models.blocks import Resamples
from models.figures import figure
from models.gates.case import Case, GateResult, Number, answer
from models.gates.policy import FairnessMeasure
from models.metrics import METRICS
from models.resampled import resampled_scores
from models.sampling import LEVEL, Estimate, Sampling, Statistic, sample_rows
from models.slices import Slice

MIN_ROWS = 30
"""A group of fewer rows (for true positive rates: of fewer positives) says nothing."""

_WORDS: Mapping[FairnessMeasure, str] = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
}


class Fairness:
    """Declared groups are not surely further apart than declared."""

    name = "fairness"

    def check(self, case: Case) -> GateResult:
        """Compare every two groups, with intervals that hold for all pairs together."""
        policy, problem = case.policy.fairness, case.rows.problem
        if policy is None:
            return answer(
                self,
                "n/a",
                "no groups are declared; name them in promotion.fairness: "
                "{column: COLUMN, max_gap: NUMBER}",
            )
        if policy.measure != "metric" and problem.task != "binary":
            return answer(
                self,
                "fail",
                f"a {_WORDS[policy.measure]} needs two classes, this is {problem.task}; declare "
                "promotion.fairness.measure: metric",
            )
        asked = _asked(case, policy.measure)
        groups = [
            part
            for part in case.rows.sliced((policy.column,))
            if (part.rows & asked).sum() >= MIN_ROWS
        ]
        if len(groups) < 2:
            return answer(
                self, "n/a", f"fewer than two groups of {policy.column} have {MIN_ROWS} rows to ask"
            )
        return self._judge(case, groups, asked, max_gap=policy.max_gap)

    def _judge(
        self, case: Case, groups: list[Slice], asked: np.ndarray, *, max_gap: float
    ) -> GateResult:
        pairs = list(combinations(groups, 2))
        level = 1 - (1 - LEVEL) / len(pairs)
        sampling = sample_rows(
            np.asarray(case.rows.y), case.rows.origin, seed=case.seed, classes=False, level=level
        )
        measured = {part.name: _measure(case, part.rows & asked) for part in groups}
        gaps = [_gap(measured[a.name], measured[b.name], sampling) for a, b in pairs]
        surely = [max(0.0, each.low, -each.high) for each in gaps]
        place = max(range(len(pairs)), key=lambda i: (surely[i] > max_gap, abs(gaps[i].value)))
        beyond = surely[place] > max_gap
        numbers: dict[str, Number] = {
            "n_groups": len(groups),
            "first": pairs[place][0].level,
            "second": pairs[place][1].level,
            **gaps[place]._asdict(),
            "level": level,
            "surely": surely[place],
            "max_gap": max_gap,
        }
        shown = [f"{figure(measured[part.name][0], 3)} in {part.name}" for part in pairs[place]]
        sentence = (
            f"{_named(case)} {' and '.join(shown)}: "
            f"{figures.difference(*gaps[place][:3], level=level)}, the widest of {len(pairs)} "
            f"gaps between {len(groups)} groups: {'' if beyond else 'not '}surely beyond the "
            f"{figure(max_gap, 2)} allowed"
        )
        return answer(self, "fail" if beyond else "pass", sentence, numbers)


def _named(case: Case) -> str:
    assert case.policy.fairness is not None
    return _WORDS.get(case.policy.fairness.measure, case.rows.problem.metric)


def _asked(case: Case, measure: FairnessMeasure) -> np.ndarray:
    """Say which rows the measure is about."""
    y = np.asarray(case.rows.y)
    return y > 0 if measure == "true_positive_rate" else np.ones(len(y), dtype=bool)


def _measure(case: Case, rows: np.ndarray) -> tuple[float, Statistic]:
    """Give a group's measure, and what gives it for every resample."""
    assert case.policy.fairness is not None
    if case.policy.fairness.measure == "metric":
        return _measure_metric(case, rows)
    called = case.challenger.decision.call(case.challenger.predictions) == 1

    def shares(resamples: Resamples) -> np.ndarray:
        sums = resamples.sums(np.column_stack([called & rows, rows]).astype(float))
        with np.errstate(invalid="ignore"):
            return np.asarray(sums[:, 0] / sums[:, 1])

    return float(called[rows].mean()), shares


def _measure_metric(case: Case, rows: np.ndarray) -> tuple[float, Statistic]:
    y, metric = np.asarray(case.rows.y, dtype=float)[rows], case.rows.problem.metric
    predictions = case.challenger.answers(METRICS[metric])[rows]

    def scores(resamples: Resamples) -> np.ndarray:
        within = replace(resamples, codes=resamples.codes[rows])
        return resampled_scores(metric, y, predictions, within)

    return METRICS[metric].score(y, predictions), scores


def _gap(
    first: tuple[float, Statistic], second: tuple[float, Statistic], sampling: Sampling
) -> Estimate:
    return sampling.estimate(first[0] - second[0], lambda drawn: first[1](drawn) - second[1](drawn))
