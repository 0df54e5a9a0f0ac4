"""Estimate: what choosing an ensemble is worth on rows that did not choose it.

The score of an ensemble on the rows that chose it is too good: of many candidates and weights, some
fit the chance of these rows. Here each block is answered by an ensemble whose members, weights,
calibration and threshold the other blocks chose. What stays too good is what led the search to its
candidates, and where boosting stopped.

References
----------
Cawley, Talbot: On Over-fitting in Model Selection (JMLR 11, 2010), section 5. Tsamardinos,
Greasidou, Borboudakis: Bootstrapping the out-of-sample predictions (Machine Learning 107, 2018),
which draws rows where blocks are left out here: blocks are what members did not see.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from models.ensemble import Limits, OutOfFold, select
from models.finishing import finish
from models.metrics import Metric

MAX_ROWS = 4_000
"""Choosing for the estimate looks at fewer rows, as it is done once per block."""


def corrected_score(
    predictions: Mapping[int, np.ndarray], rows: OutOfFold, metric: Metric, limits: Limits
) -> float:
    """Score each block by what the others chose, and average.

    Parameters
    ----------
    predictions
        By trial number; all on the same rows, at least one.
    limits
        Those of the choice itself.
    """
    limits = replace(limits, max_rows=min(limits.max_rows, MAX_ROWS))
    scores = []
    for cut in rows.cuts():
        known = {number: values[cut.learned] for number, values in predictions.items()}
        weights = select(known, cut.rest, metric, limits).weights
        ending = finish(cut.rest, metric, known, weights)
        asked = {number: predictions[number][cut.judged] for number in ending.weights}
        answer = ending.call(asked)
        weight = None if rows.weight is None else rows.weight[cut.judged]
        scores.append(metric.score(rows.y[cut.judged], answer, weight))
    return float(np.mean(scores))
