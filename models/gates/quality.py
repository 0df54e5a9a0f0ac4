"""Quality: it is better than the champion (the first: than a constant) on the sealed rows."""

import numpy as np

from models import figures
from models.evaluation import PairedDifference, compare, constant_prediction
from models.figures import figure
from models.gates.case import Case, GateResult, Number, answer
from models.gates.spending import ordinal, spent_on
from models.metrics import METRICS
from models.sampling import Sampling, sample_rows


class Quality:
    """It is better than the champion (the first: than a constant) on the sealed rows."""

    name = "quality"

    def check(self, case: Case) -> GateResult:
        """Compare on the same rows, which are drawn again by days and by entities that repeat."""
        rows, metric = case.rows, METRICS[case.rows.problem.metric]
        constant = constant_prediction(np.asarray(rows.y, dtype=float), rows.problem)
        rival = constant if case.champion is None else case.champion.answers(metric)
        ours = case.challenger.answers(metric)
        sampling = sample_rows(
            rows.y,
            rows.origin,
            seed=case.seed,
            classes=metric.needs == "probability",
            level=1 - spent_on(case.attempt, case.policy.alpha),
        )
        difference = compare(rows.y, ours, rival, metric.name, sampling)
        allowance = _allowance(case, constant)
        better = is_better(difference.low, allowance)
        scores = metric.score(rows.y, ours), metric.score(rows.y, rival)
        numbers: dict[str, Number] = {
            "challenger": scores[0],
            "rival": scores[1],
            **difference._asdict(),
            "allowance": allowance,
            "attempt": case.attempt,
            "n_rows": len(rows.y),
            "n_resamples": sampling.n_resamples,
            "drawn": sampling.description,
        }
        sentence = _compared(case, scores, difference, allowance, sampling)
        doubt = _doubt(case)
        if better and doubt is not None:
            return answer(
                self, "fail", f"{sentence}, but too good to be believed: {doubt}", numbers
            )
        return answer(self, "pass" if better else "fail", sentence, numbers)


def is_better(low: float, allowance: float) -> bool:
    """Say whether an interval's lower bound clears zero, or minus the allowance.

    Examples
    --------
    >>> is_better(0.0, 0.0), is_better(-0.01, 0.02), is_better(float("nan"), 0.1)
    (False, True, False)
    """
    return low > -allowance


def _doubt(case: Case) -> str | None:
    """Say which column gives the label away, unless it is trusted.

    NOTE: what leaks into training rows leaks into sealed rows alike, where it looks like quality;
    no comparison on them can tell the two apart (`benchmarks.promotion.poisoned`).
    """
    trusted = set(case.policy.trusted)
    for found in case.challenger.giveaways:
        if not trusted & {found.column, found.other}:
            return (
                f"{found.message} Say from when on it is known (known_at), or trust it: "
                f"promotion.trusted: [{found.column}]"
            )
    return None


def _allowance(case: Case, constant: np.ndarray) -> float:
    # NOTE: a share of the champion's own gain suits every metric and unit, and does not
    # depend on the challenger, so a better challenger never meets a stricter gate.
    if case.champion is None or not case.condemned:
        return 0.0
    metric, y = METRICS[case.rows.problem.metric], case.rows.y
    gain = metric.gain(metric.score(y, case.champion.answers(metric)))
    gain -= metric.gain(metric.score(y, constant))
    return case.policy.margin * max(0.0, gain) if np.isfinite(gain) else 0.0


def _compared(
    case: Case,
    scores: tuple[float, float],
    difference: PairedDifference,
    allowance: float,
    sampling: Sampling,
) -> str:
    metric = METRICS[case.rows.problem.metric]
    direction = "" if metric.greater_is_better else " (lower is better)"
    rival = "the best constant" if case.champion is None else "champion"
    against = "with no champion" if case.champion is None else "against this champion"
    verdict = "better" if difference.low > 0 else "not surely better"
    if difference.high < 0:
        verdict = "worse"
    if difference.low <= 0 and is_better(difference.low, allowance):
        verdict = f"good enough, as drift condemned the champion (allowance {figure(allowance, 3)})"
    told = figures.difference(*difference[:3], level=difference.level)
    return (
        f"challenger {figure(scores[0])} vs {rival} {figure(scores[1])} in "
        f"{metric.name}{direction} on the same {len(case.rows.y):,} rows: {told}, "
        f"{ordinal(case.attempt)} try {against}, {sampling.description} drawn "
        f"{len(sampling.by[0].counts):,} times: {verdict}"
    )
