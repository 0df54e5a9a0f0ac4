"""Snapshots: as of a moment, named by content, whole or not there."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import FeatureError, SchemaError
from features.schema import ColumnType, Relationship
from features.snapshot import MANIFEST, Snapshot, open_snapshot, take_snapshot
from features.source_errors import DataError, SnapshotError, SourceError
from features.sources import TableSource

NOW = pd.Timestamp("2024-03-01 12:00:00")

ORDERS = """\
order_id,customer,placed_at,shipped_at,weight,note
3,a,2024-01-03T10:00:00,2024-02-01T00:00:00,1.5,x
1,b,2024-01-01T10:00:00,2024-03-02T00:00:00,2.5,NA
2,a,2024-03-01T12:00:00,,3.5,
9,z,2024-03-01T12:00:01,2024-03-05T00:00:00,9.5,y
"""
CUSTOMERS = "customer,name\na,Ann\nb,Bob\n"


class Shop:
    """A folder with two CSV files, and where their snapshots go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = folder / "snapshots"
        self.write("orders", ORDERS)
        self.write("customers", CUSTOMERS)

    def write(self, table: str, text: str) -> None:
        (self.folder / f"{table}.csv").write_text(text)

    def orders(self, **changes: Any) -> TableSource:
        declared: dict[str, Any] = {
            "name": "orders",
            "source": "orders.csv",
            "key": "order_id",
            "time": "placed_at",
            "known_at": {"shipped_at": ("weight",)},
        }
        return TableSource(**{**declared, **changes})

    def customers(self, **changes: Any) -> TableSource:
        declared = {"name": "customers", "source": "customers.csv", "key": "customer"}
        return TableSource(**{**declared, **changes})

    def take(
        self,
        *sources: TableSource,
        links: Sequence[str] = ("customers.customer <- orders.customer",),
        now: pd.Timestamp = NOW,
    ) -> Snapshot:
        return take_snapshot(
            sources or (self.orders(), self.customers()),
            [Relationship.parse(link) for link in links],
            base_directory=self.folder,
            directory=self.directory,
            now=now,
        )

    def take_one(self, text: str, **declared: Any) -> Snapshot:
        self.write("t", text)
        source = TableSource(**{"name": "t", "source": "t.csv", "key": "k", **declared})
        return self.take(source, links=())

    @property
    def left_behind(self) -> list[str]:
        return sorted(file.name for file in self.directory.glob("*"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestContent:
    def test_tables_are_typed(self, shop: Shop) -> None:
        schema = shop.take().schema
        assert dict(schema.table("orders").columns) == {
            "order_id": ColumnType.KEY,
            "customer": ColumnType.KEY,
            "placed_at": ColumnType.DATETIME,
            "shipped_at": ColumnType.DATETIME,
            "weight": ColumnType.NUMERIC,
            "note": ColumnType.CATEGORICAL,
        }
        assert schema.table("orders").known_at == {"shipped_at": ("weight",)}
        assert [table.name for table in schema.tables] == ["orders", "customers"]

    def test_later_rows_and_values_are_hidden_and_order_is_kept(self, shop: Shop) -> None:
        rows = shop.take().read("orders").to_pydict()
        assert rows["order_id"] == [3, 1, 2]
        assert rows["shipped_at"] == [pd.Timestamp("2024-02-01"), None, None]
        assert rows["weight"] == [1.5, None, None]
        assert rows["note"] == ["x", "NA", None]

    def test_records_say_what_is_in_them(self, shop: Shop) -> None:
        orders, customers = shop.take().tables
        assert (orders.n_rows, orders.n_future) == (3, 1)
        assert (orders.time_min, orders.time_max) == (pd.Timestamp("2024-01-01 10:00:00"), NOW)
        assert (customers.time_min, customers.n_future) == (None, 0)
        assert orders.source == "orders.csv"

    def test_columns_are_read_in_the_order_asked_for(self, shop: Shop) -> None:
        snapshot = shop.take()
        assert snapshot.read("orders", ["note", "order_id"]).column_names == ["note", "order_id"]
        with pytest.raises(SchemaError, match=r"'orders', read: .*got 'wait'. .*mean 'weight'"):
            snapshot.read("orders", ["wait"])

    def test_sql_sees_other_tables_as_of_now(self, shop: Shop) -> None:
        counts = TableSource(
            name="counts",
            sql="SELECT customer, count(*) n, sum(weight) w FROM orders GROUP BY 1 ORDER BY 1",
            key="customer",
        )
        snapshot = shop.take(counts, shop.orders(), links=())
        assert snapshot.read("counts").to_pydict() == {
            "customer": ["a", "b"],
            "n": [2, 1],
            "w": [1.5, None],
        }

    def test_key_is_made_for_a_table_that_nothing_refers_to(self, shop: Shop) -> None:
        snapshot = shop.take(shop.orders(key=None), shop.customers())
        assert snapshot.schema.table("orders").key == "orders_row"
        assert snapshot.read("orders")["orders_row"].to_pylist() == [0, 1, 2]
        assert not snapshot.tables[0].has_own_key

    def test_zoned_times_become_naive_utc(self, shop: Shop) -> None:
        text = "k,t,u\n1,2024-01-01T10:00:00+02:00,2024-01-01T10:00:00Z\n"
        rows = shop.take_one(text, time="t").read("t")
        assert rows.schema.field("t").type == pa.timestamp("us")
        assert rows["t"].to_pylist() == [pd.Timestamp("2024-01-01 08:00:00")]
        assert rows["u"].to_pylist() == [pd.Timestamp("2024-01-01 10:00:00")]

    def test_every_type_has_one_stored_form(self, shop: Shop) -> None:
        sql = """
            SELECT 1 AS k, 1::TINYINT AS small, 2.5::DECIMAL(9, 2) AS price, 7::HUGEINT AS huge,
                   'nan'::DOUBLE AS hole, true AS flag, DATE '2024-01-02' AS day,
                   TIME '01:00:30' AS clock, TIMESTAMP_NS '2024-01-02 00:00:00' AS fine,
                   'x'::ENUM('x', 'y') AS letter, NULL AS nothing,
                   'a59ea1b2-0f14-4dd5-9d40-3a7f3b0d5d2a'::UUID AS id
        """
        snapshot = shop.take(TableSource(name="t", sql=sql, key="k"), links=())
        (row,) = snapshot.read("t").to_pylist()
        assert row == {
            "k": 1, "small": 1, "price": 2.5, "huge": 7.0, "hole": None, "flag": True,
            "day": pd.Timestamp("2024-01-02"), "clock": 3630.0, "fine": pd.Timestamp("2024-01-02"),
            "letter": "x", "nothing": None, "id": "a59ea1b2-0f14-4dd5-9d40-3a7f3b0d5d2a",
        }  # fmt: skip
        kinds = snapshot.schema.table("t").columns
        assert [kinds[name] for name in ("small", "clock", "flag", "day", "letter", "nothing")] == [
            "numeric", "numeric", "boolean", "datetime", "categorical", "categorical",
        ]  # fmt: skip

    def test_moments_that_never_come_are_null(self, shop: Shop) -> None:
        sql = """
            SELECT 1 AS k, 'infinity'::TIMESTAMP AS a, '-infinity'::DATE AS b,
                   'infinity'::TIMESTAMPTZ AS ended, 5 AS amount
        """
        source = TableSource(name="t", sql=sql, key="k", known_at={"ended": ("amount",)})
        (row,) = shop.take(source, links=()).read("t").to_pylist()
        assert row == {"k": 1, "a": None, "b": None, "ended": None, "amount": None}

    def test_long_strings_that_hardly_repeat_are_text(self, shop: Shop) -> None:
        notes = [f"a long note about the order number {i}, written by hand" for i in range(4)]
        codes = ["a long code that is used again and again and again"] * 4
        lines = [f"{i},{notes[i]},{codes[i]}".replace(", w", " w") for i in range(4)]
        columns = shop.take_one("k,note,code\n" + "\n".join(lines)).schema.table("t").columns
        assert columns["note"] == ColumnType.TEXT
        assert columns["code"] == ColumnType.CATEGORICAL

    def test_types_may_be_overridden(self, shop: Shop) -> None:
        types = {
            "number": ColumnType.CATEGORICAL,
            "flag": ColumnType.BOOLEAN,
            "text": ColumnType.NUMERIC,
            "day": ColumnType.DATETIME,
        }
        text = "k,number,flag,text,day\n1,007,1,a,x\n2,1,0,b,y\n"
        self_made = text.replace(",a,x", ',"1.5",2024-01-02').replace(",b,y", ",,")
        snapshot = shop.take_one(self_made, types=types)
        assert snapshot.read("t").to_pylist() == [
            {"k": 1, "number": "007", "flag": True, "text": 1.5, "day": pd.Timestamp("2024-01-02")},
            {"k": 2, "number": "1", "flag": False, "text": None, "day": None},
        ]
        assert dict(snapshot.schema.table("t").columns) == {"k": ColumnType.KEY, **types}

    def test_keys_read_as_floats_are_whole_numbers_again(self, shop: Shop) -> None:
        shop.write("orders", ORDERS.replace(",a,", ",1.0,").replace(",b,", ",,").replace("z", "7"))
        shop.write("customers", "customer,name\n1,Ann\n2,Bob\n")
        snapshot = shop.take()
        assert snapshot.read("orders")["customer"].to_pylist() == [1, None, 1]

    def test_keys_of_two_types_meet_when_declared(self, shop: Shop) -> None:
        shop.write("orders", ORDERS.replace(",a,", ",1,").replace(",b,", ",2,").replace("z", "3"))
        orders = shop.orders(types={"customer": ColumnType.CATEGORICAL})
        snapshot = shop.take(orders, shop.customers())
        assert snapshot.read("orders")["customer"].to_pylist() == ["1", "2", "1"]

    def test_foreign_key_without_any_value_has_its_parents_type(self, shop: Shop) -> None:
        shop.write("customers", "customer,name\n1,Ann\n")
        shop.write("orders", ORDERS.replace(",a,", ",,").replace(",b,", ",,"))
        snapshot = shop.take(shop.orders(sql="FROM 'orders.csv' WHERE order_id < 9", source=None),
                             shop.customers())  # fmt: skip
        assert snapshot.read("orders").schema.field("customer").type == pa.int64()


class TestIdentity:
    def test_same_input_has_the_same_name_and_bytes(self, shop: Shop) -> None:
        first = shop.take()
        (shop.folder / "other").mkdir()
        shop.directory = shop.folder / "other"
        again = shop.take()
        assert again.snapshot_id == first.snapshot_id
        assert again.path("orders").read_bytes() == first.path("orders").read_bytes()

    def test_second_take_gives_the_snapshot_that_is_there(self, shop: Shop) -> None:
        first = shop.take()
        stamp = first.path("orders").stat().st_mtime_ns
        again = shop.take(now=NOW + pd.Timedelta(milliseconds=1))
        assert again == first
        assert again.path("orders").stat().st_mtime_ns == stamp
        assert shop.left_behind == [first.snapshot_id]

    def test_later_now_that_reveals_something_has_another_name(self, shop: Shop) -> None:
        assert shop.take(now=NOW + pd.Timedelta(days=1)).snapshot_id != shop.take().snapshot_id

    @pytest.mark.parametrize(
        ("old", "new"), [("1.5,x", "1.5,w"), ("Ann", "Anne"), ("note", "notes"), ("3,a", "4,a")]
    )
    def test_changed_cell_or_name_changes_the_name(self, shop: Shop, old: str, new: str) -> None:
        before = shop.take()
        shop.write("orders", ORDERS.replace(old, new))
        shop.write("customers", CUSTOMERS.replace(old, new))
        assert shop.take().snapshot_id != before.snapshot_id

    def test_declaration_is_part_of_the_name(self, shop: Shop) -> None:
        other = shop.take(shop.orders(known_at={}), shop.customers())
        assert other.snapshot_id != shop.take().snapshot_id

    def test_opened_snapshot_equals_the_taken_one(self, shop: Shop) -> None:
        taken = shop.take()
        assert open_snapshot(taken.directory, verify=True) == taken


class TestDamage:
    def test_missing_snapshot_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SnapshotError, match=r"found no readable manifest.json.*Take the snap"):
            open_snapshot(tmp_path)

    def test_unreadable_manifest_is_refused(self, shop: Shop) -> None:
        taken = shop.take()
        (taken.directory / MANIFEST).write_text("{}")
        with pytest.raises(SnapshotError, match=r"no readable manifest.json"):
            open_snapshot(taken.directory)

    def test_changed_file_is_found_when_verified(self, shop: Shop) -> None:
        taken = shop.take()
        pq.write_table(taken.read("orders").slice(1), taken.path("orders"))
        assert open_snapshot(taken.directory).snapshot_id == taken.snapshot_id
        with pytest.raises(SnapshotError, match=r"orders.parquet to have .*changed after"):
            open_snapshot(taken.directory, verify=True)
        with pytest.raises(SnapshotError, match=r"Remove its directory and take it again"):
            shop.take()

    def test_changed_manifest_is_found_when_verified(self, shop: Shop) -> None:
        taken = shop.take()
        manifest = taken.directory / MANIFEST
        manifest.write_text(manifest.read_text().replace('"numeric"', '"boolean"'))
        with pytest.raises(SnapshotError, match=r"manifest.json as it was written, but its hash"):
            open_snapshot(taken.directory)

    def test_missing_file_is_refused(self, shop: Shop) -> None:
        taken = shop.take()
        taken.path("orders").unlink()
        with pytest.raises(SnapshotError, match=r"file .*orders.parquet, found none"):
            taken.read("orders")
        with pytest.raises(SnapshotError, match=r"file .*orders.parquet, found none"):
            open_snapshot(taken.directory, verify=True)


REFUSALS = [
    ("k\n1\n1\n2\n2\n3", {}, r"one row per 'k', got 2 keys that repeat: 1, 2. Make rows unique"),
    ("k,a\n1,1\n,2", {}, r"key: expected a value in every row, got 1 nulls in 'k'. Leave"),
    ("k,a\n1,1", {"key": "kk"}, r"'t', key: expected one of .*'k', 'a'.*'kk'. Did you mean 'k'"),
    ("k,made_at\n1,2024-01-01", {"time": "made"}, r"time: .*got 'made'. Did you mean 'made_at'"),
    ("k,a\n1,1", {"known_at": {"t": ("a",)}}, r"'t', known_at: .*got 't'"),
    (
        "k,ended,amount\n1,2024-01-01,1",
        {"known_at": {"ended": ("amont",)}},
        r"known_at.ended: .*got 'amont'. Did you mean 'amount'",
    ),
    ("k,a\n1,1", {"types": {"aa": "text"}}, r"'t', types: .*got 'aa'. Did you mean 'a'"),
    (
        "k,at\n1,2024-01-01\n2,01.02.2024 noon",
        {"time": "at"},
        r"column 'at': expected ISO timestamps .*, got '01.02.2024 noon'. Convert it",
    ),
    ("k,at\n1,5", {"time": "at"}, r"'at': expected datetime, got BIGINT. Convert it in `sql`"),
    ("k,at\n1,2024-01-01\n2,", {"time": "at"}, r"time in every row, got 1 nulls in 'at'. Fill"),
    (
        "k,at\n1,2025-01-01",
        {"time": "at"},
        r"now \(2024-03-01.*empty table as of now: .*2025",
    ),
    ("k,a\n1,x", {"types": {"a": "numeric"}}, r"'a': expected numbers, got 'x'. Convert"),
    ("k,a\n1,2", {"types": {"a": "boolean"}}, r"'a': expected booleans \(true.*, got '2'"),
    ("k,a\n1,2", {"types": {"a": "datetime"}}, r"'a': expected datetime, got BIGINT"),
    ("k,a\n1.5,2", {}, r"'k': expected whole numbers or strings as keys, got '1.5'"),
    ("k,a\ntrue,2", {}, r"'k': expected whole numbers or strings as keys, got BOOLEAN"),
    ("k\n2024-01-01", {"time": "k"}, r"different columns for keys and times, got 'k' for both"),
    ("t_row\n1", {"key": None}, r"expected the name 't_row' to be free for the key"),
    ("k,a\n", {}, r"'t': expected rows, got an empty table"),
    (
        "k,a,at\n1,1,2024-01-01",
        {"time": "at", "known_at": {"at": ("a",)}},
        r"known_at: expected columns other than the table's key and time, got 'at'",
    ),
]


class TestRefusals:
    @pytest.mark.parametrize(("text", "declared", "expected"), REFUSALS)
    def test_table_is_refused_and_nothing_is_left(
        self, shop: Shop, text: str, declared: dict[str, Any], expected: str
    ) -> None:
        with pytest.raises(FeatureError, match=expected):
            shop.take_one(text, **declared)
        assert shop.left_behind == []

    @pytest.mark.parametrize("value", ["[1, 2]", "{'a': 1}", "'a'::BLOB", "INTERVAL 1 DAY"])
    def test_types_without_a_meaning_are_refused(self, shop: Shop, value: str) -> None:
        source = TableSource(name="t", sql=f"SELECT 1 AS k, {value} AS a", key="k")
        with pytest.raises(DataError, match=r"'a': expected numbers, booleans, times or strings"):
            shop.take(source, links=())

    @pytest.mark.parametrize(
        ("link", "expected"),
        [
            ("customer.customer <- orders.customer", r"got 'customer'. Did you mean 'customers'"),
            ("customers.customer <- order.customer", r"got 'order'. Did you mean 'orders'"),
            ("customers.name <- orders.customer", r"expected the key of 'customers', which is 'c"),
            ("customers.customer <- orders.custmer", r"got 'custmer'. Did you mean 'customer'"),
            ("customers.customer <- orders.placed_at", r"keys and times, got 'placed_at' for both"),
            ("orders.order_id <- customers.customer", r"got int64 in the parent and string in the"),
        ],
    )
    def test_relationship_is_refused(self, shop: Shop, link: str, expected: str) -> None:
        with pytest.raises(FeatureError, match=expected):
            shop.take(links=[link])
        assert shop.left_behind == []

    def test_parent_needs_a_key(self, shop: Shop) -> None:
        with pytest.raises(DataError, match=r"'customers': expected a key, because .* refers"):
            shop.take(shop.orders(), shop.customers(key=None))

    def test_two_tables_of_one_name_are_refused(self, shop: Shop) -> None:
        with pytest.raises(SchemaError, match=r"got twice: table 'orders' \(case does not count"):
            shop.take(shop.orders(), shop.customers(name="Orders"), links=())

    def test_now_must_be_naive(self, shop: Shop) -> None:
        with pytest.raises(FeatureError, match=r"now as a naive UTC timestamp, got .*Convert"):
            shop.take(now=pd.Timestamp("2024-01-01", tz="UTC"))

    def test_failing_source_leaves_nothing(self, shop: Shop) -> None:
        (shop.folder / "customers.csv").unlink()
        with pytest.raises(SourceError, match=r"'customers': expected to read 'customers.csv'"):
            shop.take()
        assert shop.left_behind == []


def test_full_disk_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match=r"No space left"):
        shop.take()
    assert shop.left_behind == []


