"""Labels: what was asked when, what was known by now, and what the codes mean."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import FeatureError
from features.label_errors import LabelError
from features.labels import Target, known_labels, make_due_rows, make_labels
from features.schema import Relationship
from features.snapshot import Snapshot, take_snapshot
from features.source_errors import SourceError
from features.sources import TableSource

NOW = pd.Timestamp("2024-01-05")


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp("2024-01-01") + pd.Timedelta(days=number - 1)


ORDERS = pa.table(
    {
        "id": [1, 2, 3, 4, 5, 6],
        "customer": ["a", "b", "a", "b", "a", "c"],
        "asked": pa.array([day(n) for n in (3, 1, 2, 4, 5, 8)], pa.timestamp("us")),
        "answered": pa.array([day(4), day(2), day(2), day(7), None, None], pa.timestamp("us")),
        "late": [True, False, True, True, None, None],
        "state": ["lost", "fine", "late", "fine", None, None],
        "cost": [1.5, 2.0, float("nan"), 4.0, 5.0, None],
        "grade": pa.array([2, 1, 3, 1, 1, None], pa.int32()),
    }
)
SQL = "SELECT id, asked AS cutoff_time, late AS label, answered AS label_time FROM orders"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("shop")
    pq.write_table(ORDERS, folder / "orders.parquet")
    (folder / "customers.csv").write_text("customer,name\na,Ann\nb,Bob\nc,Cid\n")
    (folder / "visits.csv").write_text("customer,n\na,1\n")
    return take_snapshot(
        [
            TableSource(name="orders", source="orders.parquet", key="id"),
            TableSource(name="customers", source="customers.csv", key="customer"),
            TableSource(name="visits", source="visits.csv"),
        ],
        [Relationship.parse("customers.customer <- orders.customer")],
        base_directory=folder,
        directory=folder / "snapshots",
        now=day(30),
    )


def orders(sql: str = SQL, task: Any = "binary") -> Target:
    return Target(entity="orders", labels=sql, task=task)


def labelled(column: str, task: str, where: str = "true") -> Target:
    sql = f"SELECT id, asked AS cutoff_time, {column} AS label FROM orders WHERE {where}"
    return orders(sql, task)


class TestTraining:
    def test_only_what_is_known_by_now_is_training_data(self, snapshot: Snapshot) -> None:
        labels = make_labels(snapshot, orders(), now=NOW)
        assert labels.frame.to_dict("list") == {
            "id": [2, 3, 1],
            "cutoff_time": [day(1), day(2), day(3)],
            "label": [0, 1, 1],
            "label_time": [day(2), day(2), day(4)],
        }
        assert (labels.key, labels.task, labels.n_pending) == ("id", "binary", 3)
        assert labels.classes == (False, True)

    def test_types_are_fixed(self, snapshot: Snapshot) -> None:
        types = make_labels(snapshot, orders(), now=NOW).frame.dtypes.astype(str)
        assert types.to_dict() == {
            "id": "int64",
            "cutoff_time": "datetime64[us]",
            "label": "int8",
            "label_time": "datetime64[us]",
        }

    def test_now_is_inclusive(self, snapshot: Snapshot) -> None:
        just_before = day(4) - pd.Timedelta(microseconds=1)
        assert len(make_labels(snapshot, orders(), now=day(4)).frame) == 3
        assert make_labels(snapshot, orders(), now=just_before).frame["id"].to_list() == [2, 3]

    def test_label_time_defaults_to_the_cutoff(self, snapshot: Snapshot) -> None:
        labels = make_labels(snapshot, labelled("late", "binary"), now=NOW)
        assert labels.frame["label_time"].equals(labels.frame["cutoff_time"])
        assert len(labels.frame) == 4

    def test_label_without_its_moment_is_not_known_yet(self, snapshot: Snapshot) -> None:
        sql = SQL.replace("late AS label", "true AS label")
        sql = f"{sql} WHERE id = 5 UNION ALL {SQL} WHERE id < 4"
        assert make_labels(snapshot, orders(sql), now=day(30)).n_pending == 1

    def test_dates_and_zoned_times_become_naive_utc(self, snapshot: Snapshot) -> None:
        sql = """
            SELECT id, asked::DATE AS cutoff_time, late AS label,
                   (asked::VARCHAR || '-02:00')::TIMESTAMPTZ AS label_time FROM orders
        """
        frame = make_labels(snapshot, orders(sql), now=NOW).frame
        assert frame["cutoff_time"][0] == day(1)
        assert frame["label_time"][0] == day(1) + pd.Timedelta(hours=2)

    @pytest.mark.parametrize(
        ("column", "task", "classes", "codes"),
        [
            ("late", "binary", (False, True), [0, 1, 1, 1]),
            ("late::INT", "binary", (0, 1), [0, 1, 1, 1]),
            ("late::DOUBLE", "binary", (0, 1), [0, 1, 1, 1]),
            ("late::DECIMAL(3, 1)", "binary", (0, 1), [0, 1, 1, 1]),
            ("if(late, 'yes', 'no')", "binary", ("no", "yes"), [0, 1, 1, 1]),
            ("state", "multiclass", ("fine", "late", "lost"), [0, 1, 2, 0]),
            ("state::ENUM('lost', 'late', 'fine')", "multiclass", ("fine", "late", "lost"), None),
            ("grade", "multiclass", (1, 2, 3), [0, 2, 1, 0]),
            ("grade::DOUBLE", "multiclass", (1, 2, 3), [0, 2, 1, 0]),
            ("late", "multiclass", (False, True), [0, 1, 1, 1]),
            ("grade", "regression", None, [1.0, 3.0, 2.0, 1.0]),
            ("cost::DECIMAL(9, 2)", "regression", None, [2.0, 1.5, 4.0]),
        ],
    )
    def test_classes_and_codes(
        self, snapshot: Snapshot, column: str, task: str, classes: Any, codes: list[float] | None
    ) -> None:
        where = "id < 5 AND NOT isnan(cost)" if "cost" in column else "id < 5"
        labels = make_labels(snapshot, labelled(column, task, where), now=NOW)
        assert labels.classes == classes
        if codes is not None:
            assert labels.frame["label"].to_list() == codes
        kinds = {"binary": "int8", "multiclass": "int64", "regression": "float64"}
        assert labels.frame["label"].dtype == kinds[task]

    def test_nan_is_no_label(self, snapshot: Snapshot) -> None:
        labels = make_labels(snapshot, labelled("cost", "regression"), now=NOW)
        assert labels.frame["label"].to_list() == [2.0, 1.5, 4.0, 5.0]

    def test_string_keys(self, snapshot: Snapshot) -> None:
        sql = "SELECT customer, asked AS cutoff_time, late AS label FROM orders WHERE id < 5"
        target = Target(entity="customers", labels=sql, task="binary")
        assert make_labels(snapshot, target, now=NOW).frame["customer"].to_list() == list("baab")


class TestFingerprint:
    def test_same_question_and_rows_have_one_name(self, snapshot: Snapshot) -> None:
        first = make_labels(snapshot, orders(), now=NOW)
        later = make_labels(snapshot, orders(), now=NOW + pd.Timedelta(hours=1))
        assert first.fingerprint == later.fingerprint

    def test_other_rows_question_or_task_have_another(self, snapshot: Snapshot) -> None:
        names = {
            make_labels(snapshot, target, now=now).fingerprint
            for target, now in [
                (orders(), NOW),
                (orders(), day(7)),
                (orders(SQL + " WHERE true"), NOW),
                (orders(task="multiclass"), NOW),
            ]
        }
        assert len(names) == 4


class TestDueRows:
    def test_every_row_asked_in_the_interval_labelled_or_not(self, snapshot: Snapshot) -> None:
        due = make_due_rows(snapshot, orders(), after=day(2), until=NOW)
        assert due["id"].to_list() == [1, 4, 5]
        assert due["label"].fillna(-1).to_list() == [1, -1, -1]
        assert due["label_time"].to_list() == [day(4), pd.NaT, pd.NaT]
        assert due["label"].dtype == "float64"

    def test_from_the_beginning(self, snapshot: Snapshot) -> None:
        assert make_due_rows(snapshot, orders(), after=None, until=NOW)["id"].to_list() == [
            2, 3, 1, 4, 5,
        ]  # fmt: skip

    def test_nothing_due_is_an_empty_frame(self, snapshot: Snapshot) -> None:
        due = make_due_rows(snapshot, orders(), after=NOW, until=NOW)
        assert list(due.columns) == ["id", "cutoff_time", "label", "label_time"]
        assert due.empty

    def test_unseen_classes_do_not_stop_scoring(self, snapshot: Snapshot) -> None:
        target = labelled("if(late, 'yes', 'no')", "binary", "id = 1")
        due = make_due_rows(snapshot, target, after=None, until=NOW)
        assert due["label"].isna().all()
        due = make_due_rows(snapshot, target, after=None, until=NOW, classes=("no", "yes"))
        assert due["label"].to_list() == [1.0]


class TestKnownLabels:
    def test_rows_are_those_of_training(self, snapshot: Snapshot) -> None:
        known = known_labels(snapshot, orders(), now=NOW)
        pd.testing.assert_frame_equal(known, make_labels(snapshot, orders(), now=NOW).frame)

    def test_none_known_is_an_empty_frame(self, snapshot: Snapshot) -> None:
        known = known_labels(snapshot, orders(), now=day(1))
        assert known.empty
        assert known["label"].dtype == "int8"

    def test_given_classes_keep_their_codes(self, snapshot: Snapshot) -> None:
        target = labelled("state", "multiclass")
        known = known_labels(snapshot, target, now=NOW, classes=("early", "fine", "late", "lost"))
        assert known["label"].to_list() == [1, 2, 3, 1]

    def test_a_class_never_seen_has_no_code(self, snapshot: Snapshot) -> None:
        target = labelled("state", "multiclass")
        known = known_labels(snapshot, target, now=NOW, classes=("fine", "late"))
        assert known["label"].isna().to_list() == [False, False, True, False]
        assert known["label"].dropna().to_list() == [0, 1, 0]

    def test_classes_of_another_type_are_refused(self, snapshot: Snapshot) -> None:
        classes = ("no", "yes")
        with pytest.raises(LabelError, match=r"'label' to be of the classes .*'yes'\), got bool"):
            known_labels(snapshot, labelled("late", "binary"), now=NOW, classes=classes)


REFUSALS = [
    ("SELECT asked AS cutoff_time, late AS label FROM orders", "binary", r"columns 'id' in the"),
    ("SELECT id, asked, late AS label FROM orders", "binary", r"'cutoff_time' in .*only 'id', 'as"),
    ("SELECT id, asked AS cutoff_time, late AS labell FROM orders", "binary", r"mean 'labell'\? "),
    (SQL.replace("label_time", "labeltime"), "binary", r"'label_time' if .*got column 'labeltime'"),
    (SQL + " WHERE false", "binary", r"known label, got an empty result. Correct the WHERE"),
    (SQL.replace("id,", "id + 4 AS id,"), "binary", r"table 'orders' in 'id', got 4 rows .*: 7, 8"),
    (SQL.replace("id,", "id::VARCHAR AS id,"), "binary", r"'id' to be int64 .*, got string"),
    (SQL.replace("id,", "nullif(id, 3) AS id,"), "binary", r"'id' in every row, got 1 nulls. Add"),
    (SQL.replace("asked", "nullif(asked, answered)"), "binary", r"'cutoff_time' in .*got 1 nulls"),
    (SQL.replace("asked", "asked::VARCHAR"), "binary", r"'cutoff_time' to be a timestamp or date"),
    (SQL.replace("answered", "id"), "binary", r"'label_time' to be a timestamp or date, got int64"),
    (f"{SQL} UNION ALL {SQL}", "binary", r"one row per \(id, cutoff_time\), got 6 .*id 2, cutoff"),
    (
        SQL.replace("answered", "answered - INTERVAL 1 DAY"),
        "binary",
        r"at or after cutoff_time, got 1 rows .*id 3, cutoff_time 2024-01-02 00:00:00, label_time",
    ),
    (SQL.replace("late", "cost"), "binary", r"whole numbers, booleans or .*got fractions"),
    (SQL.replace("late", "grade"), "binary", r"booleans, 0/1 or exactly .*got 1, 2, 3. Compare"),
    (SQL.replace("late", "state"), "binary", r"got 'fine', 'late', 'lost'. Compare in the SELECT"),
    (SQL.replace("late", "true"), "binary", r"two classes for task 'binary', got True. Correct"),
    (SQL.replace("late", "'x'"), "binary", r"two classes for task 'binary', got 'x'"),
    (SQL.replace("late", "'x'"), "multiclass", r"two classes for task 'multiclass', got 'x'"),
    (SQL.replace("late", "cost"), "multiclass", r"whole numbers, booleans or strings .* fractions"),
    (SQL.replace("late", "asked"), "multiclass", r"to be classes for task 'multiclass', got type"),
    (SQL.replace("late", "state"), "regression", r"numbers for task 'regression', got type string"),
    (SQL.replace("late", "late"), "regression", r"numbers for task 'regression', got type bool"),
    (SQL.replace("late", "'inf'::DOUBLE"), "regression", r"finite numbers, got 3 infinite ones"),
    (SQL.replace("late", "NULL"), "binary", r"got 6 rows, none of which has .* up to now \(2024"),
]


class TestRefusals:
    @pytest.mark.parametrize(("sql", "task", "expected"), REFUSALS)
    def test_refused(self, snapshot: Snapshot, sql: str, task: str, expected: str) -> None:
        with pytest.raises(LabelError, match=f"target.labels: expected .*{expected}"):
            make_labels(snapshot, orders(sql, task), now=NOW)

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT id FROM order", r"target.labels: expected DuckDB SQL that runs, got: "),
            ("FROM orderz", r"Table with name orderz does not exist.*tables of the spec"),
            ("DROP TABLE orders", r"target.labels: expected one reading statement, got 'DROP"),
            ("WITH x AS (COPY (SELECT 1 a) TO 'o.csv') FROM x", r"got COPY within it"),
        ],
    )
    def test_sql_that_fails_or_writes(self, snapshot: Snapshot, sql: str, expected: str) -> None:
        with pytest.raises(SourceError, match=expected):
            make_labels(snapshot, orders(sql), now=NOW)

    def test_files_outside_the_snapshot_cannot_be_read(
        self, snapshot: Snapshot, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret.csv"
        secret.write_text("id\n1\n")
        for relation in (f"'{secret}'", f"read_text('{secret}')", f"glob('{tmp_path}/*')"):
            with pytest.raises(SourceError, match=r"got: .*disabled by configuration"):
                make_labels(snapshot, orders(f"SELECT * FROM {relation}"), now=NOW)

    def test_unknown_entity(self, snapshot: Snapshot) -> None:
        target = Target(entity="order", labels=SQL, task="binary")
        with pytest.raises(LabelError, match=r"target.entity: .*got 'order'. .*mean 'orders'"):
            make_labels(snapshot, target, now=NOW)

    def test_entity_without_a_key_of_its_own(self, snapshot: Snapshot) -> None:
        target = Target(entity="visits", labels=SQL, task="binary")
        with pytest.raises(LabelError, match=r"key of its own, got 'visits', .*Set its `key`"):
            make_labels(snapshot, target, now=NOW)

    def test_entity_with_a_key_called_label(self, tmp_path: Path) -> None:
        source = TableSource(name="t", sql="SELECT 1 AS label", key="label")
        taken = take_snapshot(
            [source], [], base_directory=tmp_path, directory=tmp_path / "s", now=NOW
        )
        with pytest.raises(LabelError, match=r"not called cutoff_time, .*got 'label'. Rename"):
            make_labels(taken, Target(entity="t", labels=SQL, task="binary"), now=NOW)

    def test_unknown_task(self) -> None:
        with pytest.raises(FeatureError, match=r"target.task: expected one of .*got 'ranking'"):
            orders(task="ranking")

    def test_now_must_be_naive(self, snapshot: Snapshot) -> None:
        with pytest.raises(FeatureError, match=r"Expected now as a naive UTC timestamp"):
            make_labels(snapshot, orders(), now=NOW.tz_localize("UTC"))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.integers(0, 9), second=st.integers(0, 9))
def test_what_is_due_is_split_by_time_without_loss(
    snapshot: Snapshot, first: int, second: int
) -> None:
    start, end = sorted([first, second])
    parts = [
        make_due_rows(snapshot, orders(), after=None, until=day(start)),
        make_due_rows(snapshot, orders(), after=day(start), until=day(end)),
    ]
    whole = make_due_rows(snapshot, orders(), after=None, until=day(end))
    assert [*parts[0]["id"], *parts[1]["id"]] == whole["id"].to_list()
    known = known_labels(snapshot, orders(), now=day(end))
    assert known["id"].to_list() == whole.dropna(subset="label")["id"].to_list()
