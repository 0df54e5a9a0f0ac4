"""Retracing: the trials of an earlier search once more, and the ensemble that comes of them.

A search that ends by the clock tries what there was time for, so it cannot be repeated by asking
again. What it tried is on record, with each trial's number, which gives its seed, and the bars that
it had to clear. These trials are run again; none is added.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from models.candidate import Candidate
from models.course import Course
from models.dataset import Dataset
from models.errors import SearchError
from models.leaderboard import TrialRecord
from models.ledger import TrialLedger
from models.options import SearchOptions
from models.search import SearchBudget, SearchResult, search, search_name
from models.task import Problem


def retrace(
    data: Dataset,
    problem: Problem,
    *,
    records: Iterable[TrialRecord],
    seed: int,
    directory: Path,
    max_seconds: float,
    warm: Sequence[Candidate] = (),
    course: Course | None = None,
    options: SearchOptions | None = None,
) -> SearchResult:
    """Run recorded trials again on the same rows.

    Parameters
    ----------
    records
        Of the earlier search. What failed then is left out: it was part of no ensemble.
    directory
        Must be new.
    max_seconds
        Much more than the earlier search took, so that no trial ends by the clock.
    course
        Of the earlier search: who had no time for a final fit has none again, and members that
        were not joined are not. None where it is not on record: then there is time for all.

    Returns
    -------
    SearchResult
        The same as then where the choice of members did not end by the clock, and code, libraries
        and number of threads are the same.

    Raises
    ------
    SearchError
        When no recorded trial came to an end but the baseline.
    """
    options = replace(options or SearchOptions(), ledger=None, executor="local", course=course)
    tried = [r for r in records if r.number > 0 and r.state in ("done", "stopped")]
    if not tried:
        raise SearchError("Expected a trial to run again beside the baseline, got none.")
    name = search_name(data, problem, seed=seed, warm=warm, options=options)
    ledger = TrialLedger(directory, fingerprint=name)
    for record in tried:
        # To the search these are trials that a kill has interrupted: they come first, as they were.
        # With rounds on record, one that its deadline stopped is stopped there again.
        ledger.write(replace(record.begun(), bars=record.bars, n_rounds=record.n_rounds))
    last = max(record.number for record in tried)
    return search(
        data,
        problem,
        budget=SearchBudget(max_seconds=max_seconds, max_trials=last),
        seed=seed,
        directory=directory,
        warm=warm,
        options=options,
    )
