"""The question of the past: which row, asked when, and what the answer was once it was known.

The label SQL sees the tables of a snapshot and nothing else. `classes` numbers the answers of a
classification; label and prediction mean the same only with the same classes.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.answers import CUTOFF_TIME, LABEL, LABEL_TIME, run_label_sql
from features.checks import check_moment
from features.classes import Classes, are_unknown, encode, find_classes
from features.errors import FeatureError
from features.fingerprint import fingerprint
from features.label_errors import LabelError
from features.snapshot import Snapshot

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The question.

    Parameters
    ----------
    entity
        Table whose rows are asked about; it needs a key of its own.
    labels
        DuckDB SQL over the tables of the snapshot that gives the entity's key, `cutoff_time`,
        `label` and, if the label is known later than the cutoff, `label_time`. A null label or
        label_time means "not known (yet)".
    task
        "binary" (booleans, 0/1 or two strings, of which the second in order is positive),
        "multiclass" (strings, whole numbers or booleans) or "regression" (finite numbers).
    """

    entity: str
    labels: str
    task: Task

    def __post_init__(self) -> None:
        known = ("binary", "multiclass", "regression")
        if self.task not in known:
            raise FeatureError(f"target.task: expected one of {known}, got {self.task!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Training rows: everything in them was known by the moment of training.

    Attributes
    ----------
    frame
        Columns `key` (by its own name), cutoff_time, label, label_time; ordered by
        (cutoff_time, key). label: int8 0/1 (binary), int64 position in `classes` (multiclass)
        or float64 (regression), never null.
    classes
        What the codes mean; None for a regression.
    n_pending
        Rows set aside, because they are asked later or their label is not known yet.
    """

    frame: pd.DataFrame
    key: str
    task: Task
    classes: Classes | None
    n_pending: int
    fingerprint: str


def make_labels(snapshot: Snapshot, target: Target, *, now: pd.Timestamp) -> Labels:
    """Collect the rows whose cutoff and label are known by `now` (inclusive).

    Raises
    ------
    SourceError
        When the SQL does not run, or does more than read.
    LabelError
        When its result cannot be learned from; see the constructors for each case.
    """
    check_moment(now)
    rows = run_label_sql(snapshot, target.entity, target.labels)
    known = rows.filter(_known_by(rows, now))
    if known.num_rows == 0:
        raise _nothing_known(rows, now)
    classes = find_classes(known[LABEL], target.task, required=True)
    frame = _to_frame(known, target.task, classes)
    return Labels(
        frame=frame,
        key=snapshot.schema.table(target.entity).key,
        task=target.task,
        classes=classes,
        n_pending=rows.num_rows - known.num_rows,
        fingerprint=_name(snapshot, target, classes, frame),
    )


def make_due_rows(
    snapshot: Snapshot,
    target: Target,
    *,
    after: pd.Timestamp | None,
    until: pd.Timestamp,
    classes: Classes | None = None,
) -> pd.DataFrame:
    """Collect every row asked in (after, until], labelled or not: what is to be scored.

    Parameters
    ----------
    after
        None: from the beginning.
    classes
        Those of the model that scores; None: those of all labels known by `until`.

    Returns
    -------
    pandas.DataFrame
        Key, cutoff_time, label (float64) and label_time; the latter two are null unless known
        by `until`. Ordered by (cutoff_time, key); may have no rows.

    Raises
    ------
    SourceError, LabelError
        As `make_labels`, but missing labels are no reason to refuse.
    """
    check_moment(until, "until")
    rows = run_label_sql(snapshot, target.entity, target.labels, may_be_empty=True)
    known = _known_by(rows, until)
    if classes is None:
        classes = find_classes(rows.filter(known)[LABEL], target.task, required=False)
    unreadable = target.task != "regression" and classes is None
    due = pc.less_equal(rows[CUTOFF_TIME], _scalar(until))
    if after is not None:
        check_moment(after, "after")
        due = pc.and_(due, pc.greater(rows[CUTOFF_TIME], _scalar(after)))
    rows = _forget(rows, pc.and_(known, pa.scalar(not unreadable))).filter(due)
    frame = _to_frame(rows, target.task, classes)
    return frame.astype({LABEL: "float64"})


def known_labels(
    snapshot: Snapshot, target: Target, *, now: pd.Timestamp, classes: Classes | None = None
) -> pd.DataFrame:
    """Collect the rows of `make_labels` for the monitor, where none at all is no refusal.

    Parameters
    ----------
    classes
        Those of the model that is monitored; None: those of the labels known by `now`.

    Returns
    -------
    pandas.DataFrame
        As `Labels.frame`; a label that is none of `classes` is NaN, and nothing else is.

    Raises
    ------
    LabelError
        As `make_labels`.
    """
    known = known_answers(snapshot, target, now=now)
    if classes is None and known.num_rows > 0:
        classes = find_classes(known[LABEL], target.task, required=True)
    unknown = are_unknown(known[LABEL], target.task, classes)
    return _to_frame(_without(known, unknown), target.task, classes)


def _without(rows: pa.Table, forgotten: pa.ChunkedArray) -> pa.Table:
    """Give the rows with some of their labels null."""
    nulls = pa.scalar(None, rows[LABEL].type)
    labels = pc.if_else(forgotten, nulls, rows[LABEL])
    return rows.set_column(rows.column_names.index(LABEL), LABEL, labels)


def known_answers(snapshot: Snapshot, target: Target, *, now: pd.Timestamp) -> pa.Table:
    """Collect the rows of `make_labels` as the SQL answers them: labels are not numbered.

    Returns
    -------
    pyarrow.Table
        Key, cutoff_time, label, label_time, ordered by (cutoff_time, key); may have no rows.

    Raises
    ------
    SourceError, LabelError
        As `make_labels`, but missing labels are no reason to refuse.
    """
    check_moment(now)
    rows = run_label_sql(snapshot, target.entity, target.labels, may_be_empty=True)
    return rows.filter(_known_by(rows, now))


def _known_by(rows: pa.Table, now: pd.Timestamp) -> pa.ChunkedArray:
    moment = _scalar(now)
    answered = pc.and_(pc.is_valid(rows[LABEL]), pc.less_equal(rows[CUTOFF_TIME], moment))
    return pc.and_(answered, pc.less_equal(rows[LABEL_TIME], moment).fill_null(False))


def _forget(rows: pa.Table, known: pa.ChunkedArray) -> pa.Table:
    for name in (LABEL, LABEL_TIME):
        nulls = pa.scalar(None, rows[name].type)
        column = pc.if_else(known, rows[name], nulls)
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _nothing_known(rows: pa.Table, now: pd.Timestamp) -> LabelError:
    return LabelError.no_rows(
        f"{rows.num_rows:,} rows, none of which has a cutoff_time, a label and a label_time "
        f"up to now ({now})",
        "Check that times are UTC, and that the label is not null for rows of the past.",
    )


def _to_frame(rows: pa.Table, task: Task, classes: Classes | None) -> pd.DataFrame:
    codes = encode(rows[LABEL], task, classes)
    index = rows.column_names.index(LABEL)
    frame: pd.DataFrame = rows.set_column(index, LABEL, codes).to_pandas()
    return frame


def _scalar(moment: pd.Timestamp) -> pa.Scalar:
    return pa.scalar(moment.to_pydatetime(), pa.timestamp("us"))


def _name(snapshot: Snapshot, target: Target, classes: Classes | None, frame: pd.DataFrame) -> str:
    hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    rows = hashlib.sha256(hashes.tobytes()).hexdigest()
    question = [target.entity, target.labels, target.task]
    return fingerprint([snapshot.snapshot_id, question, classes, list(frame.columns), rows])
