"""What differs from featuretools on purpose, and what stays equal beside it (docs/features.md)."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from features.engine.execute import compute_nodes
from features.engine.lower import lower
from features.engine.tables import Tables
from features.plan import synthesize
from features.schema import ColumnType, Relationship, Schema, Table
from features.synthesis import ft
from tests.features.brute_force import Oracle
from tests.features.comparing import compute, differences
from tests.features.featuretools_oracle import (
    comparable_features,
    featuretools_matrix,
    filled_entityset,
    matrix_of,
)
from tests.features.strategies import World

NOON = pd.Timestamp("2024-03-01 12:00:01")


def shop(orders: pd.DataFrame, cutoffs: list[pd.Timestamp], time: str | None = "t") -> World:
    """One customer with orders; `v`, `b` and `c` are known from `k` on."""
    n = len(orders)
    usual = {
        "id": range(n),
        "customer": [1] * n,
        "t": [NOON] * n,
        "k": [NOON] * n,
        "n": [1.0] * n,
        "v": [1.0] * n,
        "b": [True] * n,
        "c": ["x"] * n,
        "d": [NOON] * n,
    }
    frame = pd.DataFrame({name: orders.get(name, pd.Series(v)) for name, v in usual.items()})
    for name in ("t", "k", "d"):
        frame[name] = frame[name].astype("datetime64[us]")
    frame["b"] = frame["b"].astype("boolean")
    frame["c"] = frame["c"].astype("string")
    kinds = dict.fromkeys(("id", "customer"), ColumnType.KEY)
    kinds |= dict.fromkeys("tkd", ColumnType.DATETIME) | dict.fromkeys("nv", ColumnType.NUMERIC)
    kinds |= {"b": ColumnType.BOOLEAN, "c": ColumnType.CATEGORICAL}
    customers = Table(name="customers", key="id", columns={"id": ColumnType.KEY})
    schema = Schema(
        tables=(
            customers,
            Table(name="orders", key="id", columns=kinds, time=time, known_at={"k": tuple("vbc")}),
        ),
        relationships=(Relationship.parse("customers.id <- orders.customer"),),
    )
    rows = pd.DataFrame({"id": [1] * len(cutoffs), "cutoff_time": cutoffs})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    return World(
        schema=schema,
        frames={"customers": pd.DataFrame({"id": [1]}), "orders": frame},
        target="customers",
        rows=rows,
    )


def both(world: World, name: str) -> tuple[list, list]:
    """Our values and featuretools' of one feature."""
    plan = synthesize(world.schema, world.target, depth=2, windows=("1d",), max_features=10_000)
    ours = compute(plan.keep([name], {}), world)[name].tolist()
    return ours, featuretools_matrix(plan, [name], world)[name].tolist()


def ours_of(world: World, name: str) -> list:
    plan = synthesize(world.schema, world.target, depth=2, windows=("1d",), max_features=10_000)
    return compute(plan.keep([name], {}), world)[name].tolist()


