"""What is called redundant before anything is computed is redundant when it is."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.census import Census, count_tables
from features.plan import synthesize
from features.query import connect
from features.redundancy import Facts, find_redundant
from features.schema import HISTORY, ColumnType, Relationship, Schema, Table
from tests.features.comparing import compute, plan_world, same
from tests.features.strategies import STRANGE, worlds

KEY, NUMERIC, DATETIME = ColumnType.KEY, ColumnType.NUMERIC, ColumnType.DATETIME
NOW = pd.Timestamp("2024-02-01")

# NOTE: not shrunk, which would take minutes.
fast = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def census_of(schema: Schema, tables: dict[str, pa.Table]) -> Census:
    with connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return count_tables(connection, schema)


def reasons_for(schema: Schema, tables: dict[str, pa.Table], target: str) -> dict[str, str]:
    plan = synthesize(schema, target, depth=3, windows=("1d", "60d"), max_features=10_000)
    facts = Facts(census=census_of(schema, tables), until=NOW)
    return find_redundant(plan.definitions, facts)


def stamps(*days: int) -> pa.Array:
    return pa.array([pd.Timestamp(2024, 1, day) for day in days], pa.timestamp("us"))


SCHEMA = Schema(
    tables=(
        Table(
            name="users",
            key="user",
            columns={"user": KEY, "age": NUMERIC, "planet": NUMERIC},
        ),
        Table(
            name="orders",
            key="order",
            time="at",
            columns={"order": KEY, "user": KEY, "at": DATETIME, "n": NUMERIC},
        ),
        Table(
            name="bills",
            key="bill",
            columns={"bill": KEY, "order": KEY, "sum": NUMERIC, "lost": NUMERIC},
        ),
    ),
    relationships=(
        Relationship.parse("users.user <- orders.user"),
        Relationship.parse("orders.order <- bills.order"),
    ),
)
TABLES = {
    "users": pa.table({"user": [1, 2, 3], "age": [30.0, 40.0, 50.0], "planet": [3.0] * 3}),
    "orders": pa.table(
        {"order": [1, 2, 3], "user": [1, 1, 2], "at": stamps(3, 5, 7), "n": [1.0, 2.0, 3.0]}
    ),
    "bills": pa.table(
        {
            "bill": [1, 2],
            "order": [1, 3],
            "sum": [5.0, 6.0],
            "lost": pa.array([None, None], pa.float64()),
        }
    ),
}


@pytest.fixture(scope="module")
def reasons() -> dict[str, str]:
    return reasons_for(SCHEMA, TABLES, "users")


class TestRules:
    """Users have orders, of which each has at most one bill; a third user has nothing."""

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("planet", "users.planet is always 3.0"),
            ("MEAN(bills.lost)", "bills.lost never has a value"),
            ("COUNT(orders, Last 60 Days)", "same values as COUNT(orders), by construction"),
            ("TREND(orders.n, at)", "never has a value: one of users has at most 2 of orders"),
        ],
    )
    def test_a_reason_is_given(self, reasons: dict[str, str], name: str, reason: str) -> None:
        assert reasons[name] == reason

    @pytest.mark.parametrize(
        "name",
        ["age", "COUNT(orders)", "COUNT(orders, Last 1 Days)", "MEAN(orders.n)", "MAX(bills.sum)"],
    )
    def test_what_tells_something_stays(self, reasons: dict[str, str], name: str) -> None:
        assert name not in reasons

    def test_one_row_has_one_value(self) -> None:
        reasons = reasons_for(SCHEMA, TABLES, "orders")
        assert reasons["MAX(bills.sum)"] == "same values as LAST(bills.sum), by construction"
        assert "at most 1 of bills" in reasons["STD(bills.sum)"]
        assert "LAST(bills.sum)" not in reasons

    def test_the_key_of_the_row_itself_says_nothing(self) -> None:
        reasons = reasons_for(SCHEMA, TABLES, "users")
        assert "the key of users itself" in reasons["MODE(bills.orders.user)"]

    def test_a_table_without_rows_says_nothing(self) -> None:
        tables = TABLES | {"bills": TABLES["bills"].slice(0, 0)}
        reasons = reasons_for(SCHEMA, tables, "users")
        assert reasons["COUNT(bills)"] == "no row of bills belongs to one of users"

    def test_who_is_asked_once_has_no_past_labels(self) -> None:
        table = Table(
            name=HISTORY,
            key="id",
            time="label_time",
            columns={"id": KEY, "user": KEY, "label": NUMERIC, "label_time": DATETIME},
        )
        link = Relationship.parse(f"users.user <- {HISTORY}.user")
        schema = Schema(tables=(SCHEMA.tables[0], table), relationships=(link,))
        for users, once in (([1, 2], True), ([1, 1], False)):
            rows = pa.table(
                {"id": [1, 2], "user": users, "label": [0.0, 1.0], "label_time": stamps(3, 5)}
            )
            reasons = reasons_for(schema, {"users": TABLES["users"], HISTORY: rows}, "users")
            asked_once = reasons.get(f"COUNT({HISTORY})") == "each of users is asked once"
            assert asked_once == once


@fast
@given(worlds(**STRANGE), st.integers(1, 3))
def test_the_values_bear_it_out(world, depth):
    """On any data: equal to the other where both have a value, silent where nothing is known."""
    plan = plan_world(world, depth, max_features=300)
    facts = Facts(
        census=census_of(world.schema, world.tables), until=world.rows["cutoff_time"].max()
    )
    reasons = find_redundant(plan.definitions, facts)
    matrix = compute(plan, world)
    for name, reason in reasons.items():
        values = matrix[name]
        if reason.startswith("same values as "):
            other = matrix[reason.removeprefix("same values as ").removesuffix(", by construction")]
            for mine, theirs in zip(values, other, strict=True):
                nothing = pd.isna(mine) or pd.isna(theirs) or mine == 0
                assert nothing or same(mine, theirs), (name, reason, mine, theirs)
        elif reason.startswith(("never has a value", "no row of")):
            assert (values.isna() | (values == 0)).all(), (name, reason)
        elif reason == "a value divided by itself":
            assert values.dropna().isin([1.0]).all(), name
        elif reason.startswith("the key of"):
            assert values.nunique() <= world.rows[matrix.columns[0]].nunique(), (name, reason)
        elif "SUM(" not in name and "NUM_UNIQUE(" not in name:
            assert " is always " in reason or reason.endswith(" never has a value")
            assert values.dropna().nunique() <= 1, (name, reason)
