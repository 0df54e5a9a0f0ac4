"""Leaks: columns that give the label away, each by itself."""

import time
from collections.abc import Mapping, Sequence

from models.checks.halves import Halves
from models.findings import Finding
from models.frames import Column

LEAK_SCORE = 0.99
"""ROC AUC or R² of one column alone, on rows not learned from, that is too good to be true."""


def weigh_columns(halves: Halves, columns: Sequence[Column], *, until: float) -> dict[str, float]:
    """Score each column by a small tree on it alone.

    Returns
    -------
    dict
        Scores by name, as far as there was time (`until` of `time.monotonic`).
    """
    scores: dict[str, float] = {}
    for column in columns:
        if time.monotonic() >= until:
            break
        scores[column.name] = halves.score([halves.numbers(name) for name in column.names])
    return scores


def find_leaks(halves: Halves, scores: Mapping[str, float]) -> list[Finding]:
    """Tell the columns whose score is too good to be true."""
    return [
        Finding(
            kind="leak",
            column=name,
            message=f"Column {name!r} alone gives the label away ({halves.measure} {score:.3f} on "
            "rows not learned from). Drop it if it is not known when predictions are asked for.",
        )
        for name, score in scores.items()
        if score >= LEAK_SCORE
    ]
