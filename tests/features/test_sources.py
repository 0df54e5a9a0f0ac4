"""Sources are read as they are, in their order, by reading SQL only and without extensions."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import FeatureError
from features.query import Query
from features.schema import ColumnType
from features.source_errors import DataError, SourceError
from features.sources import TableSource, in_reading_order, read_source

SERVER = "postgresql://root@127.0.0.1:5432/test"


def read(folder: Path, tables: dict[str, pa.Table] | None = None, **source: Any) -> pa.Table:
    return read_source(TableSource(name="t", **source), base_directory=folder, tables=tables or {})


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


class TestFiles:
    def test_csv_parquet_and_json_are_read(self, tmp_path: Path) -> None:
        table = pa.table({"a": [2, 1], "b": ["x", "y"]})
        pq.write_table(table, tmp_path / "t.parquet")
        write(tmp_path, "t.csv", "a,b\n2,x\n1,y\n")
        write(tmp_path, "t.json", '[{"a": 2, "b": "x"}, {"a": 1, "b": "y"}]')
        for name in ("t.parquet", "t.csv", "t.json"):
            assert read(tmp_path, source=name).to_pylist() == table.to_pylist()

    def test_glob_reads_files_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        for name, value in [("2.csv", 2), ("1.csv", 1), ("3.csv", 3)]:
            write(tmp_path, f"data/{name}", f"a\n{value}\n")
        assert read(tmp_path, source="data/*.csv")["a"].to_pylist() == [1, 2, 3]

    def test_na_is_null_in_numbers_and_times_and_itself_in_strings(self, tmp_path: Path) -> None:
        write(tmp_path, "t.csv", "species,mass,seen\nNA,1.5,2020-01-01\nAB,NA,NA\n,2,\n")
        table = read(tmp_path, source="t.csv")
        assert table["species"].to_pylist() == ["NA", "AB", None]
        assert table["mass"].to_pylist() == [1.5, None, 2.0]
        assert table["seen"].null_count == 2
        assert pa.types.is_date(table.schema.field("seen").type)

    def test_sql_may_take_na_as_null_everywhere(self, tmp_path: Path) -> None:
        write(tmp_path, "t.csv", "species\nNA\nAB\n")
        table = read(tmp_path, sql="FROM read_csv('t.csv', nullstr='NA')")
        assert table["species"].to_pylist() == [None, "AB"]

    def test_rows_beyond_the_sample_may_widen_a_type(self, tmp_path: Path) -> None:
        write(tmp_path, "t.csv", "a,b\n" + "1,2\n" * 30_000 + "1.5,x\n")
        table = read(tmp_path, source="t.csv")
        assert table["a"][-1].as_py() == 1.5
        assert table["b"][0].as_py() == "2"

    def test_declared_strings_keep_leading_zeros(self, tmp_path: Path) -> None:
        write(tmp_path, "t.csv", "zip,n\n00123,1\n")
        table = read(tmp_path, source="t.csv", types={"zip": ColumnType.CATEGORICAL})
        assert table.to_pylist() == [{"zip": "00123", "n": 1}]

    def test_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"'t': expected to read 'no.csv', got: .*No files"):
            read(tmp_path, source="no.csv")

    def test_file_that_is_not_what_its_name_says_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "t.parquet", "a,b\n1,2\n")
        with pytest.raises(SourceError, match=r"expected to read 't.parquet', got: .*Name a file"):
            read(tmp_path, source="t.parquet")

    def test_empty_file_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "t.csv", "a,b\n")
        with pytest.raises(DataError, match=r"'t': expected rows, got an empty table. Correct"):
            read(tmp_path, source="t.csv")

    @pytest.mark.parametrize("address", ["s3://bucket/t.csv", "https://host.invalid/t.parquet"])
    def test_extensions_are_never_downloaded(self, tmp_path: Path, address: str) -> None:
        with pytest.raises(SourceError, match=r"without extensions, got .*copy the files to"):
            read(tmp_path, source=address)
        with pytest.raises(SourceError, match=r"without extensions"):
            read(tmp_path, sql=f"SELECT * FROM '{address}'")


class TestSql:
    def test_relative_paths_start_at_the_base_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base, elsewhere = tmp_path / "it's a base", tmp_path / "elsewhere"
        for folder, value in [(base, "right"), (elsewhere, "wrong")]:
            write(folder, "data/é.csv", f"a\n{value}\n")
        monkeypatch.chdir(elsewhere)
        for sql in (
            "SELECT 'é' AS b, a FROM read_csv('data/é.csv')",
            "FROM read_csv(['data/é.csv'])",
            "FROM read_csv('data/*.csv')",
            "FROM 'data/é.csv'",
            'FROM "data/é.csv"',
            "WITH x AS (SELECT * FROM 'data/é.csv') FROM x",
        ):
            assert read(base, sql=sql)["a"].to_pylist() == ["right"]

    def test_strings_that_look_like_paths_are_left_alone(self, tmp_path: Path) -> None:
        write(tmp_path, "data/x.csv", "a\ndata/x.csv\n")
        sql = "SELECT a = 'data/x.csv' AS same -- FROM 'data/y.csv'\nFROM 'data/x.csv'"
        assert read(tmp_path, sql=sql)["same"].to_pylist() == [True]

    def test_other_tables_are_read_by_name(self, tmp_path: Path) -> None:
        tables = {"flights": pa.table({"tail": ["b", "a", "b"]})}
        table = read(tmp_path, tables, sql="SELECT DISTINCT tail FROM flights ORDER BY 1;")
        assert table["tail"].to_pylist() == ["a", "b"]

    def test_python_variables_are_no_tables(self, tmp_path: Path) -> None:
        local_table = pa.table({"a": [1]})
        with pytest.raises(SourceError, match=r"local_table does not exist"):
            read(tmp_path, sql="FROM local_table")
        assert local_table.num_rows == 1

    def test_zoned_times_mean_the_same_everywhere(self, tmp_path: Path) -> None:
        sql = "SELECT CAST(TIMESTAMPTZ '2020-01-01 23:00:00-03:00' AS DATE)::VARCHAR AS day"
        assert read(tmp_path, sql=sql)["day"].to_pylist() == ["2020-01-02"]

    def test_the_order_of_a_group_by_repeats(self, tmp_path: Path) -> None:
        sql = "SELECT i % 5000 AS k, sum(i / 3) AS s FROM range(300000) t(i) GROUP BY 1"
        assert read(tmp_path, sql=sql).equals(read(tmp_path, sql=sql))

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELEC 1", "expected DuckDB SQL that runs, got: syntax error at or near"),
            ("SELECT x FROM range(3)", "got: Binder Error.*\\. Correct it"),
            ("SELECT 1; SELECT 2", "expected one reading statement, got 2 statements"),
            ("-- nothing", "expected one reading statement, got 0 statements"),
            ("CREATE TABLE x AS SELECT 1", "expected one reading statement, got 'CREATE TABLE"),
            ("COPY (SELECT 1) TO 'stolen.csv'", "expected one reading statement, got"),
            ("WITH x AS (COPY (SELECT 1 a) TO 'stolen.csv') FROM x", "got COPY within it"),
            ("WITH x AS (DELETE FROM t RETURNING *) FROM x", "got DELETE within it"),
            ("INSTALL httpfs", "expected one reading statement"),
        ],
    )
    def test_only_one_reading_select_is_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, expected: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SourceError, match=f"Table 't', sql: .*{expected}"):
            read_source(
                next(iter(in_reading_order([TableSource(name="t", sql=sql)]))),
                base_directory=tmp_path,
                tables={},
            )
        assert list(tmp_path.iterdir()) == []

    def test_columns_that_differ_by_case_only_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"by more than case, got 'a', 'A'. Rename one"):
            read(tmp_path, sql="SELECT 1 AS a, 2 AS A, 3 AS b")


class TestReach:
    @pytest.mark.parametrize(
        "sql",
        [
            "FROM read_text('{secret}' || '')",
            "SELECT content FROM read_text(concat('{secret}'))",
            "FROM query('FROM read_text(' || '''{secret}''' || ')')",
            "SELECT file FROM glob('{folder}/' || '*')",
            "FROM sniff_csv('{secret}' || '')",
            "FROM read_csv(getvariable('project') || '/../secrets/key.csv')",
        ],
    )
    def test_a_name_that_is_computed_stays_in_the_project(self, tmp_path: Path, sql: str) -> None:
        project, secrets = tmp_path / "project", tmp_path / "secrets"
        write(project, "x.csv", "a\n1\n")
        write(secrets, "key.csv", "a\n1\n")
        with pytest.raises(SourceError, match=r"expected to read files under the folder of the"):
            read(project, sql=sql.format(secret=secrets / "key.csv", folder=secrets))

    def test_a_computed_name_within_the_project_is_read(self, tmp_path: Path) -> None:
        write(tmp_path, "x.csv", "a\n1\n")
        sql = "FROM read_csv(getvariable('project') || '/' || 'x' || '.csv')"
        assert read(tmp_path, sql=sql)["a"].to_pylist() == [1]

    def test_what_is_written_out_is_read_from_anywhere(self, tmp_path: Path) -> None:
        project, other = tmp_path / "project", tmp_path / "other"
        write(project, "y.csv", "a\n1\n")
        write(other, "x.csv", "a\n2\n")
        (project / "link").symlink_to(other)
        for name in (f"{other}/x.csv", f"{other}/*.csv", "../other/x.csv", "link/x.csv", "link/*"):
            assert read(project, sql=f"FROM read_csv('{name}')")["a"].to_pylist() == [2]
            if name.endswith("csv"):
                assert read(project, source=name)["a"].to_pylist() == [2]

    @pytest.mark.parametrize("name", ["{}/x.csv", "{}/*.csv", "../other/x.csv", "link/x.csv"])
    def test_with_roots_nothing_else_is_read(self, tmp_path: Path, name: str) -> None:
        project, other = tmp_path / "project", tmp_path / "other"
        write(project, "y.csv", "a\n1\n")
        write(other, "x.csv", "a\n2\n")
        (project / "link").symlink_to(other)
        name = name.format(other)
        for source in (
            TableSource(name="t", source=name),
            TableSource(name="t", sql=f"FROM read_csv('{name}')"),
        ):
            with pytest.raises(SourceError, match=r"or have its folder added to PERENNIAL_SOURCES"):
                read_source(source, base_directory=project, tables={}, roots=(tmp_path / "no",))
            found = read_source(source, base_directory=project, tables={}, roots=(other,))
            assert found["a"].to_pylist() == [2]
        inside = TableSource(name="t", source="y.csv")
        assert read_source(inside, base_directory=project, tables={}, roots=()).num_rows == 1


class TestOrder:
    def test_tables_come_after_those_they_select_from(self) -> None:
        sources = [
            TableSource(name="c", sql="FROM A JOIN b USING (x)"),
            TableSource(name="b", sql="WITH c AS (FROM a) FROM c"),
            TableSource(name="a", sql="WITH a AS (FROM 'a.csv') FROM a"),
        ]
        assert [source.name for source in in_reading_order(sources)] == ["a", "b", "c"]

    def test_circle_is_refused(self) -> None:
        sources = [TableSource(name="a", sql="FROM b"), TableSource(name="b", sql="FROM a")]
        with pytest.raises(SourceError, match=r"got a circle: a -> b -> a. Read one of them"):
            in_reading_order(sources)

    def test_names_bound_by_common_table_expressions_are_no_tables(self) -> None:
        sql = "WITH RECURSIVE a AS (SELECT 1 i UNION ALL SELECT i + 1 FROM a WHERE i < 3) FROM a, b"
        assert Query.parse(sql, what="sql").tables == {"b"}


class TestDeclaration:
    @pytest.mark.parametrize("origin", [{}, {"source": "t.csv", "sql": "SELECT 1"}])
    def test_exactly_one_origin(self, origin: dict[str, str]) -> None:
        with pytest.raises(SourceError, match=r"'t': expected exactly one of `source`.*, got "):
            TableSource(name="t", **origin)

    @pytest.mark.parametrize("name", ["", "a b", "../a", "1a", "a.b"])
    def test_name_must_be_plain(self, name: str) -> None:
        with pytest.raises(SourceError, match=r"Expected a table name of letters"):
            TableSource(name=name, source="t.csv")


class TestPostgresAddress:
    def test_description_holds_no_credentials(self) -> None:
        source = "postgresql://me:se%23cret@host:5432/db?table=shop.orders&password=hush"
        description = TableSource(name="t", source=source).description
        assert description == "postgresql://host:5432/db?table=shop.orders"

    @pytest.mark.parametrize(
        ("source", "problem"),
        [
            ("postgresql://host/db", "got neither table= nor query="),
            ("postgresql://host/db?table=a&query=SELECT 1", "got both table= and query="),
            ("postgresql:///db?table=a", "got no host"),
        ],
    )
    def test_address_must_say_what_to_read(self, tmp_path: Path, source: str, problem: str) -> None:
        with pytest.raises(SourceError, match=f"expected postgresql://user@host.*{problem}"):
            read(tmp_path, source=source)

    def test_unreachable_server_is_refused_without_credentials(self, tmp_path: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(FeatureError, match=f"127.0.0.1:{port}/db.table=a to give rows") as got:
            read(tmp_path, source=f"postgresql://me:hush@127.0.0.1:{port}/db?table=a")
        assert "Check that the server runs" in str(got.value)
        assert "hush" not in str(got.value)
        assert got.value.__cause__ is None


@pytest.fixture
def server() -> Iterator[str]:
    try:
        connection = adbc.connect(SERVER, autocommit=True)
    except adbc.Error:
        if os.environ.get("CI"):
            raise
        pytest.skip("no PostgreSQL on 127.0.0.1:5432")
    schema = f"perennial_sources_{os.getpid()}"
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
        cursor.execute(
            f"CREATE TABLE {schema}.orders AS SELECT * FROM (VALUES "
            "(2, 1.50::numeric, TIMESTAMPTZ '2020-01-01 00:00:00+02', 'b', NULL::int), "
            "(1, 'NaN'::numeric, TIMESTAMPTZ '2020-01-02 00:00:00+00', 'é', 7)"
            ") AS t(id, price, at, name, n)"
        )
        try:
            yield schema
        finally:
            cursor.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.mark.services
class TestPostgres:
    def test_table_is_read(self, tmp_path: Path, server: str) -> None:
        table = read(tmp_path, source=f"{SERVER}?table={server}.orders")
        assert table.column_names == ["id", "price", "at", "name", "n"]
        assert sorted(table["id"].to_pylist()) == [1, 2]
        assert table.schema.field("price").type == pa.float64()
        assert table["name"].to_pylist() == ["b", "é"]

    def test_query_is_read(self, tmp_path: Path, server: str) -> None:
        query = f"SELECT id + 1 AS next FROM {server}.orders WHERE name <> 'b'"
        assert read(tmp_path, source=f"{SERVER}?query={query}")["next"].to_pylist() == [2]

    def test_query_cannot_write(self, tmp_path: Path, server: str) -> None:
        query = f"DELETE FROM {server}.orders RETURNING id"
        with pytest.raises(SourceError, match=r"read-only transaction"):
            read(tmp_path, source=f"{SERVER}?query={query}")

    def test_missing_table_is_refused(self, tmp_path: Path, server: str) -> None:
        with pytest.raises(SourceError, match=f'relation "{server}.nope" does not exist'):
            read(tmp_path, source=f"{SERVER}?table={server}.nope")
