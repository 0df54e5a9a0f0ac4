"""What each stage of a flow hands on: small records of paths, names and numbers (all JSON)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken:
    """Where the immutable copy of the tables is.

    Attributes
    ----------
    sources
        The files of each table as they were read: `{"file": …, "n_bytes": …, "sha256": …}`.
    """

    snapshot_id: str
    n_rows: Mapping[str, int]
    n_future: int
    sources: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsMade:
    """The training rows: key, cutoff_time, label, label_time, as Parquet.

    Attributes
    ----------
    n_pending
        Rows set aside because their label is not known yet.
    base_rate
        Share of the positive class, or mean of a regression's label; `None` for many classes.
    sha256
        Of the file; empty where a run of before wrote it.
    """

    path: str
    fingerprint: str
    n_rows: int
    n_pending: int
    classes: Sequence[Any]
    base_rate: float | None
    first_cutoff: str
    last_cutoff: str
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """The feature definitions that survived pruning on training rows."""

    path: str
    fingerprint: str
    n_considered: int
    n_features: int
    by_table: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixMade:
    """The feature values of the training rows, as Parquet partitioned by cutoff day."""

    directory: str
    n_rows: int
    n_features: int
    n_reused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The Feast feature service that training and scoring read through."""

    service: str
    view: str
    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Attributes
    ----------
    model
        Directory of the ensemble, ready to load.
    weights
        Ensemble weight by trial number, with the family: `{"3": [0.6, "lightgbm"]}`.
    candidates
        The best candidates as `{"family": …, "parameters": …}`, best first: the next search's
        warm start.
    holdout
        Parquet of the sealed rows: key, cutoff_time, label, prediction.
    corrected_score
        The ensemble's where other folds chose it (see `models.estimate`); None where unknown.
    turned
        Whether old rows misled, so that the newest validation block alone chose the ensemble.
    data
        Fingerprint of the rows it learned from: every value, label and moment, in order.
    findings
        What is strange about the training rows, a sentence each.
    course
        What the clock had its say in (`models.course.Course` as JSON); empty where a run of before
        searched.
    """

    directory: str
    fingerprint: str
    model: str
    holdout: str
    n_trials: int
    n_failed: int
    n_resumed: int
    metric: str
    best_family: str
    best_score: float
    ensemble_score: float
    weights: Mapping[str, Sequence[Any]]
    candidates: Sequence[Mapping[str, Any]]
    n_warm: int
    n_members_warm: int
    seconds: float
    corrected_score: float | None = None
    turned: bool = False
    data: str = ""
    findings: Sequence[str] = ()
    course: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """How the ensemble does on the sealed holdout.

    Attributes
    ----------
    own_columns
        Comparison with the same search on the entity's own columns: `value`, and `difference`
        with `low` and `high`; empty when it was not asked for.
    """

    metric: str
    value: float
    low: float
    high: float
    baseline: float
    n_rows: int
    first_cutoff: str
    last_cutoff: str
    importance: Sequence[Sequence[Any]]
    own_columns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The version in MLflow's registry."""

    version: str
    tracking_run: str
    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the gates said, and who serves now."""

    promoted: bool
    champion: str | None
    reason: str
    gates: Sequence[Mapping[str, Any]]
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialized:
    """How many rows the online store holds for this service."""

    n_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The version that serves as a run begins."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A batch of predictions.

    Attributes
    ----------
    path
        Parquet with prediction_id, key, cutoff_time, prediction, version and feature hash; `""`
        when nothing was due.
    sha256
        Of that file.
    """

    batch_id: str
    version: str
    path: str
    n_rows: int
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision of the monitor."""

    decision_id: str
    kind: str
    reason: str
    version: str
    report: str
    n_rows: int
    n_labelled: int
