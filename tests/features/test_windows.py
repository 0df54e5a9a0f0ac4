"""Windows and what they make of a definition: copies, and ratios of neighbours."""

import pandas as pd
import pytest

from features.economy import drop_costly, estimate
from features.errors import FeatureError
from features.plan import synthesize
from features.synthesis import ft
from tests.features.test_redundancy import SCHEMA, TABLES, census_of


def ratios(*windows: str) -> list[str]:
    plan = synthesize(SCHEMA, "users", depth=1, windows=windows, max_features=10_000)
    return [name for name in plan.names if name.startswith("COUNT(orders") and " / " in name]


def test_each_window_is_compared_with_the_next_longer_one():
    assert ratios("1w", "36h", "all") == [
        "COUNT(orders, Last 36 Hours) / COUNT(orders, Last 1 Weeks)",
        "COUNT(orders, Last 1 Weeks) / COUNT(orders)",
    ]


def test_the_whole_past_is_always_among_the_windows():
    assert ratios("7d") == ratios("7d", "all") == ["COUNT(orders, Last 7 Days) / COUNT(orders)"]
    assert ratios("all") == ratios() == []


def test_only_paces_levels_and_shares_are_compared():
    plan = synthesize(SCHEMA, "users", depth=2, windows=("7d",), max_features=10_000)
    compared = {name.split("(")[0] for name in plan.names if " / " in name}
    assert compared == {"COUNT", "MEAN", "PERCENT_TRUE"}


def test_ratios_are_featuretools_own_definitions():
    plan = synthesize(SCHEMA, "users", depth=1, windows=("7d",), max_features=10_000)
    loaded = ft.load_features(plan.definitions)
    assert tuple(feature.get_name() for feature in loaded) == plan.names


def test_what_would_take_too_long_is_dropped_with_its_estimate():
    census = census_of(SCHEMA, TABLES)
    plan = synthesize(SCHEMA, "users", depth=3, max_features=10_000)
    costs = {name: e.seconds_per_cell for name, e in estimate(plan, SCHEMA, census).items()}
    dear = max(costs, key=costs.__getitem__)
    limit = 1e6 * sorted(costs.values())[len(costs) // 2]
    kept = drop_costly(plan, SCHEMA, census, n_rows=1_000_000, max_seconds=limit)
    assert "age" in kept.names
    assert dear not in kept.names
    reason = {drop.name: drop.reason for drop in kept.dropped}[dear]
    assert reason.startswith("would take about")
    assert "for 1,000,000 rows" in reason


def test_where_all_is_too_dear_nothing_is_planned():
    plan = synthesize(SCHEMA, "users", depth=1)
    census = census_of(SCHEMA, TABLES)
    with pytest.raises(FeatureError, match="at least one feature"):
        drop_costly(plan, SCHEMA, census, n_rows=1, max_seconds=0.0)


def test_a_census_counts():
    census = census_of(SCHEMA, TABLES)
    orders = census.tables["orders"]
    assert (orders.n_rows, orders.silent) == (3, {})
    assert orders.first == pd.Timestamp("2024-01-03")
    links = {link.child: facts for link, facts in census.links.items()}
    assert (links["orders"].n_parents, links["orders"].most, links["orders"].mean) == (2, 2, 1.5)
    assert (links["bills"].n_children, links["bills"].most) == (2, 1)
