"""Every kind of definition that featuretools can make, with featuretools' values."""

import json
import pickle
import warnings
from dataclasses import replace

import pandas as pd
import pytest

from features.engine.calls import Call, Way, write_arguments
from features.engine.execute import compute_nodes
from features.engine.explain import ways
from features.engine.lower import lower
from features.engine.primitives import AGGREGATIONS
from features.engine.tables import Tables
from features.plan import FeaturePlan, FeatureSpec
from features.primitives import Quantile
from features.schema import ColumnType, Relationship, Schema, Table
from features.synthesis import ft
from tests.features.comparing import differences
from tests.features.custom_primitives import HoursSinceLast, Initial, ShareOfTotal, SpreadBetween
from tests.features.featuretools_oracle import filled_entityset, matrix_of
from tests.features.strategies import World
from tests.features.test_engine_differences import after, shop


@pytest.fixture
def world() -> World:
    """One customer, eight orders; nothing is known later than its row."""
    orders = pd.DataFrame(
        {
            "t": [after(h) for h in (-2000, -800, -40, -30, -30, -3, -1, 5)],
            "n": [1.0, 2.0, None, 4.0, 7.0, 9.0, -3.0, 2.5],
            "b": [True, None, False, True, True, False, None, True],
            "c": ["x", "yy", "x", None, "x", "yy", "z", "z"],
            "d": [after(h) for h in (1, 20, 300, 4000, 5, 6, 7, 8)],
        }
    )
    world = shop(orders, [after(h) for h in (-3000, -700, -35, 0, 10)])
    customers, table = world.schema.tables
    schema = replace(world.schema, tables=(customers, replace(table, known_at={})))
    return replace(world, schema=schema)


def definitions(features: list) -> str:
    """As they are stored; a name that comes twice means the same."""
    return ft.save_features(features)


