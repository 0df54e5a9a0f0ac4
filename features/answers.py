"""What the label SQL answers over a snapshot, checked: key, cutoff time, label, label time."""

import difflib
from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.label_errors import LabelError
from features.query import Query, connect, literal, quote
from features.snapshot import Snapshot
from features.source_errors import SourceError

CUTOFF_TIME = "cutoff_time"
LABEL = "label"
LABEL_TIME = "label_time"

_MICROSECONDS = pa.timestamp("us")


def run_label_sql(
    snapshot: Snapshot, entity: str, sql: str, *, may_be_empty: bool = False
) -> pa.Table:
    """Run the label SQL over the tables of a snapshot, and over nothing else.

    Returns
    -------
    pyarrow.Table
        Columns: the entity's key, cutoff_time, label (as the SQL types it, NaN null),
        label_time (cutoff_time if the SQL gives none); ordered by (cutoff_time, key), which is
        unique.

    Raises
    ------
    SourceError
        When the SQL does not run, or does more than read.
    LabelError
        When a row is not one question with at most one answer.
    """
    key = _entity_key(snapshot, entity)
    answers = _run(snapshot, sql)
    _check_columns(key, answers.column_names)
    if answers.num_rows == 0 and not may_be_empty:
        raise LabelError.no_rows("an empty result", "Correct the WHERE or JOIN of the SELECT.")
    moment = LABEL_TIME if LABEL_TIME in answers.column_names else CUTOFF_TIME
    rows = pa.table(
        {
            key: _keys(snapshot, entity, key, answers[key]),
            CUTOFF_TIME: _times(CUTOFF_TIME, answers[CUTOFF_TIME]),
            LABEL: _labels(answers[LABEL]),
            LABEL_TIME: _times(LABEL_TIME, answers[moment]),
        }
    )
    _check_nulls(rows, (key, CUTOFF_TIME))
    _check_order(key, rows)
    rows = rows.sort_by([(CUTOFF_TIME, "ascending"), (key, "ascending")]).combine_chunks()
    _check_unique(key, rows)
    return rows


def _entity_key(snapshot: Snapshot, entity: str) -> str:
    for table in snapshot.tables:
        if table.name == entity:
            if not table.has_own_key:
                raise LabelError.unnamed_entity(entity)
            return _free(snapshot.schema.table(entity).key)
    raise LabelError.unknown_entity(entity, [table.name for table in snapshot.tables])


def _free(key: str) -> str:
    if key in (CUTOFF_TIME, LABEL, LABEL_TIME):
        raise LabelError.reserved_key(key)
    return key


def _run(snapshot: Snapshot, sql: str) -> pa.Table:
    query = Query.parse(sql, what="target.labels")
    # NOTE: one thread, so that sums of floats, and with them labels, repeat to the last bit.
    with connect(n_threads=1) as connection:
        for table in snapshot.tables:
            path = literal(str(snapshot.path(table.name)))
            connection.execute(f"CREATE VIEW {quote(table.name)} AS FROM read_parquet({path})")
        _close_off(connection, [str(snapshot.path(table.name)) for table in snapshot.tables])
        try:
            return connection.sql(query.text).to_arrow_table()
        except duckdb.Error as error:
            raise SourceError.failed_sql("target.labels", error) from error


def _close_off(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """Leave the snapshot's files as the only ones that can be read, for good."""
    allowed = ", ".join(map(literal, paths))
    connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _check_columns(key: str, names: Sequence[str]) -> None:
    missing = [name for name in (key, CUTOFF_TIME, LABEL) if name not in names]
    if missing:
        raise LabelError.missing_columns(missing, names)
    if LABEL_TIME not in names:
        others = [name for name in names if name not in (key, CUTOFF_TIME, LABEL)]
        for name in difflib.get_close_matches(LABEL_TIME, others, n=1, cutoff=0.75):
            raise LabelError.misspelt_column(name, LABEL_TIME)


def _keys(snapshot: Snapshot, entity: str, key: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    known = snapshot.read(entity, [key])[key]
    both_whole = pa.types.is_integer(values.type) and pa.types.is_integer(known.type)
    if not both_whole and values.type != known.type and values.null_count < len(values):
        raise LabelError.wrong_type(key, f"{known.type} as in {entity!r}", str(values.type))
    values = values.cast(known.type)
    strangers = values.filter(pc.invert(pc.is_in(values, known.combine_chunks())))
    strangers = strangers.drop_null()
    if len(strangers):
        raise LabelError.unknown_keys(
            key, entity, len(strangers), pc.unique(strangers)[:3].to_pylist()
        )
    return values


def _times(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_null(values.type):
        return values.cast(_MICROSECONDS)
    if pa.types.is_date(values.type):
        return values.cast(pa.timestamp("s")).cast(_MICROSECONDS)
    if not pa.types.is_timestamp(values.type):
        raise LabelError.wrong_type(name, "a timestamp or date", str(values.type))
    # NOTE: Arrow keeps zoned timestamps in UTC; casting to a naive type drops the zone only.
    return values.cast(_MICROSECONDS, safe=False)


def _labels(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        return values.cast(pa.string())
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def _check_nulls(rows: pa.Table, columns: Sequence[str]) -> None:
    for name in columns:
        if rows[name].null_count:
            raise LabelError.null_values(name, rows[name].null_count)


def _check_order(key: str, rows: pa.Table) -> None:
    early = rows.filter(pc.less(rows[LABEL_TIME], rows[CUTOFF_TIME]))
    if early.num_rows:
        example = _shown(early.slice(0, 1), (key, CUTOFF_TIME, LABEL_TIME))
        raise LabelError.early_label(early.num_rows, example)


def _check_unique(key: str, rows: pa.Table) -> None:
    n_rows = rows.num_rows
    if n_rows < 2:
        return
    same = pc.and_(
        *(
            pc.equal(rows[name].slice(1), rows[name].slice(0, n_rows - 1))
            for name in (key, CUTOFF_TIME)
        )
    )
    count = pc.sum(same).as_py()
    if count:
        example = _shown(rows.slice(1).filter(same).slice(0, 1), (key, CUTOFF_TIME))
        raise LabelError.duplicate_rows(key, count, example)


def _shown(row: pa.Table, columns: Sequence[str]) -> str:
    return ", ".join(f"{name} {row[name][0].as_py()}" for name in columns)