_CELLS = {
    "whole": st.integers(-(2**62), 2**62),
    "real": st.floats(allow_nan=False, width=64),
    "flag": st.booleans(),
    "at": st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
}
_ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | cell for name, cell in _CELLS.items()}), min_size=1
)
_TYPES = {
    "whole": pa.int64(), "real": pa.float64(), "flag": pa.bool_(), "at": pa.timestamp("us"),
    "text": pa.string(),
}  # fmt: skip
_QUICK = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _take_table(folder: Path, table: pa.Table, **declared: Any) -> Snapshot:
    pq.write_table(table, folder / "t.parquet")
    return take_snapshot(
        [TableSource(name="t", source="t.parquet", **declared)],
        [],
        base_directory=folder,
        directory=folder / "snapshots",
        now=NOW,
    )


@_QUICK
@given(rows=_ROWS)
def test_values_come_back_as_they_went_in(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(_TYPES.items())))
    table = table.append_column("k", pa.array(np.arange(len(rows))))
    assert _take_table(tmp_path, table, key="k").read("t").to_pylist() == table.to_pylist()


@_QUICK
@given(
    present=st.lists(st.integers(-500, 0), min_size=1),
    later=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 20))),
    keyed=st.booleans(),
)
def test_rows_after_now_never_change_the_snapshot(
    tmp_path: Path, present: list[int], later: list[tuple[int, int]], keyed: bool
) -> None:
    def table(minutes: list[int]) -> pa.Table:
        at = [NOW + pd.Timedelta(minutes=minute) for minute in minutes]
        ends = [moment + pd.Timedelta(minutes=30) for moment in at]
        return pa.table({"at": at, "end": ends, "value": minutes, "name": list(map(str, minutes))})

    mixed = list(present)
    for minute, place in later:
        mixed.insert(place, minute)
    declared: dict[str, Any] = {"time": "at", "known_at": {"end": ("value",)}}
    if keyed:
        declared["key"] = "name"
        present, mixed = list(dict.fromkeys(present)), list(dict.fromkeys(mixed))
    without = _take_table(tmp_path, table(present), **declared)
    assert _take_table(tmp_path, table(mixed), **declared).snapshot_id == without.snapshot_id