def after(count: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(hours=count)


def test_a_value_known_at_the_cutoff_is_visible():
    world = shop(pd.DataFrame({"k": [after(5)], "v": [7.0]}), [after(4), after(5), after(6)])
    ours, theirs = both(world, "MAX(orders.v)")
    assert ours == pytest.approx([math.nan, 7.0, 7.0], nan_ok=True)
    assert theirs == pytest.approx([math.nan, math.nan, 7.0], nan_ok=True)


def test_a_value_whose_moment_is_null_is_never_visible():
    world = shop(pd.DataFrame({"k": [pd.NaT], "v": [7.0]}), [after(4)])
    ours, theirs = both(world, "MAX(orders.v)")
    assert math.isnan(ours[0])
    assert theirs == [7.0]


def test_last_is_the_last_known_value():
    orders = pd.DataFrame(
        {
            "t": [after(0), after(1), after(2)],
            "k": [after(9), after(3), after(20)],
            "v": [1.0, 2.0, 3.0],
        }
    )
    world = shop(orders, [after(4), after(10)])
    ours, theirs = both(world, "LAST(orders.v)")
    assert ours == [2.0, 1.0]
    assert [math.isnan(v) for v in theirs] == [True, True]


def test_percent_true_is_the_share_among_the_known():
    orders = pd.DataFrame({"k": [after(1), after(2), after(20)], "b": [True, False, True]})
    ours, theirs = both(shop(orders, [after(4)]), "PERCENT_TRUE(orders.b)")
    assert ours == [0.5]
    assert theirs == pytest.approx([1 / 3])


def test_percent_true_of_an_ordinary_column_counts_nulls_as_false():
    world = shop(pd.DataFrame({"d": [after(24), pd.NaT, after(0)]}), [after(4)])
    ours, theirs = both(world, "PERCENT_TRUE(orders.IS_WEEKEND(d))")
    assert ours == theirs == pytest.approx([1 / 3])


def test_num_unique_of_what_is_not_known_yet_is_null():
    ours, theirs = both(shop(pd.DataFrame({"k": [after(9)]}), [after(4)]), "NUM_UNIQUE(orders.c)")
    assert math.isnan(ours[0])
    assert theirs == [0.0]


def test_a_window_on_a_later_known_column_bounds_the_moment_it_became_known():
    orders = pd.DataFrame(
        {"t": [after(-48), after(0)], "k": [after(1), after(30)], "v": [5.0, 9.0]}
    )
    ours, theirs = both(shop(orders, [after(2), after(30)]), "SUM(orders.v, Last 1 Days)")
    assert ours == [5.0, 9.0]
    assert theirs == [0.0, 0.0]


def test_a_window_includes_both_ends_as_use_previous_does():
    orders = pd.DataFrame({"t": [after(-24), after(-24) - pd.Timedelta("1us"), after(0)]})
    ours, theirs = both(shop(orders, [after(0)]), "COUNT(orders, Last 1 Days)")
    assert ours == theirs == [2.0]


def test_values_may_be_known_later_in_a_table_without_time():
    world = shop(pd.DataFrame({"k": [after(1), after(9)]}), [after(4)], time=None)
    assert ours_of(world, "SUM(orders.v)") == [1.0]
    assert ours_of(world, "COUNT(orders)") == [2.0]


def test_an_unknown_date_is_neither_weekend_nor_workday():
    world = shop(pd.DataFrame({"d": [pd.NaT]}), [after(4)])
    ours, theirs = both(world, "LAST(orders.IS_WEEKEND(d))")
    assert math.isnan(ours[0])
    assert theirs == [False]


def test_parts_of_a_date_that_is_not_there_are_null():
    world = shop(pd.DataFrame({"t": [after(4)]}), [after(0), after(5)])
    assert ours_of(world, "HOUR(LAST(orders.d))") == pytest.approx([math.nan, 12.0], nan_ok=True)
    plan = synthesize(world.schema, world.target, depth=2, max_features=10_000)
    with pytest.raises(AttributeError, match=r"\.dt"):
        featuretools_matrix(plan, ["HOUR(LAST(orders.d))"], world)


@pytest.mark.parametrize("start", ["2024-03-01", "2024-03-01 06:00", "2024-03-01 06:30:15"])
def test_a_trend_is_per_day_wherever_it_starts(start):
    times = pd.Timestamp(start) + pd.to_timedelta([0, 12, 24], unit="h")
    world = shop(pd.DataFrame({"t": times, "n": [1.0, 2.0, 3.0]}), [after(48)])
    assert ours_of(world, "TREND(orders.n, t)") == pytest.approx([2.0], rel=1e-12)


def test_a_trend_in_a_window_is_that_of_featuretools():
    times = [after(-40), after(-9), after(-8), after(-5), after(-1)]
    world = shop(pd.DataFrame({"t": times, "n": [50.0, 1.0, 4.0, 2.0, 7.0]}), [after(0)])
    ours, theirs = both(world, "TREND(orders.n, t, Last 1 Days)")
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_a_trend_in_a_window_without_rows_is_null():
    world = shop(pd.DataFrame({"t": [after(-90)]}), [after(0)])
    assert math.isnan(ours_of(world, "TREND(orders.n, t, Last 1 Days)")[0])
    plan = synthesize(world.schema, world.target, depth=2, windows=("1d",), max_features=10_000)
    with pytest.raises(KeyError):
        featuretools_matrix(plan, ["TREND(orders.n, t, Last 1 Days)"], world)


def test_std_has_one_degree_of_freedom_less_and_is_null_for_one_value():
    world = shop(pd.DataFrame({"t": [after(0), after(1)], "n": [1.0, 2.0]}), [after(0), after(1)])
    ours, theirs = both(world, "STD(orders.n)")
    assert ours == pytest.approx([math.nan, math.sqrt(0.5)], nan_ok=True)
    assert theirs == pytest.approx(ours, nan_ok=True)


@pytest.mark.filterwarnings("ignore:The provided callable:FutureWarning")
def test_std_does_not_change_when_two_features_share_a_column():
    world = shop(pd.DataFrame({"n": [1.0, 2.0]}), [after(1)])
    plan = synthesize(world.schema, "customers", depth=1).keep(["STD(orders.n)"], {})
    (std,) = ft.load_features(plan.definitions)
    definitions = ft.save_features([std, std.rename("again")])
    store = Tables(world.schema, world.tables)
    ours = compute_nodes(lower(definitions, world.schema), store, world.rows)
    assert ours[["STD(orders.n)", "again"]].iloc[0].tolist() == pytest.approx([math.sqrt(0.5)] * 2)
    entityset = filled_entityset(world)
    theirs = ft.calculate_feature_matrix([std, std.rename("again")], entityset, after(1))
    assert sorted(theirs.iloc[0]) == pytest.approx([0.5, math.sqrt(0.5)])


def test_of_equal_times_the_later_row_of_the_table_is_the_last():
    orders = pd.DataFrame({"id": [5, 3], "n": [1.0, 2.0]})
    ours, theirs = both(shop(orders, [after(1)]), "LAST(orders.n)")
    assert ours == [2.0]
    assert theirs == [1.0]


def test_of_equally_frequent_values_the_smallest_is_the_mode():
    orders = pd.DataFrame({"c": ["z", "a", "z", "a", "m"]})
    assert ours_of(shop(orders, [after(1)]), "MODE(orders.c)") == ["a"]


def test_repeated_rows_are_each_answered():
    world = shop(pd.DataFrame({"n": [3.0]}), [after(1), after(-1), after(1)])
    assert ours_of(world, "SUM(orders.n)") == [3.0, 0.0, 3.0]
    plan = synthesize(world.schema, "customers", depth=1)
    with pytest.raises(AssertionError, match="Duplicated rows"):
        ft.calculate_feature_matrix(
            ft.load_features(plan.definitions),
            filled_entityset(world),
            world.rows.rename(columns={"cutoff_time": "time"}),
        )


def late_parent_world() -> World:
    """The middle row of a chain becomes visible two days after its child."""
    columns = {"id": ColumnType.KEY, "t": ColumnType.DATETIME, "n": ColumnType.NUMERIC}
    tables = (
        Table(name="a", key="id", columns={"id": ColumnType.KEY}),
        Table(name="b", key="id", columns=columns | {"a": ColumnType.KEY}, time="t"),
        Table(name="c", key="id", columns=columns | {"b": ColumnType.KEY}, time="t"),
    )
    frames = {
        "a": pd.DataFrame({"id": [0]}),
        "b": pd.DataFrame({"id": [0, 1], "t": [after(0), after(-90)], "n": [4.0, 6.0], "a": 0}),
        "c": pd.DataFrame(
            {"id": [0, 1], "t": [after(-48), after(-40)], "n": [1.0, 2.0], "b": [0, 1]}
        ),
    }
    for name in "bc":
        frames[name]["t"] = frames[name]["t"].astype("datetime64[us]")
    rows = pd.DataFrame({"id": [0, 0], "cutoff_time": [after(-1), after(1)]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    links = (Relationship.parse("a.id <- b.a"), Relationship.parse("b.id <- c.b"))
    return World(
        schema=Schema(tables=tables, relationships=links), frames=frames, target="a", rows=rows
    )


def test_rows_below_a_late_parent_come_when_it_does():
    """A window and an order go by the moment a row became visible along the whole path."""
    world = late_parent_world()
    ours, theirs = both(world, "COUNT(c, Last 1 Days)")
    assert ours == [0.0, 1.0]
    assert theirs == [0.0, 0.0]
    ours, theirs = both(world, "LAST(c.n)")
    assert ours == [2.0, 1.0]
    assert theirs == [2.0, 2.0]


def test_values_of_a_late_parent_are_known_when_it_is_visible():
    """They are like a later-known column: until then they are not among the rows."""
    world = late_parent_world()
    frames = dict(world.frames)
    frames["a"] = pd.DataFrame({"id": [0, 1]})
    frames["c"] = frames["c"].assign(a=0)
    a, b, c = world.schema.tables
    c = replace(c, columns={**c.columns, "a": ColumnType.KEY})
    links = (Relationship.parse("a.id <- c.a"), Relationship.parse("b.id <- c.b"))
    world = replace(world, schema=Schema(tables=(a, b, c), relationships=links), frames=frames)
    ours, theirs = both(world, "LAST(c.b.n)")
    assert ours == [6.0, 4.0]
    assert theirs == [6.0, 6.0]


def test_a_parent_whose_link_is_not_known_yet_is_no_parent():
    columns = {"id": ColumnType.KEY, "k": ColumnType.DATETIME, "a": ColumnType.KEY}
    child = Table(name="c", key="id", columns=columns, known_at={"k": ("a",)})
    parent = Table(name="a", key="id", columns={"id": ColumnType.KEY})
    other = replace(child, name="d", time="k", known_at={})
    frame = pd.DataFrame({"id": [0, 1], "k": [after(2), after(5)], "a": [0, 0]})
    frame["k"] = frame["k"].astype("datetime64[us]")
    others = frame.assign(k=frame["k"] - pd.Timedelta("1D"))
    links = (Relationship.parse("a.id <- c.a"), Relationship.parse("a.id <- d.a"))
    rows = pd.DataFrame({"id": [0, 0, 0], "cutoff_time": [after(1), after(2), after(9)]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    world = World(
        schema=Schema(tables=(parent, child, other), relationships=links),
        frames={"a": pd.DataFrame({"id": [0]}), "c": frame, "d": others},
        target="c",
        rows=rows,
    )
    assert ours_of(world, "a.COUNT(c)") == [0.0, 1.0, 2.0]
    assert ours_of(world, "a.COUNT(d)") == [0.0, 2.0, 2.0]


def test_a_default_stands_in_for_a_late_parent():
    """The same whether the parent's rows come with time or not, and as in featuretools."""
    columns = {"id": ColumnType.KEY, "a": ColumnType.KEY, "b": ColumnType.KEY}
    timed = {"id": ColumnType.KEY, "t": ColumnType.DATETIME}
    tables = (
        Table(name="a", key="id", columns=timed, time="t"),
        Table(name="b", key="id", columns={"id": ColumnType.KEY}),
        Table(name="c", key="id", columns=columns),
    )
    links = (Relationship.parse("a.id <- c.a"), Relationship.parse("b.id <- c.b"))
    a = pd.DataFrame({"id": [0], "t": pd.Series([after(3)], dtype="datetime64[us]")})
    rows = pd.DataFrame({"id": [0, 0], "cutoff_time": [after(1), after(4)]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    c = pd.DataFrame({"id": [0, 1], "a": [0, 0], "b": [0, 0]})
    world = World(
        schema=Schema(tables=tables, relationships=links),
        frames={"a": a, "b": pd.DataFrame({"id": [0]}), "c": c},
        target="b",
        rows=rows,
    )
    name = "MIN(c.a.COUNT(c))"
    plan = synthesize(world.schema, "b", depth=3, max_features=10_000).keep([name], {})
    assert compute(plan, world)[name].tolist() == [0.0, 2.0]
    assert featuretools_matrix(plan, [name], world)[name].tolist() == [0.0, 2.0]


def test_rows_that_no_cutoff_sees_leave_defaults():
    world = shop(pd.DataFrame({"t": [pd.NaT]}), [after(4)])
    assert ours_of(world, "COUNT(orders)") == [0.0]
    assert ours_of(world, "SUM(orders.n)") == [0.0]
    assert ours_of(world, "MODE(orders.c)") == [None]


def test_empty_tables_are_like_tables_without_visible_rows():
    world = shop(pd.DataFrame({"t": [after(0)]}), [after(4)])
    empty = world.replace_frames(dict(world.frames) | {"orders": world.frames["orders"].iloc[:0]})
    plan = synthesize(world.schema, "customers", depth=2, windows=("1d",), max_features=10_000)
    unseen = shop(pd.DataFrame({"t": [pd.NaT]}), [after(4)])
    pd.testing.assert_frame_equal(compute(plan, empty), compute(plan, unseen))


def test_a_key_that_leads_nowhere_waits_like_one_whose_parent_comes_later():
    """At a cutoff the two cannot be told apart, so neither may be."""
    world = late_parent_world()
    frames = dict(world.frames)
    frames["a"] = pd.DataFrame({"id": [0, 1]})
    frames["c"] = frames["c"].assign(a=0, b=pd.array([1, 7], dtype="Int64"))
    a, b, c = world.schema.tables
    c = replace(c, columns={**c.columns, "a": ColumnType.KEY})
    links = (Relationship.parse("a.id <- c.a"), Relationship.parse("b.id <- c.b"))
    world = replace(world, schema=Schema(tables=(a, b, c), relationships=links), frames=frames)
    ours, theirs = both(world, "LAST(c.b.n)")
    assert ours == [6.0, 6.0]
    assert [math.isnan(v) for v in theirs] == [True, True]
    frames["c"] = frames["c"].assign(b=pd.array([1, None], dtype="Int64"))
    without_key = ours_of(replace(world, frames=frames), "LAST(c.b.n)")
    assert [math.isnan(v) for v in without_key] == [True, True]


def values_of(features: list, world: World) -> pd.DataFrame:
    nodes = lower(ft.save_features(features), world.schema)
    return compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)


def asked_orders(world: World, cutoff: pd.Timestamp, keys: list[int]) -> World:
    rows = pd.DataFrame({"id": keys, "cutoff_time": [cutoff] * len(keys)})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    return replace(world, target="orders", rows=rows)


@pytest.mark.parametrize(
    "primitive", ["TimeSincePrevious", "AbsoluteDiff", "PercentChange", "SameAsPrevious"]
)
def test_a_transform_of_earlier_rows_does_not_depend_on_which_rows_are_asked(primitive):
    orders = pd.DataFrame({"t": [after(0), after(1), after(5)], "n": [1.0, 2.0, 2.0]})
    world = shop(orders, [after(9)])
    column = "t" if primitive == "TimeSincePrevious" else "n"
    base = ft.Feature(filled_entityset(world)["orders"].ww[column])
    feature = ft.Feature(base, primitive=getattr(ft.primitives, primitive))
    answers = [asked_orders(world, after(9), keys) for keys in ([0, 1, 2], [2], [1, 2])]
    ours = [values_of([feature], asked)[feature.get_name()].tolist()[-1] for asked in answers]
    assert ours == [ours[0]] * 3
    theirs = [matrix_of([feature], asked)[feature.get_name()].tolist()[-1] for asked in answers]
    assert theirs[0] == ours[0]
    assert pd.isna(theirs[1]) or theirs[1] != ours[1]


def test_a_group_counts_although_the_stored_definition_has_lost_its_base():
    world = asked_orders(shop(pd.DataFrame({"c": ["x", "y", "x"]}), []), after(9), [0, 1, 2])
    base = ft.Feature(filled_entityset(world)["orders"].ww["customer"])
    feature = ft.Feature([base], primitive=ft.primitives.CumCount, groupby=base)
    assert values_of([feature], world)["CUM_COUNT(customer) by customer"].tolist() == [1, 2, 3]
    with pytest.raises(AssertionError, match="must share the same dataframe"):
        ft.load_features(ft.save_features([feature]))


def test_a_null_that_an_aggregation_finds_is_null_to_isnull():
    world = shop(pd.DataFrame({"k": [after(5)], "v": [math.nan]}), [after(4), after(6)])
    base = ft.Feature(filled_entityset(world)["orders"].ww["v"])
    missing = ft.Feature(base, primitive=ft.primitives.IsNull)
    share = ft.Feature(
        missing, parent_dataframe_name="customers", primitive=ft.primitives.PercentTrue
    )
    ours = values_of([share], world)["PERCENT_TRUE(orders.IS_NULL(v))"].tolist()
    assert ours == pytest.approx([math.nan, 1.0], nan_ok=True)
    assert matrix_of([share], world).iloc[:, 0].tolist() == [1.0, 1.0]


WIDE = 2**53


def wide_world(numbers: list[int]) -> World:
    """One customer, and numbers that double precision does not tell apart."""
    world = shop(pd.DataFrame({"c": ["x"] * len(numbers)}), [after(9)])
    frames = dict(world.frames)
    frames["orders"] = frames["orders"].assign(n=pd.array(numbers, dtype="Int64"))
    return world.replace_frames(frames)


@pytest.mark.parametrize(
    ("primitive", "expected"),
    [
        ("Max", float(WIDE + 2)),
        ("Min", float(-WIDE - 1)),
        ("Last", float(-WIDE - 1)),
        ("Mode", float(WIDE + 2)),
        ("NumUnique", 4.0),
    ],
)
def test_whole_numbers_are_told_apart_beyond_double_precision(primitive, expected):
    """They are counted and compared exactly; a matrix shows the nearest double."""
    world = wide_world([WIDE + 2, WIDE, WIDE + 1, WIDE + 2, -WIDE - 1])
    n = ft.Feature(filled_entityset(shop(pd.DataFrame({"n": [1.0]}), []))["orders"].ww["n"])
    greatest = ft.Feature(n, parent_dataframe_name="customers", primitive=ft.primitives.Max)
    # NOTE: featuretools has Mode and NumUnique of categories only, the engine of numbers too.
    definition = ft.save_features([greatest]).replace('"Max"', f'"{primitive}"')
    nodes = lower(definition, world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    assert ours["MAX(orders.n)"].tolist() == [expected]


def test_a_window_without_rows_is_null_to_all():
    """featuretools fails where no row of the whole batch is in the window."""
    world = shop(pd.DataFrame({"t": [after(0)]}), [after(90)])
    base = ft.Feature(filled_entityset(world)["orders"].ww["t"])
    since = ft.Feature(
        base,
        parent_dataframe_name="customers",
        primitive=ft.primitives.TimeSinceLast,
        use_previous="1 day",
    )
    assert values_of([since], world).iloc[:, -1].isna().tolist() == [True]
    with pytest.raises(KeyError, match="id"):
        matrix_of([since], world)


@pytest.mark.parametrize("read_through_parent", [False, True])
def test_a_ratio_of_shares_in_a_window_without_rows_is_null(read_through_parent):
    """featuretools has a boolean null for such a share, and does not divide booleans."""
    world = asked_orders(shop(pd.DataFrame({"t": [after(0)]}), []), after(90), [0])
    customers, table = world.schema.tables
    tables = (customers, replace(table, known_at={}))
    world = replace(world, schema=replace(world.schema, tables=tables))
    if not read_through_parent:
        rows = world.rows.assign(id=1)
        world = replace(world, target="customers", rows=rows)
    orders = filled_entityset(world)["orders"]
    shares = [
        ft.Feature(
            ft.Feature(orders.ww["b"]),
            parent_dataframe_name="customers",
            primitive=ft.primitives.PercentTrue,
            use_previous=window,
        )
        for window in ("1 day", None)
    ]
    if read_through_parent:
        shares = [ft.Feature(share, dataframe_name="orders") for share in shares]
    ratio = ft.Feature(shares, primitive=ft.primitives.DivideNumeric)
    check_that_only_featuretools_fails([ratio], world, NotImplementedError, "truediv")


def check_that_only_featuretools_fails(
    features: list, world: World, error: type[Exception], words: str
) -> None:
    """It fails alone; the oracle leaves it out; ours is null, as in the written semantics."""
    definitions = ft.save_features(features)
    assert comparable_features(definitions, world) == []
    ours = values_of(features, world)
    assert differences(ours, Oracle(definitions, world).matrix(), [ours.columns[-1]]) == []
    assert ours.iloc[:, -1].isna().all()
    with pytest.raises(error, match=words):
        matrix_of(features, world)


def ranked_absence(world: World, parents: str, rows: str) -> list:
    """The rank of each parent's time since its last row; a rank is among all parents."""
    time = filled_entityset(world)[rows].ww["t"]
    since = ft.Feature(
        ft.Feature(time), parent_dataframe_name=parents, primitive=ft.primitives.TimeSinceLast
    )
    return [ft.Feature(since, primitive=ft.primitives.Percentile)]


def test_a_table_whose_visible_rows_belong_to_nobody_is_null_to_all():
    """featuretools groups all rows of the table, and has no answer where that makes no group."""
    orders = pd.DataFrame({"t": [after(0), after(5)], "customer": pd.array([None, 1], "Int64")})
    world = shop(orders, [after(4)])
    rank = ranked_absence(world, "customers", "orders")
    check_that_only_featuretools_fails(rank, world, KeyError, "TIME_SINCE_LAST")
    for cutoff in (after(-1), after(5)):  # nothing is visible, or an order of the customer is
        later = replace(world, rows=world.rows.assign(cutoff_time=cutoff.as_unit("us")))
        assert comparable_features(ft.save_features(rank), later) != []
        ours, theirs = values_of(rank, later), matrix_of(rank, later)
        assert differences(ours, theirs, list(theirs)) == []


def test_rows_below_a_row_that_belongs_to_nobody_do_neither():
    """The same over two tables."""
    world = late_parent_world()
    frames = dict(world.frames)
    frames["b"] = frames["b"].assign(t=frames["b"]["t"].iloc[1], a=pd.array([None, 0], "Int64"))
    frames["c"] = frames["c"].iloc[:1]
    world = replace(world, frames=frames)
    rank = ranked_absence(world, "a", "c")
    check_that_only_featuretools_fails(rank, world, KeyError, "TIME_SINCE_LAST")


def test_a_row_after_the_cutoff_keeps_nothing_in_a_window():
    """featuretools' training window goes by the last time index, taken over all the data."""
    world = late_parent_world()
    frames = dict(world.frames)
    frames["b"] = frames["b"].assign(t=[after(-48), after(-90)])
    frames["c"] = frames["c"].assign(t=[after(5), after(-80)])
    for name in "bc":
        frames[name]["t"] = frames[name]["t"].astype("datetime64[us]")
    rows = pd.DataFrame({"id": [0], "cutoff_time": [after(0)]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    world = replace(world, frames=frames, rows=rows)
    entityset = filled_entityset(world)
    entityset.add_last_time_indexes()
    base = ft.Feature(entityset["b"].ww["id"])
    count = ft.Feature(base, parent_dataframe_name="a", primitive=ft.primitives.Count)
    cutoffs = rows.rename(columns={"id": "instance_id", "cutoff_time": "time"})
    cutoffs = cutoffs.assign(instance_id="0", time=cutoffs["time"].astype("datetime64[ns]"))
    theirs = ft.calculate_feature_matrix([count], entityset, cutoffs, training_window="1 day")
    assert theirs["COUNT(b)"].tolist() == [1]
    windowed = ft.Feature(
        base,
        parent_dataframe_name="a",
        primitive=ft.primitives.Count,
        use_previous="1 day",
    )
    assert values_of([windowed], world).iloc[:, -1].tolist() == [0.0]


def test_a_row_counts_from_when_its_condition_is_known():
    orders = pd.DataFrame(
        {"c": ["x", "x", "y"], "k": [after(1), after(5), after(1)], "n": [1.0, 2, 4]}
    )
    world = shop(orders, [after(0.5), after(2), after(5)])
    entityset = filled_entityset(world)
    total = ft.Feature(
        ft.Feature(entityset["orders"].ww["n"]),
        parent_dataframe_name="customers",
        primitive=ft.primitives.Sum,
        where=ft.Feature(entityset["orders"].ww["c"]) == "x",
    )
    assert values_of([total], world).iloc[:, -1].tolist() == [0.0, 1.0, 3.0]
