"""Shift: whether the newest rows are of another kind than the older ones.

Adversarial validation: a classifier is asked whether a row is one of the newest, as many as a
sealed holdout takes. Where it hardly errs, columns have values that they did not have before.

References
----------
Pan, Pham, Dorairaj, Chen, Lee: Adversarial validation approach to concept drift problem in user
targeting automation systems at Uber (2020), for the method and what to do by it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from models.checks.probe import ask
from models.dataset import Dataset
from models.errors import ProblemError
from models.findings import Finding
from models.frames import Column
from models.metrics import roc_auc
from models.splits import sealed_split

SHIFT_SCORE = 0.8
"""ROC AUC of telling new rows from old ones. Without a shift 30 rows beside 30 have 0.5 with a
standard deviation of 0.075."""

MIN_SIDE_ROWS = 30
MAX_SIDE_ROWS = 1_500
MAX_TOLD = 3
MIN_TOLD_SHARE = 0.1


def find_shift(data: Dataset, columns: Sequence[Column], *, until: float) -> list[Finding]:
    """Tell whether the newest rows are told from the older ones, and by which columns.

    Parameters
    ----------
    columns
        Those that are looked at. Moments and text are left out: time always goes on.
    until
        Without an answer by then (`time.monotonic`) there is no finding.
    """
    names = [c.name for c in columns if c.kind in ("number", "digits", "level")]
    sides = _sides(data)
    if not names or sides is None or min(map(len, sides)) < MIN_SIDE_ROWS:
        return []
    rng = np.random.default_rng(0)
    old, new = (np.sort(rng.permutation(side)[:MAX_SIDE_ROWS]) for side in sides)
    X = data.X[names].iloc[np.concatenate([old, new])].reset_index(drop=True)
    is_new = np.repeat([0, 1], [len(old), len(new)])
    answers = ask(X, is_new, until=until)
    if answers is None or not (score := roc_auc(is_new, answers.chances[:, 1])) >= SHIFT_SCORE:
        return []
    return [
        Finding(
            kind="shift",
            column=None,
            message=f"The newest {len(sides[1])} rows are of another kind than the older ones: a "
            f"model tells them apart with ROC AUC {score:.3f}{_by(answers.shares)}. Scores on "
            "older rows may not hold for new ones: drop columns that only tell the time, or learn "
            "from newer rows.",
        )
    ]


def _sides(data: Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Part the rows as a sealed holdout would."""
    if not data.has_time:
        return None
    try:
        return sealed_split(data)
    except ProblemError:
        return None


def _by(shares: Mapping[str, float]) -> str:
    most = sorted(shares, key=lambda name: -shares[name])[:MAX_TOLD]
    told = [f"{name!r} ({shares[name]:.0%})" for name in most if shares[name] >= MIN_TOLD_SHARE]
    return f", most by {', '.join(told)}" if told else ""
