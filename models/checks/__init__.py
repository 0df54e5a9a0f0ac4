"""Checks: what is strange about rows and labels, looked for before the search.

Nothing here changes what is searched; a finding is told, or refused when the caller is strict.
"""

import time
from collections.abc import Sequence

from models.checks.halves import Halves
from models.checks.identifiers import find_identifiers
from models.checks.labels import find_suspects
from models.checks.leaks import find_leaks, weigh_columns
from models.checks.pairs import find_pairs
from models.checks.repetition import find_repeated
from models.checks.shift import find_shift
from models.dataset import Dataset
from models.findings import Finding
from models.frames import Column
from models.splits import Fold
from models.task import Problem

MIN_ROWS = 50
"""With fewer rows, chance alone makes findings."""

PAIRS_SHARE, SHIFT_SHARE = 0.4, 0.5
"""Of what is left of the time, what looking for pairs, and then for a shift, may take."""


def check_data(
    data: Dataset,
    problem: Problem,
    columns: Sequence[Column],
    folds: Sequence[Fold],
    *,
    max_seconds: float,
) -> tuple[Finding, ...]:
    """Look for identifiers, leaks, repetition, a shift in time, and doubtful labels.

    Parameters
    ----------
    columns
        What `data.X` was made of.
    max_seconds
        What is not looked at by then is taken as innocent.
    """
    if len(data) < MIN_ROWS:
        return ()
    until = time.monotonic() + max_seconds
    identifiers = find_identifiers(data, columns)
    named = {finding.column for finding in identifiers}
    telling = [c for c in columns if c.name not in named and c.kind != "text"]
    halves = Halves.of(data, problem)
    scores = weigh_columns(halves, telling, until=until)
    repeated = find_repeated(data, folds, labelled=problem.is_classification)
    pairs = find_pairs(halves, telling, scores, until=_part(until, PAIRS_SHARE))
    shift = find_shift(data, telling, until=_part(until, SHIFT_SHARE))
    suspects = _suspects(data, problem, telling, until=until)
    return (*identifiers, *find_leaks(halves, scores), *pairs, *repeated, *shift, *suspects)


def find_giveaways(
    data: Dataset, problem: Problem, columns: Sequence[Column], *, max_seconds: float
) -> tuple[Finding, ...]:
    """Look for columns and pairs of columns that give the label away, and for nothing else."""
    if len(data) < MIN_ROWS:
        return ()
    until = time.monotonic() + max_seconds
    telling = [column for column in columns if column.kind != "text"]
    halves = Halves.of(data, problem)
    scores = weigh_columns(halves, telling, until=until)
    return (*find_leaks(halves, scores), *find_pairs(halves, telling, scores, until=until))


def _suspects(
    data: Dataset, problem: Problem, columns: Sequence[Column], *, until: float
) -> list[Finding]:
    if not problem.is_classification:
        return []
    names = [name for column in columns for name in column.names]
    return find_suspects(data, names, until=until)


def _part(until: float, share: float) -> float:
    now = time.monotonic()
    return now + share * max(0.0, until - now)
