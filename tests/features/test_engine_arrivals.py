"""Rows that wait for others, and the one order of all that wait for nothing more."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.engine.arrivals import latest
from features.engine.graph import Column, Direct, Moment, ValueType
from features.engine.layout import Layout
from features.engine.ranges import NEVER, Frame
from features.engine.statics import Statics
from features.engine.tables import Tables
from features.schema import ColumnType, Relationship, Schema, Table

K, N, T = ColumnType.KEY, ColumnType.NUMERIC, ColumnType.DATETIME
B, C = ColumnType.BOOLEAN, ColumnType.CATEGORICAL
LINK = Relationship.parse("sessions.id <- clicks.session")
SCHEMA = Schema(
    tables=(
        Table(name="sessions", key="id", columns={"id": K, "began": T, "n": N}, time="began"),
        Table(
            name="clicks",
            key="id",
            columns={"id": K, "session": K, "at": T, "ok": B, "kind": C},
            time="at",
        ),
    ),
    relationships=(LINK,),
)
BEGAN = frozenset({Moment(path=(LINK,), table="sessions", column="began")})


def moments(*seconds: float | None) -> pa.Array:
    return pa.array([None if s is None else int(s * 1e6) for s in seconds], pa.timestamp("us"))


def tables(began: tuple, sessions: list) -> Tables:
    """Five clicks of two sessions, a second apart."""
    data = {
        "sessions": pa.table({"id": [1, 2], "began": moments(*began), "n": [0.5, None]}),
        "clicks": pa.table(
            {
                "id": [10, 11, 12, 13, 14],
                "session": pa.array(sessions, pa.int64()),
                "at": moments(1, 2, 3, 4, 5),
                "ok": [True, None, False, True, None],
                "kind": pa.array(["b", None, "a", "b", "b"]).dictionary_encode(),
            }
        ),
    }
    return Tables(SCHEMA, data)


def test_the_latest_of_two_moments():
    own, others = np.array([1, 5, 2, 9]), np.array([4, NEVER])
    waiting = latest(own, others, np.array([0, 0, -1, 1], np.int32))
    assert waiting.tolist() == [4, 5, 2, NEVER]
    assert own.tolist() == [1, 5, 2, 9]
    assert latest(own, np.array([3, 5, 2, 9]), None).tolist() == [3, 5, 2, 9]


def test_rows_that_wait_for_nothing_keep_their_moments():
    own = np.array([1, 5, 2])
    assert latest(own, np.array([1, 0]), np.array([0, 1, -1], np.int32)) is own
    assert latest(own, own.copy(), None) is own


@pytest.mark.parametrize(
    ("began", "sessions", "shared"),
    [
        ((0, 1), [1, 2, 1, 2, 1], True),
        ((0, 1), [1, 2, None, 2, 1], True),  # a row of no parent waits for none
        ((0, 4.5), [1, 2, 1, 2, 1], False),  # a parent comes after its child
        ((0, None), [1, 2, 1, 2, 1], False),  # or never
        ((0, 1), [1, 2, 3, 2, 1], False),  # or is not there
    ],
)
def test_one_order_serves_all_that_wait_for_nothing_more(began, sessions, shared):
    store = tables(began, sessions)
    usual, waiting = store.index((LINK,), frozenset()), store.index((LINK,), BEGAN)
    assert (usual is waiting) == shared
    assert usual.time == "at"
    assert usual.order.tolist() == [j for s in (1, 2) for j in range(5) if sessions[j] == s]


def test_a_parent_that_comes_late_brings_its_rows_late():
    store = tables((0, 4.5), [1, 2, 1, 2, 1])
    index = store.index((LINK,), BEGAN)
    assert index.time is None
    assert index.visible.tolist() == [1e6, 3e6, 5e6, 4.5e6, 4.5e6]


@pytest.mark.parametrize("sessions", [[1, 2, 1, 2, 1], [2, 2, 2, None, 1], [1, 1, 7, 1, 1]])
def test_values_in_range_order_are_those_of_the_rows(sessions):
    store = tables((0, 1), sessions)
    statics = Statics(store, lambda _: np.empty(0))
    index = store.index((LINK,), frozenset())
    layout = Layout(index, Frame(rows=np.array([0, 1]), cutoffs=np.array([3_500_000] * 2)), statics)
    rows = [j for s in (1, 2) for j in range(3) if sessions[j] == s]
    assert layout.index.order.tolist() == rows

    def column(name: str, type_: ValueType, table: str = "clicks") -> Column:
        return Column(table=table, type=type_, clock=frozenset(), column=name)

    number = column("n", ValueType.NUMBER, "sessions")
    above = Direct(
        table="clicks",
        type=ValueType.NUMBER,
        clock=BEGAN,
        relationship=LINK,
        base=number,
        dynamic=False,
    )
    for node in (column("at", ValueType.TIME), column("ok", ValueType.BOOLEAN), above):
        layout.prepare(node)
        np.testing.assert_array_equal(layout.values(node), statics.values(node)[rows])
    kind = column("kind", ValueType.CODE)
    np.testing.assert_array_equal(layout.values(kind), statics.values(kind)[rows])
    codes, values = layout.codes(above)
    assert [pd.NA if code < 0 else values[code] for code in codes] == [
        pd.NA if sessions[j] != 1 else 0.5 for j in rows
    ]
