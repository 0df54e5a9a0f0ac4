"""The face of the engine: plan and snapshot in, matrix out, and what it refuses."""

import gc

import pandas as pd
import pytest

from features.engine import compute_matrix
from features.engine.collector import collector_paused
from features.engine.lower import lower
from features.errors import FeatureError
from features.plan import synthesize
from features.schema import Relationship
from features.snapshot import take_snapshot
from features.sources import TableSource


@pytest.fixture
def snapshot(tmp_path):
    (tmp_path / "users.csv").write_text("user\nu1\nu2\n")
    (tmp_path / "visits.csv").write_text(
        "visit,user,at,spent,paid_at\n"
        "1,u1,2024-01-01 10:00:00,5.5,2024-01-03 10:00:00\n"
        "2,u1,2024-01-02 10:00:00,4.5,2024-01-02 10:00:00\n"
        "3,u2,2024-01-02 10:00:00,1.0,2024-01-02 11:00:00\n"
    )
    return take_snapshot(
        [
            TableSource(name="users", source="users.csv", key="user"),
            TableSource(
                name="visits",
                source="visits.csv",
                key="visit",
                time="at",
                known_at={"paid_at": ("spent",)},
            ),
        ],
        [Relationship.parse("users.user <- visits.user")],
        base_directory=tmp_path,
        directory=tmp_path / "snapshots",
        now=pd.Timestamp("2024-02-01"),
    )


def asked(*rows: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user", "cutoff_time"])
    frame["cutoff_time"] = pd.to_datetime(frame["cutoff_time"], format="ISO8601")
    return frame


def test_a_matrix_of_a_snapshot(snapshot):
    plan = synthesize(snapshot.schema, "users", depth=1, windows=("1d",))
    rows = asked(("u2", "2024-01-09"), ("u1", "2024-01-02 10:00"), ("u1", "2024-01-03 10:00"))
    rows["ignored"] = 1
    matrix = compute_matrix(plan, snapshot, rows)
    assert matrix["user"].tolist() == ["u2", "u1", "u1"]
    assert matrix["COUNT(visits)"].tolist() == [1.0, 2.0, 2.0]
    assert matrix["SUM(visits.spent)"].tolist() == [1.0, 4.5, 10.0]
    assert matrix["COUNT(visits, Last 1 Days)"].tolist() == [0.0, 2.0, 1.0]
    assert matrix["cutoff_time"].dtype == "datetime64[us]"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (asked(("nobody", "2024-01-09")), "1 that it does not have, such as .'nobody'."),
        (asked(("u1", None)), "1 null"),
        (asked(("u1", "2024-01-09")).rename(columns={"user": "id"}), "columns 'user'"),
        (asked(("u1", "2024-01-09 00:00Z")), "naive UTC"),
    ],
)
def test_rows_that_cannot_be_asked_are_refused(snapshot, rows, message):
    plan = synthesize(snapshot.schema, "users", depth=1)
    with pytest.raises(FeatureError, match=message):
        compute_matrix(plan, snapshot, rows)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"type":"Mean"', '"type":"Strange"', "Import the module that defines it"),
        ('"unit":"d"', '"unit":"min"', "a window of 1 'min'"),
        ('"unit":"d","value":1', '"unit":["d","mo"],"value":[1,1]', "1 'd' and 1 'mo'"),
        ('"value":1}', '"value":-1}', "a window of -1 'd'"),
        (
            '"arguments":{},"module":"featuretools.primitives.standard.aggregation.mean"',
            '"arguments":{"strange":1},"module":"featuretools.primitives.standard.aggregation.mean"',
            "unexpected keyword argument 'strange'",
        ),
        ('"type":"DirectFeature"', '"type":"StrangeFeature"', "it is a StrangeFeature"),
        ('"column_name":"spent"', '"column_name":"spend"', "column 'spend' of table 'visits'"),
        ('"child_column_name":"user"', '"child_column_name":"who"', "visits.who"),
    ],
)
def test_definitions_that_cannot_be_computed_are_refused_by_name(snapshot, old, new, message):
    target = "visits" if "Direct" in old else "users"
    plan = synthesize(snapshot.schema, target, depth=2, windows=("1d",))
    assert old in plan.definitions
    head, features = plan.definitions.split('"feature_definitions"')
    broken = head + '"feature_definitions"' + features.replace(old, new)
    with pytest.raises(FeatureError, match=message):
        lower(broken, snapshot.schema)


def test_a_matrix_takes_further_columns_without_warning(snapshot):
    """Its columns lie together, so that pandas does not call it fragmented."""
    plan = synthesize(snapshot.schema, "users", depth=1, windows=("1h", "2h", "3h", "1d", "2d"))
    matrix = compute_matrix(plan, snapshot, asked(("u1", "2024-01-09")))
    matrix["label"] = 1
    assert len(matrix._mgr.blocks) < 10


def test_the_collector_of_cycles_is_as_it_was_afterwards() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collector_paused():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_counts_alone_are_those_of_all_rows_where_few_are_asked(tmp_path):
    """A count reads no column, so nothing else makes its table be read."""
    users = [f"u{number},{'north' if number < 4 else 'south'}\n" for number in range(8)]
    (tmp_path / "users.csv").write_text("user,region\n" + "".join(users))
    (tmp_path / "regions.csv").write_text("region\nnorth\nsouth\n")
    visits = [f"{number},u{number % 8},2024-01-01\n" for number in range(20)]
    (tmp_path / "visits.csv").write_text("visit,user,at\n" + "".join(visits))
    snapshot = take_snapshot(
        [
            TableSource(name="users", source="users.csv", key="user"),
            TableSource(name="regions", source="regions.csv", key="region"),
            TableSource(name="visits", source="visits.csv", key="visit", time="at"),
        ],
        [
            Relationship.parse("regions.region <- users.region"),
            Relationship.parse("users.user <- visits.user"),
        ],
        base_directory=tmp_path,
        directory=tmp_path / "snapshots",
        now=pd.Timestamp("2024-02-01"),
    )
    plan = synthesize(snapshot.schema, "users", depth=3)
    counts = ["COUNT(visits)", "regions.COUNT(users)", "regions.COUNT(visits)"]
    for names in ([name] for name in counts if name in plan.names):
        alone = plan.keep(names, {})
        found = compute_matrix(alone, snapshot, asked(("u1", "2024-01-09")))
        expected = {
            "COUNT(visits)": 3.0,
            "regions.COUNT(users)": 4.0,
            "regions.COUNT(visits)": 12.0,
        }
        assert found[names[0]].tolist() == [expected[names[0]]]
    assert set(counts) <= set(plan.names)
    together = compute_matrix(plan.keep(counts, {}), snapshot, asked(("u1", "2024-01-09")))
    assert together[counts].iloc[0].tolist() == [3.0, 4.0, 12.0]
