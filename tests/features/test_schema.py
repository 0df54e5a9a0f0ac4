"""A schema cannot be built inconsistent, survives JSON, and is named by its content."""

import pickle
from dataclasses import asdict

import pytest

from features.errors import FeatureError, SchemaError
from features.schema import ColumnType, Relationship, Schema, Table

PLANES = Table(
    name="planes", key="tailnum", columns={"tailnum": ColumnType.KEY, "seats": ColumnType.NUMERIC}
)
FLIGHTS = Table(
    name="flights",
    key="flight_id",
    columns={
        "flight_id": ColumnType.KEY,
        "tailnum": ColumnType.KEY,
        "announced_at": ColumnType.DATETIME,
        "arrived_at": ColumnType.DATETIME,
        "delay": ColumnType.NUMERIC,
    },
    time="announced_at",
    known_at={"arrived_at": ("delay",)},
)
LINK = Relationship.parse("planes.tailnum <- flights.tailnum")
SCHEMA = Schema(tables=(PLANES, FLIGHTS), relationships=(LINK,))


def flights(**changes: object) -> Table:
    return Table(**{**asdict(FLIGHTS), **changes})


def test_table_is_found_by_name() -> None:
    assert SCHEMA.table("flights") is FLIGHTS


def test_column_is_known_from_its_moment_or_its_row() -> None:
    assert FLIGHTS.known_from("delay") == "arrived_at"
    assert FLIGHTS.known_from("arrived_at") == "arrived_at"
    assert FLIGHTS.known_from("tailnum") == "announced_at"
    assert PLANES.known_from("seats") is None


def test_json_and_pickle_give_the_same_schema_back() -> None:
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert pickle.loads(pickle.dumps(SCHEMA)) == SCHEMA
    assert hash(pickle.loads(pickle.dumps(SCHEMA))) == hash(SCHEMA)


def test_fingerprint_follows_the_content_and_the_order_of_columns() -> None:
    columns = dict(reversed(FLIGHTS.columns.items()))
    turned = Schema(tables=(PLANES, flights(columns=columns)), relationships=(LINK,))
    assert Schema.from_json(SCHEMA.to_json()).fingerprint == SCHEMA.fingerprint
    assert turned.fingerprint != SCHEMA.fingerprint


def test_later_changes_of_the_given_mappings_change_nothing() -> None:
    columns = {"tailnum": ColumnType.KEY}
    table = Table(name="planes", key="tailnum", columns=columns)
    columns["seats"] = ColumnType.NUMERIC
    assert list(table.columns) == ["tailnum"]


def test_types_may_be_given_as_text() -> None:
    assert Table(name="a", key="k", columns={"k": "key"}).columns["k"] is ColumnType.KEY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"key": "flightid"}, "Table 'flights', key: .*got 'flightid'. Did you mean 'flight_id'"),
        ({"time": "zzz"}, "Table 'flights', time: .*got 'zzz'. Correct the name"),
        ({"key": "delay", "known_at": {}}, "key: expected a column of type key, got 'delay' of"),
        ({"time": "delay", "known_at": {}}, "time: expected a column of type datetime, got 'dela"),
        ({"known_at": {"delay": ("tailnum",)}}, "known_at: expected a column of type datetime"),
        ({"known_at": {"arrived_at": ("dellay",)}}, "known_at.arrived_at: .*Did you mean 'delay'"),
        ({"known_at": {"arrived_at": ("flight_id",)}}, "other than the table's key and time"),
        ({"known_at": {"announced_at": ("delay",)}}, "other than the table's key and time"),
        ({"known_at": {"arrived_at": ("arrived_at",)}}, "itself a known_at time"),
        ({"known_at": {"arrived_at": ("delay", "delay")}}, "got twice: column 'delay'"),
    ],
)
def test_table_refuses(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(SchemaError, match=expected):
        flights(**changes)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (["plains.tailnum <- flights.tailnum"], "got 'plains'. Did you mean 'planes'"),
        (["planes.tail <- flights.tailnum"], "got 'tail'. Did you mean 'tailnum'"),
        (["planes.seats <- flights.tailnum"], "expected the key of 'planes', which is 'tailnum'"),
        (["planes.tailnum <- flights.delay"], "expected a column of type key, got 'delay'"),
        (["flights.flight_id <- flights.tailnum"], "expected two different tables"),
        (["planes.tailnum <- flights.tailnum"] * 2, "got twice: relationship"),
    ],
)
def test_schema_refuses(links: list[str], expected: str) -> None:
    relationships = tuple(map(Relationship.parse, links))
    with pytest.raises(SchemaError, match=expected):
        Schema(tables=(PLANES, FLIGHTS), relationships=relationships)


def test_schema_refuses_two_tables_of_one_name() -> None:
    with pytest.raises(SchemaError, match=r"got twice: table 'planes'. Remove one"):
        Schema(tables=(PLANES, PLANES))


def test_unknown_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(FeatureError, match=r"'planes', 'flights', got 'flight'. .*'flights'"):
        SCHEMA.table("flight")


@pytest.mark.parametrize("text", ["a <- b", "a.b -> c.d", "a.b <- ", "", "a.b <- c.d <- e.f"])
def test_malformed_relationship_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match=r"Expected a relationship like 'planes.tailnum <- "):
        Relationship.parse(text)


def test_relationship_reads_as_it_was_written() -> None:
    assert str(Relationship.parse("  planes.tailnum<-flights.tailnum ")) == str(LINK)
