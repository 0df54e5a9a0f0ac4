"""What a model card tells: records only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from models.drivers import Drivers
from models.evaluation import Evaluation, Interval, PairedDifference
from models.leaderboard import Leaderboard
from models.promotion import Verdict
from models.task import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWindow:
    """Rows of a span of time.

    Attributes
    ----------
    name
        `Training` or `Sealed holdout`.
    start, end
        First and last cutoff; None without time.
    share_positive
        Share of class 1; None unless binary.
    """

    name: str
    n_rows: int
    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None
    share_positive: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Another model on the same sealed rows, and how much better the card's model is."""

    name: str
    score: Interval
    difference: PairedDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """Everything on a card.

    Attributes
    ----------
    title
        The project or registered model.
    version
        Its number; None before it is registered.
    created_at
        Naive UTC.
    question
        The question in words; `labels_sql` is how it is asked.
    weights
        Ensemble weight by trial number.
    comparisons
        Simpler models on the same rows, such as the entity's own columns alone.
    drivers
        What it looks at; None where that was not looked for.
    importance
        Column and drop of the metric when it is shuffled, largest first.
    descriptions
        What a column means, by column.
    lineage
        Name and value: snapshot, plan, feature service, run, code version.
    limits
        What a reader must know beyond the limits that follow from the numbers.
    """

    title: str
    version: int | None
    created_at: pd.Timestamp
    question: str
    problem: Problem
    windows: tuple[DataWindow, ...]
    evaluation: Evaluation
    leaderboard: Leaderboard
    weights: Mapping[int, float]
    verdict: Verdict | None = None
    labels_sql: str = ""
    search_seconds: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    drivers: Drivers | None = None
    importance: tuple[tuple[str, float], ...] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
