"""SQL from the spec: parsed and found to be one reading SELECT before anything runs it.

DuckDB's own parser gives the syntax tree, so names in comments, strings or common table
expressions are told apart from tables.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import duckdb

from features.source_errors import SourceError

_READING_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_FILE_FUNCTIONS = re.compile(r"read_\w+|parquet_\w+|sniff_csv|glob")
_QUOTED = re.compile(rb"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def connect(*, n_threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that neither loads extensions nor sees Python's variables.

    Its time zone is UTC, so that SQL means the same on every machine.
    """
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET TimeZone = 'UTC'")
    # NOTE: what does not fit in memory would otherwise go to `.tmp` in the working directory.
    spill = Path(gettempdir()) / "perennial-duckdb"
    connection.execute(f"SET temp_directory = {literal(str(spill))}")
    if n_threads is not None:
        connection.execute(f"SET threads = {int(n_threads)}")
    return connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One SELECT that only reads.

    Attributes
    ----------
    text
        The SQL as it was written.
    tables
        Names it selects from, in lower case: tables of the spec, or files.
    """

    text: str
    tables: frozenset[str]
    _files: tuple[int, ...]

    @classmethod
    def parse(cls, text: str, *, what: str) -> "Query":
        """Parse SQL; `what` says in messages where it stands, for example "target.labels".

        Raises
        ------
        SourceError
            When it does not parse, is not exactly one SELECT, or writes anywhere in it.

        Examples
        --------
        >>> sorted(Query.parse("WITH a AS (FROM b) FROM a JOIN c USING (x)", what="sql").tables)
        ['b', 'c']
        >>> Query.parse("DROP TABLE b", what="sql")
        Traceback (most recent call last):
        ...
        features.source_errors.SourceError: sql: expected one reading statement, got 'DROP TABLE b'. Write it as a single SELECT (a pivot as SELECT … FROM (PIVOT … ON … IN (…))).
        """  # noqa: E501
        tree = _parse(text, what)
        for kind in _kinds(tree):
            if kind.endswith("_NODE") and kind not in _READING_NODES:
                statement = kind.removesuffix("_NODE").removesuffix("_QUERY")
                raise SourceError.not_a_select(what, f"{statement} within it")
        references = list(_references(tree, frozenset()))
        return cls(
            text=text,
            tables=frozenset(name.lower() for name, _ in references),
            _files=tuple(_path_offsets(tree)) + tuple(
                offset for name, offset in references if _looks_like_path(name)
            ),
        )  # fmt: skip

    @property
    def files(self) -> tuple[str, ...]:
        """Names of files and globs that it reads, as far as they are written out.

        Examples
        --------
        >>> Query.parse("FROM read_csv('a.csv') JOIN 'b/*.parquet' USING (x)", what="sql").files
        ('a.csv', 'b/*.parquet')
        """
        sql = self.text.encode()
        quoted = (_QUOTED.match(sql, offset) for offset in sorted(set(self._files)))
        return tuple(_unquoted(found[0]) for found in quoted if found is not None)

    def reading_from(self, base_directory: Path) -> str:
        """Give the SQL with relative file names made absolute, under `base_directory`.

        NOTE: DuckDB's `file_search_path` is asked only after the process's own directory, so a
        file of the same name there would be read instead (seen in DuckDB 2.0). Names that are
        computed (`getvariable('project') || '/data/' || name`) are left as they are.
        """
        sql = self.text.encode()
        for offset in sorted(set(self._files), reverse=True):
            quoted = _QUOTED.match(sql, offset)
            if quoted is not None:
                sql = sql[:offset] + _absolute(quoted[0], base_directory) + sql[quoted.end() :]
        return sql.decode()


def _unquoted(quoted: bytes) -> str:
    mark = quoted[:1].decode()
    return quoted[1:-1].decode().replace(mark * 2, mark)


def absolute_path(name: str, base_directory: Path) -> str:
    """Give a file name or glob as an absolute one; addresses (`s3://…`) stay as they are."""
    if "://" in name or name.startswith(("/", "~")) or Path(name).is_absolute():
        return name
    return str(base_directory / name)


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


# NOTE: remembered, because a connection costs 20 ms and every SQL is looked at twice: for the
# order of tables, and to run it. Readers leave the tree as it is.
@lru_cache(maxsize=64)
def _parse(text: str, what: str) -> Any:
    with connect() as connection:
        try:
            [row] = connection.execute("SELECT json_serialize_sql($1)", [text]).fetchall()
        except duckdb.Error as error:
            raise SourceError.failed_sql(what, error) from error
    tree = json.loads(row[0])
    if tree["error"] and tree["error_type"] == "not implemented":
        raise SourceError.not_a_select(what, repr(text))
    if tree["error"]:
        raise SourceError.failed_sql(what, tree["error_message"])
    if len(tree["statements"]) != 1:
        raise SourceError.not_a_select(what, f"{len(tree['statements'])} statements")
    return tree["statements"][0]


def _kinds(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict) and isinstance(tree.get("type"), str):
        yield tree["type"]
    for child in _children(tree):
        yield from _kinds(child)


def _references(tree: Any, bound: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Yield (name, byte offset) of tables that are no common table expression in scope."""
    if isinstance(tree, dict) and tree.get("type") == "BASE_TABLE":
        if tree["table_name"].lower() not in bound:
            yield tree["table_name"], tree["query_location"]
        return
    if isinstance(tree, dict) and "cte_map" in tree:
        for entry in tree["cte_map"].get("map", []):
            name = entry["key"].lower()
            recursive = "RECURSIVE_CTE_NODE" in _kinds(entry["value"])
            yield from _references(entry["value"], bound | {name} if recursive else bound)
            bound |= {name}
        tree = {key: value for key, value in tree.items() if key != "cte_map"}
    for child in _children(tree):
        yield from _references(child, bound)


def _path_offsets(tree: Any) -> Iterator[int]:
    """Yield the byte offsets of file names given to table functions that read files."""
    if isinstance(tree, dict) and tree.get("type") == "TABLE_FUNCTION":
        function = tree["function"]
        arguments = function.get("arguments") or function.get("children") or []
        if arguments and _FILE_FUNCTIONS.fullmatch(function["function_name"].lower()):
            yield from _constant_offsets(arguments[0])
    for child in _children(tree):
        yield from _path_offsets(child)


def _constant_offsets(argument: Any) -> Iterator[int]:
    expression = argument.get("expression", argument)
    if expression.get("type") == "VALUE_CONSTANT":
        yield expression["query_location"]
    elif expression.get("function_name") == "list_value":
        for item in expression.get("arguments") or expression.get("children") or []:
            yield from _constant_offsets(item)


def _children(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return list(tree.values())
    return tree if isinstance(tree, list) else []


def _looks_like_path(name: str) -> bool:
    return "/" in name or "." in name


def _absolute(quoted: bytes, base_directory: Path) -> bytes:
    mark, name = quoted[:1].decode(), _unquoted(quoted)
    return (mark + absolute_path(name, base_directory).replace(mark, mark * 2) + mark).encode()