@pytest.fixture
def orders_address() -> Iterator[str]:
    server = "postgresql://root@127.0.0.1:5432/test"
    try:
        connection = adbc.connect(server, autocommit=True)
    except adbc.Error:
        if os.environ.get("CI"):
            raise
        pytest.skip("no PostgreSQL on 127.0.0.1:5432")
    name = f"perennial_orders_{os.getpid()}"
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (id int, price numeric, at timestamptz)")
        cursor.execute(
            f"INSERT INTO {name} VALUES (2, 1.5, '2024-01-01 00:00+02'), (1, NULL, '2024-01-02Z'), "
            "(3, 9, '2030-01-01Z')"
        )
        try:
            yield f"{server}?table=public.{name}"
        finally:
            cursor.execute(f"DROP TABLE {name}")


@pytest.mark.services
def test_database_tables_are_ordered_by_key(shop: Shop, orders_address: str) -> None:
    prices = TableSource(name="prices", source=orders_address, key="id", time="at")
    sums = TableSource(name="sums", sql="SELECT 1 AS one, sum(price) AS s FROM prices", key="one")
    snapshot = shop.take(sums, prices, links=())
    assert snapshot.read("prices").to_pydict() == {
        "id": [1, 2],
        "price": [None, 1.5],
        "at": [pd.Timestamp("2024-01-02"), pd.Timestamp("2023-12-31 22:00")],
    }
    assert snapshot.read("sums")["s"].to_pylist() == [1.5]
    assert "root@" not in (snapshot.directory / MANIFEST).read_text()
