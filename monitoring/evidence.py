"""Evidence: what was measured between two windows, as records a ledger can keep."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

TestName = Literal["distribution", "location", "spread", "missing", "new levels", "presence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of the records below: turned into what JSON can hold by `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as nested dicts and lists; NaN and infinities become None."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _plain(value: object) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTest(Record):
    """One question put to one column.

    Parameters
    ----------
    name
        What was compared: the distribution of known values, where they lie and how far they
        spread, the share of missing ones, levels unknown to the reference, or whether the column
        is there at all.
    method
        "ks", "chi-square", "wilcoxon", "ansari-bradley", "proportions", "good-turing" or
        "presence".
    p_value, p_adjusted
        Raw, and corrected across all tests of all columns.
    effect, floor
        Size of the change in [0, 1], and the size from which it matters.
    drifted
        Whether adjusted p-value and effect both say so.
    measured_by
        "evidently" (the test ran inside an Evidently report) or "perennial" (called directly).
    """

    name: TestName
    method: str
    p_value: float
    effect: float
    floor: float
    p_adjusted: float = 1.0
    drifted: bool = False
    measured_by: Literal["evidently", "perennial"] = "perennial"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift(Record):
    """What is known about one column in two windows.

    Parameters
    ----------
    kind
        "numeric", "categorical", or "unknown" (nothing but missing values).
    tests
        Those that could be asked; none where the column is empty in both windows.
    importance
        Share of the model's feature importance, in [0, 1].
    n_effective_reference, n_effective_current
        Independent rows the windows are worth for this column.
    psi
        Population stability index; for information only.
    summary
        The change in words, such as "median 3.1 to 4.2".
    """

    column: str
    kind: Literal["numeric", "categorical", "unknown"]
    tests: tuple[ColumnTest, ...]
    importance: float = 0.0
    missing_reference: float = 0.0
    missing_current: float = 0.0
    n_effective_reference: float = 0.0
    n_effective_current: float = 0.0
    psi: float | None = None
    summary: str = ""

    @property
    def drifted(self) -> bool:
        """Whether any test found drift."""
        return any(test.drifted for test in self.tests)

    @property
    def lead(self) -> ColumnTest | None:
        """The surest of the tests that found drift; the first one where none did."""
        found = [test for test in self.tests if test.drifted]
        if found:
            return min(found, key=lambda test: (test.p_adjusted, -test.effect))
        return self.tests[0] if self.tests else None

    @property
    def measured_by(self) -> str:
        """Who ran the distribution test."""
        is_evidently = any(test.measured_by == "evidently" for test in self.tests)
        return "evidently" if is_evidently else "perennial"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftEvidence(Record):
    """Drift of features and of scores.

    Parameters
    ----------
    columns
        One entry per feature of either window, the most important first.
    scores
        One entry per score column (several for multiclass).
    share_drifted
        Share of features that drifted.
    importance_drifted
        The same, weighted by importance (unweighted where no importance is known).
    rows_per_day_reference, rows_per_day_current
        Volume; None where rows have no time.
    """

    n_reference: int
    n_current: int
    columns: tuple[ColumnDrift, ...]
    scores: tuple[ColumnDrift, ...]
    share_drifted: float
    importance_drifted: float
    rows_per_day_reference: float | None = None
    rows_per_day_current: float | None = None

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The drifted features, the most important first, then the most changed."""
        found = [column for column in self.columns if column.drifted]
        return tuple(sorted(found, key=lambda c: (-c.importance, -_effect(c))))

    @property
    def score_drifted(self) -> bool:
        """Whether the distribution of the predictions changed."""
        return any(column.drifted for column in self.scores)

    @property
    def score_effect(self) -> float:
        """Largest change of a score column, in [0, 1]."""
        return max((_effect(column) for column in self.scores), default=0.0)


def _effect(column: ColumnDrift) -> float:
    return column.lead.effect if column.lead else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate(Record):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion(Record):
    """One way to say how well the champion does, in both windows.

    Parameters
    ----------
    name
        A metric's name, or "calibration" (mean prediction minus mean label).
    reference, current, difference
        In the metric's own units and sign; difference is current minus reference.
    worse_by
        The loss since the reference in units of `scale`; positive is worse. For a metric
        `scale` is its value on the reference, for calibration the label's standard deviation.
    worse_by_at_most
        Upper end of the 95 % interval of `worse_by`.
    p_value
        One-sided: of an unchanged champion to look as much worse by chance.
    """

    name: str
    reference: Estimate
    current: Estimate
    difference: Estimate
    worse_by: float
    worse_by_at_most: float
    p_value: float

    @property
    def is_calibration(self) -> bool:
        """Whether this is calibration in the large rather than a metric."""
        return self.name == "calibration"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceEvidence(Record):
    """Realised performance on the rows whose labels have arrived.

    Parameters
    ----------
    n_reference, n_labelled
        Labelled rows of the reference and of the current window.
    n_current
        All rows of the current window.
    criteria
        The project's metric first; empty where too few labels are known to say anything.
    note
        Why `criteria` is empty or incomplete, or "".
    """

    n_reference: int
    n_labelled: int
    n_current: int
    criteria: tuple[Criterion, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialEvidence(Record):
    """Where the e-detector stands.

    Parameters
    ----------
    n_rows
        Labelled rows seen.
    log_evidence, log_threshold
        Natural logarithms of R now and of A; an alarm is evidence at or above the threshold.
    alarm_row, alarm_time
        Where R first reached A: rows seen by then, and that row's time; None without an alarm.
    onset_row, onset_time
        Where the change began most likely (the start that maximises the likelihood ratio).
    reference_mean, recent_mean
        Mean loss on the reference, and on the rows since the onset.
    run_length
        A: least mean number of rows between two false alarms.
    """

    n_rows: int
    log_evidence: float
    log_threshold: float
    reference_mean: float
    recent_mean: float
    run_length: float
    alarm_row: int | None = None
    alarm_time: str | None = None
    onset_row: int | None = None
    onset_time: str | None = None

    @property
    def alarming(self) -> bool:
        """Whether the threshold was ever reached."""
        return self.alarm_row is not None

    @property
    def stands(self) -> bool:
        """Whether it is reached now: evidence of a change that went away goes away with it."""
        return self.log_evidence >= self.log_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck(Record):
    """One check of the current window's data, answered in a sentence with numbers."""

    name: Literal["range", "constant", "volume", "freshness", "classes"]
    sentence: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvidence(Record):
    """How well a classifier tells the windows apart, by `n_columns` columns together.

    Parameters
    ----------
    auc
        Out of fold, 0.5 where it cannot.
    p_value
        Of such an AUC by chance, on effective rows; two-sided.
    effective_share
        Of the reference's rows, reweighted to look like the current window, in (0, 1].
    """

    auc: float
    p_value: float
    effective_share: float
    n_columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedPerformance(Record):
    """The metric as it should be without labels, with a 90 % interval of what will be realised.

    `flags` say why not to believe it; none: nothing speaks against it.
    """

    name: str
    estimate: Estimate
    n_current: int
    flags: tuple[str, ...] = ()

    @property
    def is_trusted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """Everything one decision rests on.

    `performance` and `concept` are None where they were not measured; `checks` are of the data.
    """

    drift: DriftEvidence
    performance: PerformanceEvidence | None = None
    concept: SequentialEvidence | None = None
    checks: tuple[DataCheck, ...] = ()
    domain: DomainEvidence | None = None
    estimated: EstimatedPerformance | None = None
