"""Pairs: two columns that give the label away together, by arithmetic or by being equal."""

import itertools
import time
from collections.abc import Mapping, Sequence

import numpy as np

from models.checks.halves import Halves
from models.checks.leaks import LEAK_SCORE
from models.findings import Finding
from models.frames import Column

MAX_COLUMNS = 10
"""So many columns, those that tell most alone, are paired: 45 pairs, half a second at most."""

LEAST_GAIN = 4.0
"""What a pair leaves untold must be less by this factor than what its better column leaves:
two good columns of an honest table are better together, too."""

EXACT_SCORE = 0.9999
"""What a pair must reach where no arithmetic says how: in mushrooms smell and colour of the spores
reach 0.999 by what nature does."""

MIN_ROWS = 200
MIN_CLASS_ROWS = 10
"""With fewer rows asked, or fewer of the second class, one of 45 pairs is right by chance."""


def find_pairs(
    halves: Halves, columns: Sequence[Column], scores: Mapping[str, float], *, until: float
) -> list[Finding]:
    """Tell pairs that give the label away where neither column does; each column once.

    Parameters
    ----------
    columns
        Those that may be paired.
    scores
        Of each column alone, from `models.checks.leaks.weigh_columns`.
    until
        Pairs that are not looked at by then (`time.monotonic`) are taken as innocent.
    """
    if not _is_evidence(halves):
        return []
    found: list[Finding] = []
    told: set[str] = set()
    for first, second in itertools.combinations(_most_telling(columns, scores), 2):
        if time.monotonic() >= until:
            break
        if {first, second} & told:
            continue
        finding = _pair(halves, (first, second), best=max(scores[first], scores[second]))
        if finding is not None:
            found.append(finding)
            told |= {first, second}
    return found


def _is_evidence(halves: Halves) -> bool:
    asked = halves.data.y[halves.half :]
    if not halves.problem.is_classification:
        return len(halves.data) >= MIN_ROWS
    counts = np.sort(np.unique(asked, return_counts=True)[1])
    return len(halves.data) >= MIN_ROWS and len(counts) > 1 and counts[-2] >= MIN_CLASS_ROWS


def _most_telling(columns: Sequence[Column], scores: Mapping[str, float]) -> list[str]:
    able = [
        column.name
        for column in columns
        if column.kind in ("number", "digits", "level") or "days" in column.parts
    ]
    known = [name for name in able if scores.get(name, np.nan) < LEAK_SCORE]
    return sorted(known, key=lambda name: -scores[name])[:MAX_COLUMNS]


def _pair(halves: Halves, names: tuple[str, str], *, best: float) -> Finding | None:
    derived = _derived(halves, names)
    alone = [halves.numbers(_counted(halves, name)) for name in names]
    score = halves.score([*alone, *derived.values()])
    if not (score >= LEAK_SCORE and LEAST_GAIN * (1 - score) <= 1 - best):
        return None
    how = {text: halves.score([values]) for text, values in derived.items()}
    exact = [text for text in how if how[text] >= LEAK_SCORE]
    if not exact and score < EXACT_SCORE:
        return None
    first, second = names
    by = f", by {max(exact, key=how.__getitem__)}" if exact else ""
    return Finding(
        kind="pair leak",
        column=first,
        other=second,
        message=f"Columns {first!r} and {second!r} together give the label away{by} "
        f"({halves.measure} {score:.3f} on rows not learned from, {best:.3f} by the better one "
        "alone). Drop at least one if it is not known when predictions are asked for.",
    )


def _counted(halves: Halves, name: str) -> str:
    """Name the column of the sample that stands for a column: of a moment, its days."""
    return name if name in halves.data.X.columns else f"{name}: days"


def _derived(halves: Halves, names: tuple[str, str]) -> dict[str, np.ndarray]:
    """Give what two columns of one type make together, by what it is called."""
    first, second = names
    a, b = (halves.data.X[_counted(halves, name)].to_numpy() for name in names)
    if (a.dtype == object) != (b.dtype == object):
        return {}
    if a.dtype == object:
        return {f"{first!r} = {second!r}": (a == b).astype(float)}
    with np.errstate(all="ignore"):
        made = {
            f"{first!r} = {second!r}": np.isclose(a, b, rtol=1e-9, atol=0).astype(float),
            f"{first!r} + {second!r}": a + b,
            f"{first!r} - {second!r}": a - b,
            f"{first!r} * {second!r}": a * b,
            f"{first!r} / {second!r}": a / b,
        }
    return {text: np.where(np.isfinite(v), v, np.nan) for text, v in made.items()}
