"""What a raw column means to feature synthesis, and the SQL that makes it one of our types.

Stored types are few: int64 and float64 for numbers, bool, naive UTC timestamps in microseconds,
strings, and int64 or string for keys.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.query import quote
from features.schema import ColumnType
from features.source_errors import DataError

TEXT_MEAN_LENGTH = 30
TEXT_DISTINCT_SHARE = 0.5

_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger")
_BIG_NUMBERS = ("ubigint", "hugeint", "uhugeint", "decimal", "bignum")
_FLOATS = ("float", "double")
_TIMES = ("date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns")
_ZONED = "timestamp with time zone"
_STRINGS = ("varchar", "enum", "uuid", "null", "sqlnull", "json", '"null"')


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedColumn:
    """A column on its way into a snapshot.

    Attributes
    ----------
    value
        SQL for the stored value.
    given
        SQL that is not null where the source gives a value; `value` must then be none either.
    """

    name: str
    kind: ColumnType
    value: str
    given: str


def type_column(
    table: str, name: str, raw: str, *, declared: ColumnType | None, is_key: bool
) -> TypedColumn:
    """Decide a column's type and how it is converted.

    Parameters
    ----------
    raw
        DuckDB's name of the source's type, without parameters (`decimal`).
    declared
        The type asked for; None to infer it.
    is_key
        Whether the column is the table's key or takes part in a relationship.

    Raises
    ------
    DataError
        When the source's type cannot be made the one asked for, or means nothing.
    """
    kind = declared or _inferred(raw)
    if is_key:
        convert = _key_value(raw, declared)
        kind = ColumnType.KEY
    else:
        convert = _CONVERSIONS[kind](raw) if kind is not None else None
    if kind is None or convert is None:
        raise DataError.unsupported_type(table, name, raw.upper(), declared or _word(is_key))
    given = _given(raw, kind, quote(name))
    return TypedColumn(name=name, kind=kind, value=convert(given), given=given)


def is_text(column: pa.ChunkedArray) -> bool:
    """Tell long strings that hardly repeat (TEXT) from categories."""
    n_given = len(column) - column.null_count
    if n_given == 0 or pc.mean(pc.utf8_length(column)).as_py() <= TEXT_MEAN_LENGTH:
        return False
    distinct: int = pc.count_distinct(column, mode="only_valid").as_py()
    return bool(distinct > TEXT_DISTINCT_SHARE * n_given)


_Conversion = Callable[[str], str]


def _inferred(raw: str) -> ColumnType | None:
    if raw in (*_INTEGERS, *_BIG_NUMBERS, *_FLOATS, "time"):
        return ColumnType.NUMERIC
    if raw == "boolean":
        return ColumnType.BOOLEAN
    if raw in (*_TIMES, _ZONED):
        return ColumnType.DATETIME
    return ColumnType.CATEGORICAL if raw in _STRINGS else None


def _given(raw: str, kind: ColumnType, column: str) -> str:
    """One missing value: NaN, a moment that never comes, and an empty string for another type."""
    if raw in _FLOATS:
        return f"nullif({column}, 'nan')"
    if raw == _ZONED:
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    if raw in _TIMES:
        return f"CASE WHEN isfinite(CAST({column} AS TIMESTAMP)) THEN {column} END"
    if raw == "varchar" and kind not in (ColumnType.CATEGORICAL, ColumnType.TEXT, ColumnType.KEY):
        return f"nullif(trim({column}), '')"
    return column


def _numeric_value(raw: str) -> _Conversion | None:
    if raw in _INTEGERS:
        return lambda x: f"CAST({x} AS BIGINT)"
    if raw == "time":
        return lambda x: f"epoch({x})"
    if raw in (*_BIG_NUMBERS, *_FLOATS, *_STRINGS, "boolean"):
        return lambda x: f"nullif(TRY_CAST({x} AS DOUBLE), 'nan')"
    return None


def _boolean_value(raw: str) -> _Conversion | None:
    if raw in ("boolean", *_INTEGERS, *_STRINGS):
        return lambda x: f"TRY_CAST(CAST({x} AS VARCHAR) AS BOOLEAN)"
    if raw in (*_FLOATS, *_BIG_NUMBERS):
        return lambda x: f"CASE WHEN {x} IN (0, 1) THEN {x} = 1 END"
    return None


def _datetime_value(raw: str) -> _Conversion | None:
    if raw in _TIMES:
        return lambda x: f"CAST({x} AS TIMESTAMP)"
    if raw in (_ZONED, *_STRINGS):
        return lambda x: f"timezone('UTC', TRY_CAST({x} AS TIMESTAMPTZ))"
    return None


def _string_value(_raw: str) -> _Conversion | None:
    return lambda x: f"CAST({x} AS VARCHAR)"


def _key_value(raw: str, declared: ColumnType | None) -> _Conversion | None:
    """Keys are int64 or strings; times name rows by their ISO text."""
    if declared in (ColumnType.CATEGORICAL, ColumnType.TEXT):
        return _string_value(raw)
    if declared not in (None, ColumnType.KEY, ColumnType.NUMERIC):
        return None
    if raw in _INTEGERS or (raw in _STRINGS and declared is ColumnType.NUMERIC):
        return lambda x: f"TRY_CAST({x} AS BIGINT)"
    if raw in (*_FLOATS, *_BIG_NUMBERS):
        return lambda x: f"CASE WHEN {x} = trunc({x}) THEN TRY_CAST({x} AS BIGINT) END"
    if raw in _STRINGS:
        return _string_value(raw)
    if raw in (*_TIMES, _ZONED):
        time = _datetime_value(raw)
        return lambda x: f"CAST({time(x)} AS VARCHAR)" if time else x
    return None


def _word(is_key: bool) -> str | None:
    return "whole numbers or strings as keys" if is_key else None


_CONVERSIONS: dict[ColumnType, Callable[[str], _Conversion | None]] = {
    ColumnType.NUMERIC: _numeric_value,
    ColumnType.BOOLEAN: _boolean_value,
    ColumnType.DATETIME: _datetime_value,
    ColumnType.CATEGORICAL: _string_value,
    ColumnType.TEXT: _string_value,
    ColumnType.KEY: lambda raw: _key_value(raw, None),
}
