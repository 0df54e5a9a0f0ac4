"""Economy: what features would cost, by estimate, and which are dearer than they may be."""

from features.census import Census
from features.engine.explain import Explanation, ways
from features.plan import FeaturePlan
from features.schema import Schema


def estimate(plan: FeaturePlan, schema: Schema, census: Census) -> dict[str, Explanation]:
    """Explain how each feature is computed, with its cost as the tables are."""
    # NOTE: cutoffs lie anywhere in the past, so on average half of the children are there yet.
    child_rows = {link: max(facts.mean / 2, 1.0) for link, facts in census.links.items()}
    return ways(plan, schema, child_rows=child_rows)


def drop_costly(
    plan: FeaturePlan, schema: Schema, census: Census, *, n_rows: int, max_seconds: float
) -> FeaturePlan:
    """Leave out each feature that would take longer than `max_seconds` for `n_rows` rows.

    Raises
    ------
    FeatureError
        When nothing is left.
    """
    seconds = {
        name: explained.seconds_per_cell * n_rows
        for name, explained in estimate(plan, schema, census).items()
    }
    reasons = {
        name: f"would take about {cost:,.0f} CPU seconds for {n_rows:,} rows, "
        f"{max_seconds:,.0f} are allowed"
        for name, cost in seconds.items()
        if cost > max_seconds
    }
    return plan.keep([name for name in plan.names if name not in reasons], reasons)
