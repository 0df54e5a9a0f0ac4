"""Plans: which definitions come of a schema, and what becomes of those that do not."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine.graph import ValueType
from features.engine.lower import lower
from features.errors import FeatureError, SchemaError
from features.plan import FeaturePlan, synthesize
from features.schema import ColumnType, Relationship, Schema, Table
from features.synthesis import ft
from tests.features.comparing import plan_world
from tests.features.strategies import worlds

KEY, NUMERIC, DATETIME = ColumnType.KEY, ColumnType.NUMERIC, ColumnType.DATETIME
CATEGORICAL, TEXT, BOOLEAN = ColumnType.CATEGORICAL, ColumnType.TEXT, ColumnType.BOOLEAN


@pytest.fixture
def flights() -> Schema:
    return Schema(
        tables=(
            Table(
                name="flights",
                key="flight",
                time="announced",
                columns={
                    "flight": KEY,
                    "announced": DATETIME,
                    "landed": DATETIME,
                    "delay": NUMERIC,
                    "late": BOOLEAN,
                    "distance": NUMERIC,
                    "remark": TEXT,
                    "cutoff_time": NUMERIC,
                    "plane": KEY,
                    "origin": KEY,
                    "dest": KEY,
                },
                known_at={"landed": ("delay", "late")},
            ),
            Table(name="planes", key="plane", columns={"plane": KEY, "maker": CATEGORICAL}),
            Table(name="airports", key="faa", columns={"faa": KEY, "altitude": NUMERIC}),
        ),
        relationships=(
            Relationship.parse("planes.plane <- flights.plane"),
            Relationship.parse("airports.faa <- flights.origin"),
            Relationship.parse("airports.faa <- flights.dest"),
        ),
    )


def reasons(plan: FeaturePlan) -> dict[str, str]:
    return {dropped.name: dropped.reason for dropped in plan.dropped}


def test_depth_0_takes_own_columns_and_their_transforms(flights):
    plan = synthesize(flights, "flights", depth=0, windows=("7d",))
    assert plan.names[:4] == ("distance", "plane", "origin", "dest")
    assert set(plan.names[4:]) == {
        f"{part}(announced)"
        for part in ("YEAR", "MONTH", "DAY", "WEEKDAY", "HOUR", "MINUTE", "IS_WEEKEND")
    }
    kinds = {feature.name: feature.kind for feature in plan.features}
    assert kinds["plane"] == "categorical"
    assert kinds["distance"] == kinds["WEEKDAY(announced)"] == "numeric"


def test_what_is_known_later_is_no_feature_of_the_row_itself(flights):
    plan = synthesize(flights, "flights", depth=2, max_features=10_000)
    for name in ("delay", "late", "HOUR(landed)"):
        assert name not in plan.names
        assert "known only from 'landed' on" in reasons(plan)[name]
    assert "planes.MEAN(flights.delay)" in plan.names


def test_dates_texts_and_row_names_are_dropped_with_a_reason(flights):
    plan = synthesize(flights, "planes", depth=1, max_features=10_000)
    dropped = reasons(plan)
    assert "date" in dropped["LAST(flights.announced)"]
    assert "text" in dropped["LAST(flights.remark)"]
    assert "single rows" in dropped["LAST(flights.flight)"]
    assert "LAST(flights.origin)" in plan.names


def test_columns_of_the_matrix_are_not_named_twice(flights):
    plan = synthesize(flights, "flights", depth=0)
    assert "another column of this name" in reasons(plan)["cutoff_time"]


def test_several_paths_to_one_table_are_told_apart(flights):
    names = synthesize(flights, "flights", depth=2, max_features=10_000).names
    assert {"airports[origin].altitude", "airports[dest].altitude"} <= set(names)
    assert "airports[origin].MEAN(flights[origin].delay)" in names
    assert "airports[dest].MEAN(flights[dest].delay)" in names


def test_windows_copy_aggregations_of_tables_with_time(flights):
    plan = synthesize(flights, "flights", depth=2, windows=("3h", "2w"), max_features=10_000)
    assert "planes.COUNT(flights, Last 3 Hours)" in plan.names
    assert "planes.MEAN(flights.delay, Last 2 Weeks)" in plan.names
    assert not any("LAST(flights.delay, Last" in name for name in plan.names)
    timeless = Schema(
        tables=(
            Table(name="a", key="id", columns={"id": KEY}),
            Table(name="b", key="id", columns={"id": KEY, "a": KEY, "n": NUMERIC}),
        ),
        relationships=(Relationship.parse("a.id <- b.a"),),
    )
    names = synthesize(timeless, "a", depth=1, windows=("7d",)).names
    assert not any("Last" in name for name in names)


def test_a_cap_keeps_what_is_preferred_then_what_is_shallow(flights):
    wanted = "planes.MEAN(flights.delay, Last 3 Hours)"
    plan = synthesize(
        flights, "flights", depth=2, windows=("3h",), max_features=12, prefer=[wanted, "gone"]
    )
    assert len(plan.names) == 12
    assert wanted in plan.names
    assert {"distance", "plane", "origin", "dest"} <= set(plan.names)
    assert "beyond the 12" in reasons(plan)["planes.MAX(flights.delay)"]


def test_the_same_seed_gives_the_same_plan(flights):
    plans = [
        synthesize(flights, "planes", depth=1, windows=("3h",), max_features=9, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert plans[0] == plans[1]
    assert plans[0].fingerprint == plans[1].fingerprint != plans[2].fingerprint


def test_a_plan_survives_its_file(flights, tmp_path):
    plan = synthesize(flights, "flights", depth=1, windows=("3h",))
    plan.save(tmp_path / "plan.json")
    assert FeaturePlan.load(tmp_path / "plan.json") == plan


@pytest.mark.parametrize("text", [None, "{}", "no json", '{"features": []}'])
def test_a_file_that_is_no_plan_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "plan.json").write_text(text)
    with pytest.raises(FeatureError, match=r"Expected a feature plan in .*plan\.json"):
        FeaturePlan.load(tmp_path / "plan.json")


def test_keeping_some_drops_what_only_the_others_need(flights):
    plan = synthesize(flights, "flights", depth=2, max_features=10_000)
    kept = plan.keep(["planes.MEAN(flights.delay)", "distance"], {"plane": "constant"})
    assert kept.names == ("distance", "planes.MEAN(flights.delay)")
    assert reasons(kept)["plane"] == "constant"
    assert reasons(kept)["origin"] == "not kept"
    assert kept.fingerprint != plan.fingerprint
    content = json.loads(kept.definitions)
    assert set(content["feature_definitions"]) == {
        "flights: distance",
        "flights: planes.MEAN(flights.delay)",
        "planes: MEAN(flights.delay)",
        "flights: delay",
    }
    assert [p["type"] for p in content["primitive_definitions"].values()] == ["Mean"]


def test_definitions_are_featuretools_own(flights):
    plan = synthesize(flights, "flights", depth=2, windows=("3h",), max_features=50)
    loaded = ft.load_features(plan.keep(plan.names[::2], {}).definitions)
    assert tuple(feature.get_name() for feature in loaded) == plan.names[::2]


def test_descriptions_are_sentences(flights):
    plan = synthesize(flights, "planes", depth=1)
    (mean,) = (f for f in plan.features if f.name == "MEAN(flights.delay)")
    assert mean.table == "flights"
    assert mean.description.startswith("The average of the")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 4}, "depth from 0 to 3, got 4"),
        ({"depth": 1, "windows": ("7 days",)}, "window like '3h', '7d' or '4w'"),
        ({"depth": 1, "windows": ("0d",)}, "got '0d'"),
        ({"depth": 1, "max_features": 0}, "at least 1, got 0"),
    ],
)
def test_nonsense_is_refused(flights, options, message):
    with pytest.raises(FeatureError, match=message):
        synthesize(flights, "flights", **options)


def test_an_unknown_target_is_refused(flights):
    with pytest.raises(SchemaError, match="Did you mean 'planes'"):
        synthesize(flights, "plane", depth=1)


def test_keeping_an_unknown_name_is_refused(flights):
    plan = synthesize(flights, "flights", depth=0)
    with pytest.raises(FeatureError, match=r"names of features in the plan, got \['x'\]"):
        plan.keep(["x"], {})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.integers(0, 3))
def test_the_engine_knows_every_definition_and_agrees_on_its_kind(world, depth):
    plan = plan_world(world, depth, max_features=500)
    nodes = lower(plan.definitions, world.schema)
    assert tuple(nodes) == plan.names
    for feature in plan.features:
        kind = "categorical" if nodes[feature.name].type is ValueType.CODE else "numeric"
        assert nodes[feature.name].type is not ValueType.TIME
        assert feature.kind == kind


def test_equal_definitions_are_one_node(flights):
    plan = synthesize(flights, "flights", depth=2, max_features=10_000)
    nodes = lower(plan.definitions, flights)
    mean, std = (nodes[f"planes.{p}(flights.delay)"] for p in ("MEAN", "STD"))
    assert mean.base.bases[0] is std.base.bases[0]


def test_two_foreign_keys_to_one_table_are_planned_once_and_quietly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    users = Table(name="users", key="id", columns={"id": KEY})
    posts = Table(name="posts", key="id", columns={"id": KEY, "user": KEY, "length": NUMERIC})
    links = Table(name="links", key="id", columns={"id": KEY, "from_post": KEY, "to_post": KEY})
    relationships = (
        "users.id <- posts.user",
        "posts.id <- links.from_post",
        "posts.id <- links.to_post",
    )
    schema = Schema(
        tables=(users, posts, links),
        relationships=tuple(Relationship.parse(text) for text in relationships),
    )
    names = synthesize(schema, "users", depth=2).names
    assert "COUNT(posts.links[from_post])" in names
    assert "COUNT(posts.links[to_post])" in names
    assert len(set(names)) == len(names)
    assert not caplog.records


def test_a_new_column_and_a_new_table_leave_known_features_as_they_were(flights):
    """A retrain keeps what it knew, by name, however the schema has grown meanwhile."""
    wide = {"depth": 2, "windows": ("2w",), "max_features": 10_000}
    before = synthesize(flights, "flights", **wide)
    planes = next(table for table in flights.tables if table.name == "planes")
    grown = Schema(
        tables=(
            *(table for table in flights.tables if table is not planes),
            Table(name="planes", key="plane", columns={**planes.columns, "seats": NUMERIC}),
            Table(
                name="repairs",
                key="repair",
                time="begun",
                columns={"repair": KEY, "begun": DATETIME, "plane": KEY, "cost": NUMERIC},
            ),
        ),
        relationships=(
            *flights.relationships,
            Relationship.parse("planes.plane <- repairs.plane"),
        ),
    )
    after = synthesize(grown, "flights", **wide)
    assert set(before.names) < set(after.names)
    assert "planes.SUM(repairs.cost, Last 2 Weeks)" in after.names
    known = {feature.name: feature for feature in before.features}
    assert [f for f in after.features if f.name in known] == [
        known[f.name] for f in after.features if f.name in known
    ]
    kept = synthesize(
        grown, "flights", depth=2, windows=("2w",), max_features=40, prefer=before.names[:40]
    )
    assert set(before.names[:40]) == set(kept.names)