def check(world: World, features: list) -> list[str]:
    """Our values of features are featuretools'; return the columns."""
    nodes = lower(definitions(features), world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    theirs = matrix_of(features, world)
    assert sorted(nodes) == sorted(theirs)
    assert differences(ours, theirs, theirs.columns) == []
    return list(nodes)


def synthesized(world: World, aggregations=(), transforms=(), **options) -> list:
    entityset = filled_entityset(world)
    entityset.add_interesting_values(dataframe_name="orders", values={"c": ["x", "yy"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ft.dfs(
            entityset=entityset,
            target_dataframe_name="customers",
            agg_primitives=list(aggregations),
            trans_primitives=list(transforms),
            features_only=True,
            **options,
        )


def column(world: World, name: str):
    return ft.Feature(filled_entityset(world)["orders"].ww[name])


PRIMITIVES = {
    **ft.primitives.utils.get_aggregation_primitives(),
    **ft.primitives.utils.get_transform_primitives(),
}


def of_customers(base, primitive, **options):
    primitive = PRIMITIVES.get(primitive, primitive) if isinstance(primitive, str) else primitive
    return ft.Feature(base, parent_dataframe_name="customers", primitive=primitive, **options)


def transform(bases, primitive, **options):
    primitive = PRIMITIVES.get(primitive, primitive) if isinstance(primitive, str) else primitive
    return ft.Feature(bases, primitive=primitive, **options)


def test_where_clauses(world):
    names = ["count", "sum", "mode", "last", "trend"]
    columns = check(world, synthesized(world, names, where_primitives=names))
    assert "SUM(orders.n WHERE c = yy)" in columns


VALUES = ["x", "never seen", 1, 2.5, True, False, None]


@pytest.mark.parametrize("primitive", [ft.primitives.EqualScalar, ft.primitives.NotEqualScalar])
@pytest.mark.parametrize("name", ["c", "b", "n", "id", "customer"])
def test_comparisons_with_a_value_have_a_kernel(world, name, primitive):
    """Of every type, with nulls, and with values that do not occur."""
    # keys of featuretools' tables are text here
    values = ["1", "3", "x"] if name in ("id", "customer") else VALUES
    key = column(world, "id")
    conditions = [transform(column(world, name), primitive(value)) for value in values]
    features = [
        feature
        for where in conditions
        for feature in (
            of_customers(key, "count", where=where, use_previous="2 days"),
            of_customers(where, "last"),
        )
    ]
    check(world, features)
    check(of_orders(world), conditions)
    nodes = lower(definitions(features), world.schema)
    assert {node.call.way for node in nodes.values()} == {Way.KERNEL}
    assert {node.where.call.way for node in nodes.values() if node.where} == {Way.KERNEL}


@pytest.mark.parametrize("primitive", [ft.primitives.EqualScalar, ft.primitives.NotEqualScalar])
def test_comparisons_of_what_an_aggregation_finds(world, primitive):
    """Categories that change with the cutoff, that a primitive made, and of an empty range."""
    c, t = column(world, "c"), column(world, "t")
    found = [of_customers(c, "last"), of_customers(transform(t, "part_of_day"), "mode")]
    features = [transform(base, primitive(v)) for base in found for v in ("x", "noon", "z")]
    check(world, features)
    nodes = lower(definitions(features), world.schema)
    assert {node.call.way for node in nodes.values()} == {Way.KERNEL}


def test_whole_numbers_are_also_the_text_that_they_are_shown_as(world):
    i = column(world, "id")
    rows = of_orders(world).rows.drop_duplicates("id", keep="last")
    for value, found in {"3": [3], 3: [3], "03": [], True: []}.items():
        equal = transform(i, ft.primitives.EqualScalar(value))
        nodes = lower(definitions([equal]), world.schema)
        ours = compute_nodes(nodes, Tables(world.schema, world.tables), rows)
        assert ours.loc[ours.iloc[:, 2] == 1, "id"].tolist() == found


def test_free_text_is_compared_by_featuretools(world):
    """There null is neither equal nor unlike."""
    customers, orders = world.schema.tables
    kinds = {**orders.columns, "c": ColumnType.TEXT}
    schema = replace(world.schema, tables=(customers, replace(orders, columns=kinds)))
    entityset = filled_entityset(world)
    entityset["orders"].ww.set_types(logical_types={"c": "NaturalLanguage"})
    text = ft.Feature(entityset["orders"].ww["c"])
    node = lower(definitions([text == "x"]), schema)["c = x"]
    asked = of_orders(world)
    ours = compute_nodes({"c = x": node}, Tables(schema, world.tables), asked.rows)
    of_null = asked.frames["orders"].set_index("id")["c"][ours["id"]].isna().to_numpy()
    assert node.call.way is Way.FALLBACK
    assert ours["c = x"].isna().tolist() == of_null.tolist()
    assert of_null.any()


def test_where_clauses_of_values_that_change(world):
    """Whether an order counts depends on what later orders bring."""
    n, c = column(world, "n"), column(world, "c")
    above = transform([n, ft.Feature(of_customers(n, "mean"), "orders")], "greater_than")
    check(
        world,
        [
            of_customers(base, primitive, where=above, use_previous=window)
            for base, primitive in [(n, "sum"), (column(world, "id"), "count"), (n, "max")]
            for window in (None, "2 days", "2 observations")
        ]
        + [of_customers(c, "mode", where=above)],
    )


@pytest.mark.parametrize("window", ["1 months", "2 years", "1 day", "2 observations"])
@pytest.mark.parametrize("where", [True, False])
def test_windows_of_every_unit(world, window, where):
    i, n, c = (column(world, name) for name in ("id", "n", "c"))
    condition = (c == "x") if where else None
    check(
        world,
        [
            of_customers(base, primitive, use_previous=window, where=condition)
            for base, primitive in [(n, "sum"), (n, "max"), (n, "last"), (c, "mode"), (i, "count")]
        ],
    )


@pytest.mark.parametrize("window", ["1 months", "2 observations"])
def test_windows_of_values_that_change(world, window):
    n = column(world, "n")
    share = n / ft.Feature(of_customers(n, "sum"), "orders")
    check(world, [of_customers(share, "mean", use_previous=window)])


def test_a_month_goes_back_to_the_last_day_of_a_shorter_one(world):
    """Cutoffs of one entity whose windows do not begin in the order in which they end."""
    times = ["2023-02-28 01:30", "2023-02-28 12:00", "2023-03-29 12:00", "2023-03-30 00:30"]
    orders = pd.DataFrame({"t": pd.to_datetime(times), "n": [1.0, 2.0, 4.0, 8.0]})
    cutoffs = [f"2023-03-{day} {hour}" for day in (29, 30, 31) for hour in ("01:00", "23:00")]
    late = shop(orders, [pd.Timestamp(cutoff) for cutoff in cutoffs])
    n = column(late, "n")
    share = n / ft.Feature(of_customers(n, "sum"), "orders")
    check(late, [of_customers(n, "sum", use_previous="1 months")])
    check(late, [of_customers(share, "mean", use_previous="1 months")])


def test_several_outputs(world):
    common = of_customers(column(world, "c"), "n_most_common")
    spread = of_customers(column(world, "n"), SpreadBetween(low=0.1))
    assert len(check(world, [common, spread])) == 5
    # featuretools cannot compute slices as features, nor transforms of slices
    slices = [spread[0], common[1], transform(common[1], "is_null")]
    nodes = lower(definitions(slices), world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    theirs = matrix_of([spread, common], world)
    assert differences(ours, theirs, list(nodes)[:2]) == []
    second = theirs["N_MOST_COMMON(orders.c)[1]"]
    assert ours["IS_NULL(N_MOST_COMMON(orders.c)[1])"].tolist() == second.isna().tolist()


def test_several_outputs_of_a_parent(world):
    world = of_orders(world)
    common = of_customers(column(world, "c"), "n_most_common")
    columns = check(world, [ft.Feature(common, "orders")])
    assert columns[0] == "customers.N_MOST_COMMON(orders.c)[0]"
    check(world, [ft.Feature(common[1], "orders")])


def of_orders(world: World) -> World:
    """The same, asked of its orders."""
    orders = world.frames["orders"]
    pairs = pd.DataFrame(
        [
            (i, t)
            for i, seen in zip(orders["id"], orders["t"], strict=True)
            for t in world.rows["cutoff_time"]
            if seen <= t
        ],
        columns=["id", "cutoff_time"],
    )
    pairs["cutoff_time"] = pairs["cutoff_time"].astype("datetime64[us]")
    return replace(world, target="orders", rows=pairs)


GROUPED = ("cum_sum", "cum_mean", "cum_max", "cum_count", "diff", "lag", "percentile")


def test_group_by_transforms(world):
    """In the order in which rows became visible; of everything visible at the cutoff."""
    world = of_orders(world)
    n, c, t = (column(world, name) for name in "nct")
    inputs = {"cum_count": [c], "lag": [n, t]}
    features = [
        transform(inputs.get(name, [n]), name, groupby=group)
        for name in GROUPED
        for group in (c, column(world, "customer"))
        if name != "cum_count" or group is not c
    ]
    check(world, features)


def test_a_group_by_transform_of_what_it_groups_by(world):
    """featuretools loses the base when it stores the definition."""
    world = of_orders(world)
    c = column(world, "c")
    counted = transform([c], "cum_count", groupby=c)
    nodes = lower(definitions([counted]), world.schema)
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    theirs = matrix_of([counted], world)
    assert differences(ours, theirs, theirs.columns) == []


def test_transforms_of_the_whole_table(world):
    world = of_orders(world)
    n, t = column(world, "n"), column(world, "t")
    share = n / ft.Feature(of_customers(n, "sum"), "orders")
    check(
        world,
        [
            transform(n, "cum_sum"),
            transform(n, "percentile"),
            transform(n, ShareOfTotal),
            transform([t, n], "rolling_mean"),
            transform(share, "cum_sum"),
            transform(share, "percentile", groupby=column(world, "c")),
        ],
    )


def test_transforms_that_look_ahead_see_no_further_than_the_cutoff(world):
    """A later row has a part in an earlier one's value only once it is visible itself."""
    world = of_orders(world)
    n, t = column(world, "n"), column(world, "t")
    ahead = [
        transform([t, n], ft.primitives.ExpandingMax(gap=-1)),
        transform([n, t], ft.primitives.Lag(periods=-1)),
        transform(n, ft.primitives.Diff(periods=-2)),
        transform(n, ft.primitives.AbsoluteDiff(method="backfill")),
    ]
    check(world, ahead)
    nodes = lower(definitions(ahead), world.schema)
    assert all(node.call.way is Way.FALLBACK for node in nodes.values())


def test_aggregations_of_transforms_of_the_whole_table(world):
    names = ["cum_sum", "percentile", "diff"]
    columns = check(
        world,
        synthesized(world, ["sum", "last"], names, groupby_trans_primitives=names, max_depth=2),
    )
    assert "SUM(orders.PERCENTILE(n) by customer)" in columns


def test_transforms_of_several_inputs_and_with_arguments(world):
    names = ["add_numeric", "divide_numeric", "greater_than", "and", "equal", "is_in"]
    arguments = [ft.primitives.AddNumericScalar(5), ft.primitives.IsIn(["x", None])]
    features = synthesized(world, ["sum", "max"], names[:5] + arguments, max_depth=2)
    check(world, [f for f in features if "=" not in f.get_name()])


def test_the_cutoff_is_told_to_those_who_ask(world):
    columns = check(
        world,
        [
            of_customers(column(world, "t"), HoursSinceLast),
            of_customers(transform(column(world, "d"), "time_since"), "mean"),
            of_customers(column(world, "t"), "time_since_first"),
        ],
    )
    assert len(columns) == 3


def test_primitives_of_users(world):
    c = column(world, "c")
    features = [
        of_customers(transform(c, Initial), "mode"),
        of_customers(transform(c, Initial), "num_unique"),
        transform(of_customers(c, "mode"), Initial),
        of_customers(column(world, "n"), SpreadBetween),
    ]
    check(world, features[1:])


@pytest.mark.parametrize("window", [None, "2 days", "4 observations"])
def test_quantiles(world, window):
    n = column(world, "n")
    features = [of_customers(n, Quantile(q), use_previous=window) for q in (0.1, 0.5, 0.9)]
    columns = check(world, features)
    assert columns[2].startswith("QUANTILE(orders.n")
    nodes = lower(definitions(features), world.schema)
    assert all(node.call.way is Way.KERNEL for node in nodes.values())


def test_a_quantile_is_of_a_share(world):
    with pytest.raises(ValueError, match="between 0 and 1, got q=90"):
        Quantile(90)


def test_the_plan_says_which_way_each_feature_takes(world):
    n = column(world, "n")
    spread = of_customers(n, SpreadBetween)
    features = [of_customers(n, "sum"), spread, transform(spread[0], "absolute")]
    plan = FeaturePlan(
        target="customers",
        features=tuple(
            FeatureSpec(name=f.get_name(), kind="numeric", table="orders", description="")
            for f in features
        ),
        definitions=definitions(features),
        schema_fingerprint=world.schema.fingerprint,
    )
    explained = ways(plan, world.schema)
    assert [e.way for e in explained.values()] == [Way.KERNEL, *[Way.FALLBACK] * 3]
    costs = [e.seconds_per_cell for e in explained.values()]
    assert costs[0] < costs[1] == costs[2] < costs[3]
    assert explained["SUM(orders.n)"].fallbacks == ()
    assert "SpreadBetween" in list(explained.values())[3].fallbacks


def test_a_primitive_that_is_not_there_is_named(world):
    content = json.loads(definitions([of_customers(column(world, "n"), SpreadBetween)]))
    for primitive in content["primitive_definitions"].values():
        primitive["type"] = "Vanished"
    with pytest.raises(Exception, match="Import the module that defines it"):
        lower(json.dumps(content), world.schema)


def test_a_default_that_stands_for_a_missing_parent_is_a_value_like_any_other():
    """An order without a store has a count of 0 shelves, which is one of the counts there are."""
    tables = (
        Table(name="customers", key="id", columns={"id": ColumnType.KEY}),
        Table(name="stores", key="id", columns={"id": ColumnType.KEY}),
        Table(name="shelves", key="id", columns={"id": ColumnType.KEY, "store": ColumnType.KEY}),
        Table(
            name="orders",
            key="id",
            columns={
                "id": ColumnType.KEY,
                "t": ColumnType.DATETIME,
                "customer": ColumnType.KEY,
                "store": ColumnType.KEY,
            },
            time="t",
        ),
    )
    links = ("customers.id <- orders.customer", "stores.id <- orders.store")
    links = (*links, "stores.id <- shelves.store")
    schema = Schema(tables=tables, relationships=tuple(map(Relationship.parse, links)))
    orders = pd.DataFrame(
        {
            "id": range(4),
            "t": pd.Series([after(h) for h in (-4, -3, -2, -1)]).astype("datetime64[us]"),
            "customer": [0, 0, 0, 0],
            "store": pd.array([0, None, None, 1], dtype="Int64"),
        }
    )
    frames = {
        "customers": pd.DataFrame({"id": [0]}),
        "stores": pd.DataFrame({"id": [0, 1]}),
        "shelves": pd.DataFrame({"id": range(3), "store": [0, 0, 1]}),
        "orders": orders,
    }
    rows = pd.DataFrame({"id": [0], "cutoff_time": [after(0)]})
    rows["cutoff_time"] = rows["cutoff_time"].astype("datetime64[us]")
    world = World(schema=schema, frames=frames, target="customers", rows=rows)
    entityset = filled_entityset(world)
    shelves = ft.Feature(
        entityset["shelves"].ww["id"], parent_dataframe_name="stores", primitive=PRIMITIVES["count"]
    )
    counts = ft.Feature(shelves, "orders")
    ((_, summed),) = lower(definitions([of_customers(counts, "sum")]), world.schema).items()
    assert not summed.bases[0].dynamic
    # NOTE: featuretools itself summarises counts as numbers only.
    kinds, mode = (call_of(name) for name in ("NumUnique", "Mode"))
    nodes = {
        "sum": summed,
        "num_unique": replace(summed, call=kinds),
        "mode": replace(summed, call=mode),
    }
    ours = compute_nodes(nodes, Tables(world.schema, world.tables), world.rows)
    assert ours[list(nodes)].iloc[0].tolist() == [3.0, 3.0, 0.0]


def test_the_hash_that_a_node_keeps_stays_in_its_process(world):
    """In another one, text has other hashes."""
    (node,) = lower(definitions([of_customers(column(world, "n"), "sum")]), world.schema).values()
    kept = hash(node)
    again = pickle.loads(pickle.dumps(node))
    assert not hasattr(again, "_hash")
    assert again == node
    assert hash(again) == kept == node._hash


def call_of(name: str) -> Call:
    """A call of an aggregation's kernel with its own arguments."""
    arguments = write_arguments(AGGREGATIONS[name].complete({}))
    return Call(name=name, module="featuretools.", arguments=arguments, way=Way.KERNEL)
