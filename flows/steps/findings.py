"""What is strange about the training rows, told before the search; it changes nothing in it."""

from dataclasses import replace

from flows.runs import Run
from models.checks import check_data
from models.columns import learn_columns
from models.dataset import Dataset
from models.errors import ModelError
from models.findings import Finding
from models.frames import convert
from models.splits import make_folds
from models.task import Problem

CHECK_SHARE = 0.03
"""Of the search's seconds, spent beside them."""

MAX_TOLD = 10


def tell_findings(run: Run, data: Dataset, problem: Problem) -> tuple[str, ...]:
    """Look for columns that give the label away, a shift in time, doubtful labels and the like.

    The newest rows are looked at too: nothing that is found decides what the search does.

    Returns
    -------
    tuple of str
        A sentence each, at most `MAX_TOLD`.
    """
    section = run.workspace.project.search
    findings = find_strange(data, problem, seed=section.seed, seconds=section.max_seconds)
    told = tuple(finding.message for finding in findings[:MAX_TOLD])
    for sentence in told:
        run.narrator.say(f"Look at the data: {sentence}")
    if len(findings) > len(told):
        run.narrator.say(f"… and {len(findings) - len(told)} findings more.")
    return told


def find_strange(
    data: Dataset, problem: Problem, *, seed: int, seconds: float
) -> tuple[Finding, ...]:
    """Look at rows as the search is given them, for about `CHECK_SHARE` of the seconds."""
    learned = learn_columns(data.X)
    converted = replace(data, X=convert(data.X, learned.columns))
    try:
        folds = make_folds(converted, seed=seed)
    except ModelError:
        return learned.findings  # the search says what is wrong, in its own words
    found = check_data(
        converted, problem, learned.columns, folds, max_seconds=CHECK_SHARE * seconds
    )
    return (*learned.findings, *found)
