"""Past labels as features: what is known by the cutoff, through label_time, and nothing else."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from features.errors import SchemaError
from features.history import (
    history_schema,
    make_history,
    tells_when,
    uses_history,
    with_history,
)
from features.labels import Target
from features.materialization import materialize
from features.plan import FeaturePlan, synthesize
from features.schema import HISTORY, ColumnType, Relationship, Schema, Table
from features.snapshot import open_snapshot, take_snapshot
from features.sources import TableSource

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2024-01-01")
N_REGIONS, N_USERS = 2, 5

USERS = Table(
    name="users",
    key="user",
    columns={"user": ColumnType.KEY, "region": ColumnType.KEY},
)
REGIONS = Table(
    name="regions", key="region", columns={"region": ColumnType.KEY, "size": ColumnType.NUMERIC}
)
SCHEMA = Schema(
    tables=(USERS, REGIONS),
    relationships=(Relationship.parse("regions.region <- users.region"),),
)
FRAMES = {
    "users": pa.table({"user": np.arange(N_USERS), "region": np.arange(N_USERS) % N_REGIONS}),
    "regions": pa.table({"region": np.arange(N_REGIONS), "size": [1.0, 2.0]}),
}


def target(task: str) -> Target:
    return Target(entity="users", labels="unused", task=task)


def features_of(answers: pd.DataFrame, rows: pd.DataFrame, task: str) -> pd.DataFrame:
    schema = history_schema(SCHEMA, target(task))
    return compute_nodes(
        lower(plan_of(task).definitions, schema),
        Tables(schema, FRAMES | {HISTORY: make_history(as_answers(answers), target(task))}),
        rows,
    )


@cache
def plan_of(task: str) -> FeaturePlan:
    schema = history_schema(SCHEMA, target(task))
    plan = synthesize(schema, "users", depth=2, windows=("3d",), max_features=10_000)
    names = [name for name in plan.names if HISTORY in name]
    return plan.keep(names, {})


def as_answers(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    moments = pa.timestamp("us")
    for name in ("cutoff_time", "label_time"):
        at = table.column_names.index(name)
        table = table.set_column(at, name, table[name].cast(moments))
    return table


def answers(*rows: tuple[int, int, object, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user", "cutoff_time", "label", "label_time"])
    for name in ("cutoff_time", "label_time"):
        frame[name] = (START + frame[name].astype(int) * DAY).astype("datetime64[us]")
    return frame


def asked(*rows: tuple[int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user", "cutoff_time"])
    frame["cutoff_time"] = (START + frame["cutoff_time"].astype(int) * DAY).astype("datetime64[us]")
    return frame


def rows_at(*cutoffs: str) -> pd.DataFrame:
    """Ask about users 1 and 2 at some moments."""
    moments = pd.to_datetime(list(cutoffs)).astype("datetime64[us]")
    rows = pd.MultiIndex.from_product([[1, 2], moments], names=["user", "cutoff_time"])
    return rows.to_frame(index=False)


class TestValues:
    def test_a_recurring_entity_sees_its_own_labels_once_they_are_known(self) -> None:
        told = answers((0, 0, 1.0, 2), (0, 1, 3.0, 4), (0, 5, 8.0, 6), (1, 0, 100.0, 0))
        found = features_of(told, asked((0, 1), (0, 2), (0, 5), (0, 6)), "regression")
        assert found["COUNT(past_labels)"].tolist() == [0, 1, 2, 3]
        assert found["MEAN(past_labels.label)"].tolist()[1:] == [1.0, 2.0, 4.0]
        assert found["LAST(past_labels.label)"].tolist()[1:] == [1.0, 3.0, 8.0]
        since = found["TIME_SINCE_LAST(past_labels.label_time)"] / DAY.total_seconds()
        assert since.tolist()[1:] == [0.0, 1.0, 0.0]
        assert found["TREND(past_labels.label, label_time)"].tolist()[3] == pytest.approx(1.75)
        assert np.isnan(found["MEAN(past_labels.label)"][0])

    def test_siblings_are_seen_through_the_parent(self) -> None:
        told = answers((0, 0, True, 1), (2, 0, False, 1), (4, 2, True, 3), (1, 0, True, 1))
        found = features_of(told, asked((0, 1), (4, 1), (4, 3), (1, 3)), "binary")
        share = found["regions.PERCENT_TRUE(past_labels.label)"]
        assert share.tolist() == pytest.approx([0.5, 0.5, 2 / 3, 1.0])

    def test_classes_are_categories(self) -> None:
        told = answers((0, 0, 2, 1), (0, 1, 7, 2), (0, 2, 7, 3))
        plan = plan_of("multiclass")
        kinds = {feature.name: feature.kind for feature in plan.features}
        assert kinds["MODE(past_labels.label)"] == "categorical"
        found = features_of(told, asked((0, 1), (0, 3)), "multiclass")
        assert found["LAST(past_labels.label)"].tolist() == ["2", "7"]
        assert found["NUM_UNIQUE(past_labels.label)"].tolist() == [1, 2]

    def test_two_strings_are_numbered_as_the_classes_are(self) -> None:
        told = as_answers(answers((0, 0, "won", 1), (0, 1, "lost", 2)))
        history = make_history(told, target("binary"), ("lost", "won"))
        assert history["label"].to_pylist() == [True, False]

    def test_parts_of_the_date_are_no_features(self) -> None:
        schema = history_schema(SCHEMA, target("binary"))
        plan = synthesize(schema, "users", depth=3, max_features=10_000)
        dropped = {drop.name: drop.reason for drop in plan.dropped}
        assert "how long ago" in dropped["MODE(past_labels.WEEKDAY(label_time))"]


_answers = st.lists(
    st.tuples(
        st.integers(0, N_USERS - 1),
        st.integers(0, 12),
        st.sampled_from([-1.5, 0.0, 2.0, 7.25]),
        st.integers(0, 6),
    ),
    unique_by=lambda row: row[:2],
    min_size=1,
    max_size=40,
)
_tasks = st.sampled_from(["binary", "multiclass", "regression"])


def drawn(rows: list[tuple[int, int, float, int]], task: str) -> pd.DataFrame:
    """Give answers sorted as the label SQL's are; the last number is the label's delay."""
    told = answers(*((user, at, label, at + delay) for user, at, label, delay in rows))
    told = told.astype({"user": int, "label": float})
    if task == "binary":
        told["label"] = told["label"] > 0
    elif task == "multiclass":
        told["label"] = told["label"].astype(str)
    return told.sort_values(["cutoff_time", "user"], ignore_index=True)


fast = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fast
@given(_answers, _answers, _tasks, st.integers(0, 12))
def test_labels_known_later_change_nothing(rows, others, task, cutoff) -> None:
    """Changed, added, removed: whatever is known after a cutoff says nothing at it."""
    told = drawn(rows, task)
    moment = START + cutoff * DAY
    known = told[(told["label_time"] <= moment) & (told["cutoff_time"] < moment)]
    instead = drawn(others, task)
    later = instead[(instead["label_time"] > moment) | (instead["cutoff_time"] >= moment)]
    poisoned = pd.concat([known, later], ignore_index=True)
    poisoned = poisoned.drop_duplicates(["user", "cutoff_time"])
    poisoned = poisoned.sort_values(["cutoff_time", "user"], ignore_index=True)
    rows_asked = asked(*((user, cutoff) for user in range(N_USERS)))
    before = features_of(told, rows_asked, task)
    pd.testing.assert_frame_equal(before, features_of(poisoned, rows_asked, task))


@fast
@given(_answers, _tasks)
def test_the_own_label_is_never_seen(rows, task) -> None:
    """Even one that claims to be known at its own cutoff: turning it changes nothing there."""
    told = drawn(rows, task)
    told["label_time"] = told["cutoff_time"]
    rows_asked = told[["user", "cutoff_time"]]
    before = features_of(told, rows_asked, task)
    other = {"binary": lambda x: not x, "multiclass": lambda x: f"not {x}"}.get(
        task, lambda _: 99.0
    )
    for i in range(min(len(told), 6)):
        labels = [other(x) if j == i else x for j, x in enumerate(told["label"].tolist())]
        after = features_of(told.assign(label=labels), rows_asked, task)
        pd.testing.assert_frame_equal(before.iloc[[i]], after.iloc[[i]])


@fast
@given(_answers, st.integers(0, 18))
def test_values_equal_a_count_by_hand(rows, cutoff) -> None:
    told, moment = drawn(rows, "regression"), START + cutoff * DAY
    found = features_of(told, asked(*((user, cutoff) for user in range(N_USERS))), "regression")
    for user in range(N_USERS):
        own = told[told["user"] == user]
        seen = own[(own["label_time"] <= moment) & (own["cutoff_time"] < moment)]
        assert found["COUNT(past_labels)"][user] == len(seen)
        assert found["SUM(past_labels.label)"][user] == pytest.approx(seen["label"].sum())
        kin = told[told["user"] % N_REGIONS == user % N_REGIONS]
        seen = kin[(kin["label_time"] <= moment) & (kin["cutoff_time"] < moment)]
        mean = found["regions.MEAN(past_labels.label)"][user]
        assert np.isnan(mean) if seen.empty else mean == pytest.approx(seen["label"].mean())


class TestSnapshot:
    SQL = "SELECT user, asked AS cutoff_time, hit AS label, told AS label_time FROM asked"

    def taken(self, folder: Path, extra: str = ""):
        (folder / "users.csv").write_text("user,region\n1,a\n2,b\n")
        (folder / "asked.csv").write_text(
            "id,user,asked,hit,told\n"
            "1,1,2024-01-01,won,2024-01-03\n"
            "2,1,2024-01-05,lost,2024-01-06\n"
            "3,2,2024-01-02,lost,2024-02-01\n" + extra
        )
        return take_snapshot(
            [
                TableSource(name="users", source="users.csv", key="user"),
                TableSource(name="asked", source="asked.csv", key="id", time="asked"),
            ],
            [],
            base_directory=folder,
            directory=folder / "snapshots",
            now=pd.Timestamp("2024-01-10"),
        )

    def target(self) -> Target:
        return Target(entity="users", labels=self.SQL, task="binary")

    def test_labels_known_by_now_and_no_others(self, tmp_path: Path) -> None:
        base = self.taken(tmp_path)
        now = pd.Timestamp("2024-01-10")
        found = with_history(base, self.target(), now=now, classes=("lost", "won"))
        rows = found.read(HISTORY)
        assert rows["user"].to_pylist() == [1, 1]
        assert rows["label"].to_pylist() == [True, False]
        assert found.schema.table(HISTORY).time == "label_time"
        assert found.read("users").equals(base.read("users"))
        assert open_snapshot(found.directory, verify=True) == found

    def test_the_name_is_the_content(self, tmp_path: Path) -> None:
        base = self.taken(tmp_path)
        ids = [
            with_history(
                base, self.target(), now=pd.Timestamp(now), classes=("lost", "won")
            ).snapshot_id
            for now in ("2024-01-09", "2024-01-10", "2024-01-05")
        ]
        assert ids[0] == ids[1] != ids[2]
        assert base.snapshot_id not in ids

    def test_a_late_label_leaves_the_other_rows_and_the_matrix_alone(self, tmp_path: Path) -> None:
        base = self.taken(tmp_path)
        moments = [pd.Timestamp("2024-01-10"), pd.Timestamp("2024-02-02")]
        before, after = (
            with_history(base, self.target(), now=now, classes=("lost", "won")) for now in moments
        )
        had, has = (snapshot.read(HISTORY).to_pylist() for snapshot in (before, after))
        assert [row in had for row in has] == [True, False, True]
        plan = synthesize(after.schema, "users", depth=2, max_features=50)
        asked_before = rows_at("2024-01-02", "2024-01-08")
        asked_after = rows_at("2024-01-02", "2024-01-08", "2024-02-02")
        done = [
            materialize(plan, snapshot, rows, directory=tmp_path / "matrix", created_at=now)
            for snapshot, rows, now in zip(
                (before, after), (asked_before, asked_after), moments, strict=True
            )
        ]
        assert [(d.n_computed, d.n_reused) for d in done] == [(4, 0), (2, 4)]

    def test_nothing_known_is_an_empty_table(self, tmp_path: Path) -> None:
        found = with_history(self.taken(tmp_path), self.target(), now=pd.Timestamp("2024-01-02"))
        assert found.read(HISTORY).num_rows == 0


def test_a_table_of_this_name_is_refused() -> None:
    taken = Table(name="Past_Labels", key="id", columns={"id": ColumnType.KEY})
    schema = Schema(tables=(*SCHEMA.tables, taken))
    with pytest.raises(SchemaError, match=r"features\.target_history: false"):
        history_schema(schema, target("binary"))


def test_label_times_that_are_the_cutoffs_say_nothing() -> None:
    assert not tells_when(answers((0, 0, 1.0, 0), (1, 3, 1.0, 3)))
    assert tells_when(answers((0, 0, 1.0, 0), (1, 3, 1.0, 4)))


def test_a_plan_knows_whether_it_looks_at_past_labels() -> None:
    assert uses_history(plan_of("binary"))
    schema = history_schema(SCHEMA, target("binary"))
    plan = synthesize(schema, "users", depth=2)
    others = [name for name in plan.names if HISTORY not in name]
    assert others
    assert not uses_history(plan.keep(others, {}))
