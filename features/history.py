"""Target history: past labels as one more table, so that features may look back on answers.

A row is visible from when its label became known, and never at its own cutoff. A snapshot with
the table is a snapshot like any other, beside the one that it was made of.
"""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.answers import CUTOFF_TIME, LABEL, LABEL_TIME
from features.classes import Classes, encode
from features.errors import SchemaError
from features.labels import Target, known_answers
from features.plan import FeaturePlan
from features.schema import HISTORY, ColumnType, Relationship, Schema, Table
from features.snapshot import Snapshot, extend_snapshot

HISTORY_KEY = "past_label_id"

_LABEL_TYPES = {
    "binary": ColumnType.BOOLEAN,
    "multiclass": ColumnType.CATEGORICAL,
    "regression": ColumnType.NUMERIC,
}
_JUST_AFTER = pa.scalar(1, pa.duration("us"))


def with_history(
    snapshot: Snapshot, target: Target, *, now: pd.Timestamp, classes: Classes | None = None
) -> Snapshot:
    """Give a snapshot that also holds the labels known by `now`, as the table `past_labels`.

    Parameters
    ----------
    classes
        Those of the labels or the model; they tell which of two strings is positive. None where
        the type of the labels tells it.

    Raises
    ------
    SourceError, LabelError
        As `make_labels`, but no label at all is no reason to refuse.
    SchemaError
        When the snapshot has a table of this name.
    """
    schema = history_schema(snapshot.schema, target)
    rows = make_history(known_answers(snapshot, target, now=now), target, classes)
    return extend_snapshot(snapshot, schema, rows, source="the labels known by then")


def history_schema(schema: Schema, target: Target) -> Schema:
    """Add the table of past labels, and its relationship to the entity, to a schema.

    Raises
    ------
    SchemaError
        When the schema has a table of this name.
    """
    if HISTORY in (table.name.lower() for table in schema.tables):
        raise SchemaError.reserved_table(HISTORY)
    key = schema.table(target.entity).key
    columns = {
        HISTORY_KEY: ColumnType.KEY,
        key: ColumnType.KEY,
        LABEL: _LABEL_TYPES[target.task],
        LABEL_TIME: ColumnType.DATETIME,
    }
    table = Table(name=HISTORY, key=HISTORY_KEY, columns=columns, time=LABEL_TIME)
    link = Relationship(parent=target.entity, parent_column=key, child=HISTORY, child_column=key)
    return Schema(tables=(*schema.tables, table), relationships=(*schema.relationships, link))


def make_history(answers: pa.Table, target: Target, classes: Classes | None = None) -> pa.Table:
    """Lay out answers (key, cutoff_time, label, label_time) as rows of `past_labels`.

    Classes of a multiclass target are text, binary labels booleans, a regression's numbers.
    A label counts as known just after its own cutoff at the earliest: the row that asks for it
    never sees it. Rows are named by what they answer, so that a label that arrives late leaves
    the names of the others alone.
    """
    key = answers.column_names[0]
    # NOTE: moments are text of one length, so that no two answers share a name.
    names = [answers[CUTOFF_TIME].cast(pa.string()), answers[key].cast(pa.string())]
    moments = pc.max_element_wise(answers[LABEL_TIME], pc.add(answers[CUTOFF_TIME], _JUST_AFTER))
    return pa.table(
        {
            HISTORY_KEY: pc.binary_join_element_wise(*names, " "),
            key: answers[key],
            LABEL: _labels(answers[LABEL], target, classes),
            LABEL_TIME: moments,
        }
    )


def tells_when(labels: pd.DataFrame) -> bool:
    """Say whether label times say anything: one that is the cutoff is most likely left out.

    A label that looks ahead of its cutoff and claims to be known at it would leak into the next
    cutoff of the same entity.
    """
    return bool((labels[LABEL_TIME] > labels[CUTOFF_TIME]).any())


def uses_history(plan: FeaturePlan) -> bool:
    """Say whether a feature of the plan looks at past labels."""
    definitions = json.loads(plan.definitions).get("feature_definitions", {})
    return any(
        definition["arguments"].get("dataframe_name") == HISTORY
        for definition in definitions.values()
    )


def _labels(labels: pa.ChunkedArray, target: Target, classes: Classes | None) -> pa.ChunkedArray:
    if target.task == "multiclass":
        return labels.cast(pa.string())
    if target.task == "binary" and pa.types.is_string(labels.type) and classes is None:
        return pa.chunked_array([pa.nulls(len(labels), pa.bool_())])
    codes = encode(labels, target.task, classes)
    return codes.cast(pa.bool_()) if target.task == "binary" else codes
