"""Interesting values: chosen from the past, summarized apart, on record in the definitions."""

from pathlib import Path

import pandas as pd
import pytest

from features.engine import compute_matrix
from features.engine.calls import Way
from features.engine.explain import ways
from features.errors import SchemaError
from features.interesting import find_interesting
from features.plan import synthesize
from features.schema import Relationship
from features.snapshot import Snapshot, take_snapshot
from features.sources import TableSource

ORDERS = """id,user,at,kind,paid,paid_at,n
1,1,2024-01-01,tea,true,2024-01-02,1
2,1,2024-01-02,tea,false,2024-01-03,2
3,1,2024-01-03,soup,true,2024-01-09,4
4,2,2024-01-04,bread,true,2024-01-05,8
5,2,2024-01-20,soup,true,2024-01-21,16
6,2,2024-01-21,soup,true,2024-01-22,32
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder: Path = tmp_path_factory.mktemp("cafe")
    (folder / "users.csv").write_text("user\n1\n2\n")
    (folder / "orders.csv").write_text(ORDERS)
    return take_snapshot(
        [
            TableSource(name="users", source="users.csv", key="user"),
            TableSource(
                name="orders",
                source="orders.csv",
                key="id",
                time="at",
                known_at={"paid_at": ("paid",)},
            ),
        ],
        [Relationship.parse("users.user <- orders.user")],
        base_directory=folder,
        directory=folder / "snapshots",
        now=pd.Timestamp("2024-02-01"),
    )


def test_the_most_frequent_are_those_of_the_past(snapshot: Snapshot) -> None:
    def found(until: str) -> tuple:
        moment = pd.Timestamp(until)
        return find_interesting(snapshot, {"orders": {"kind": 2}}, until=moment)["orders"]["kind"]

    assert found("2024-01-10") == ("tea", "bread")
    assert found("2024-01-31") == ("soup", "tea")


def test_what_is_known_later_counts_later(snapshot: Snapshot) -> None:
    until = pd.Timestamp("2024-01-03 12:00")
    found = find_interesting(snapshot, {"orders": {"paid": 1}}, until=until)
    assert found["orders"]["paid"] == (False,)


def test_rows_with_the_value_are_summarized_apart(snapshot: Snapshot) -> None:
    interesting = {"orders": {"kind": ("tea",), "paid": (True,)}}
    plan = synthesize(snapshot.schema, "users", depth=1, windows=("3d",), interesting=interesting)
    rows = pd.DataFrame({"user": [1, 2], "cutoff_time": pd.to_datetime(["2024-01-05"] * 2)})
    matrix = compute_matrix(plan, snapshot, rows)
    assert matrix["COUNT(orders WHERE kind = tea)"].tolist() == [2.0, 0.0]
    assert matrix["MEAN(orders.n WHERE kind = tea)"].tolist()[0] == 1.5
    assert matrix["COUNT(orders WHERE kind = tea, Last 3 Days)"].tolist() == [1.0, 0.0]
    few = plan.keep(["MEAN(orders.n WHERE kind = tea)"], {})
    again = compute_matrix(few, snapshot, rows)
    assert {explained.way for explained in ways(plan, snapshot.schema).values()} == {Way.KERNEL}
    pd.testing.assert_series_equal(again.iloc[:, -1], matrix[few.names[0]])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"order": {"kind": 1}}, "orders"),
        ({"orders": {"sort": 1}}, "sort"),
        ({"orders": {"n": 1}}, "categorical"),
    ],
)
def test_what_is_no_category_is_refused(snapshot: Snapshot, wanted: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        find_interesting(snapshot, wanted, until=pd.Timestamp("2024-01-10"))
