"""Calibration: its probabilities are not surely further from what happens than the champion's."""

import numpy as np

from models import figures
from models.blocks import Resamples
from models.figures import figure
from models.gates.case import Case, GateResult, Number, answer
from models.metrics import METRICS
from models.miscalibration import as_binary, miscalibration, resampled_miscalibration
from models.sampling import Sampling, sample_rows

MIN_DIFFERENCE = 0.01
"""What is further from the truth by less than a percentage point is no worse in practice."""

_DECLARE = "promotion.max_miscalibration would limit it"


class Calibration:
    """Its probabilities are not surely further from what happens than the champion's.

    Where a limit is declared, they are not surely beyond it either.
    """

    name = "calibration"

    def check(self, case: Case) -> GateResult:
        """Compare mean distances from recalibrated probabilities, on resamples of the rows."""
        problem = case.rows.problem
        if not problem.is_classification:
            return answer(self, "n/a", "a regression predicts no probabilities")
        if METRICS[problem.metric].decides:
            return answer(self, "n/a", f"{problem.metric} looks at calls, not at probabilities")
        y, p = as_binary(case.rows.y, case.challenger.predictions)
        sampling = sample_rows(y, case.rows.origin, seed=case.seed, classes=False)
        distance = miscalibration(y, p)
        numbers: dict[str, Number] = {"challenger": distance, "n_rows": len(y)}
        told = f"its probabilities are {figure(distance, 2)} from what happens on average"
        limit = case.policy.max_miscalibration
        if limit is not None:
            surely = _least(y, p, sampling, distance)
            numbers |= {"limit": limit, "surely": surely}
            told += f" (surely {figure(max(0.0, surely), 2)}, allowed {figure(limit, 2)})"
            if surely > limit:
                return answer(self, "fail", told, numbers)
        if case.champion is None:
            if limit is not None:
                return answer(self, "pass", told, numbers)
            return answer(self, "n/a", f"{told}; first version: {_DECLARE}", numbers)
        return self._compare(case, sampling, told, numbers)

    def _compare(
        self, case: Case, sampling: Sampling, told: str, numbers: dict[str, Number]
    ) -> GateResult:
        assert case.champion is not None
        ours = as_binary(case.rows.y, case.challenger.predictions)
        theirs = as_binary(case.rows.y, case.champion.predictions)

        def excess(resamples: Resamples) -> np.ndarray:
            of_ours = resampled_miscalibration(*ours, resamples)
            return np.asarray(of_ours - resampled_miscalibration(*theirs, resamples))

        of_champion = miscalibration(*theirs)
        found = sampling.estimate(miscalibration(*ours) - of_champion, excess)
        worse = found.low > 0 and found.value >= MIN_DIFFERENCE
        numbers |= {"champion": of_champion, **found._asdict(), "floor": MIN_DIFFERENCE}
        verdict = "surely further" if worse else "not surely further"
        floor = f" by {MIN_DIFFERENCE} or more" if not worse and found.low > 0 else ""
        sentence = (
            f"{told}, the champion's {figure(of_champion, 2)}: "
            f"{figures.difference(*found[:3], level=sampling.level)}: {verdict}{floor}"
        )
        return answer(self, "fail" if worse else "pass", sentence, numbers)


def _least(y: np.ndarray, p: np.ndarray, sampling: Sampling, distance: float) -> float:
    """Give the distance there surely is.

    NOTE: a distance is never below zero, so that resamples are further away than the rows they
    are drawn from; the interval is mirrored at the value (the basic bootstrap), which takes that
    away instead of doubling it.
    """
    found = sampling.estimate(distance, lambda drawn: resampled_miscalibration(y, p, drawn))
    return 2 * distance - found.high
