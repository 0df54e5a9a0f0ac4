import numpy as np
import pytest

from models.evaluation import compare
from models.figures import percent
from models.sampling import Origin, sample_rows, tail_share


def days(n_rows, n_days):
    first = np.datetime64("2024-01-01", "us")
    return first + np.sort(np.arange(n_rows) % n_days).astype("timedelta64[D]")


def mean_of(values):
    def statistic(resamples):
        sums = resamples.sums(np.column_stack([values, np.ones(len(values))]))
        return sums[:, 0] / sums[:, 1]

    return statistic


def share_beyond_zero(make, *, level, n_worlds=400):
    """How often a mean that is zero in truth is surely above it."""
    above = 0
    for world in range(n_worlds):
        values, origin = make(np.random.default_rng(world))
        drawn = sample_rows(values, origin, seed=world, classes=False, level=level)
        above += drawn.estimate(float(values.mean()), mean_of(values)).low > 0
    return above / n_worlds


def test_few_days_promise_no_more_than_they_hold():
    def world(rng):
        of_day = np.repeat(rng.normal(size=12), 20)
        return of_day + rng.normal(size=240), Origin(cutoff_time=days(240, 12))

    # 2.5 % are promised; plain percentiles give 3.8 % in such worlds.
    assert share_beyond_zero(world, level=0.95) <= 0.035


def test_entities_that_repeat_are_drawn_whole():
    entity = np.tile(np.arange(40), 30)

    def world(rng):
        return rng.normal(size=40)[entity] + rng.normal(size=1_200), entity

    def told(rng):
        values, entity = world(rng)
        return values, Origin(cutoff_time=days(1_200, 30), entity=entity)

    def untold(rng):
        return world(rng)[0], Origin(cutoff_time=days(1_200, 30))

    assert share_beyond_zero(told, level=0.95) <= 0.045
    assert share_beyond_zero(untold, level=0.95, n_worlds=100) > 0.2


@pytest.mark.parametrize(
    ("n_days", "entity", "expected"),
    [
        (30, None, "30 days"),
        (30, np.arange(600), "30 days"),
        (30, np.arange(600) % 3, "30 days"),
        (30, np.arange(600) % 50, "30 days, and 50 entities (the more cautious counts)"),
        (None, np.arange(600) % 50, "50 entities"),
        (None, np.arange(1_200) // 2, "600 entities in 400 groups"),
    ],
)
def test_what_was_drawn_is_said(n_days, entity, expected):
    n_rows = 600 if entity is None else len(entity)
    origin = Origin(cutoff_time=None if n_days is None else days(n_rows, n_days), entity=entity)
    assert sample_rows(np.zeros(n_rows), origin, seed=0, classes=False).description == expected


def test_higher_levels_are_wider_and_have_resamples_to_show():
    rng = np.random.default_rng(0)
    y, a = rng.normal(size=900), rng.normal(size=900)
    found = []
    for level in (0.9, 0.97, 0.995, 0.99999):
        drawn = sample_rows(
            y, Origin(cutoff_time=days(900, 30)), seed=0, classes=False, level=level
        )
        found.append((drawn.n_resamples, compare(y, a, np.zeros(900), "rmse", drawn)))
    counts, differences = zip(*found, strict=True)
    widths = [each.high - each.low for each in differences]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4
    assert counts[0] == 1_000
    assert counts[2] > 2_000
    assert [each.level for each in differences] == [0.9, 0.97, 0.995, 0.99999]


def test_p_is_the_level_at_which_the_interval_touches_zero():
    rng = np.random.default_rng(1)
    values = rng.normal(0.12, 1.0, size=600)
    origin = Origin(cutoff_time=days(600, 20))
    drawn = sample_rows(values, origin, seed=0, classes=False)
    p = drawn.estimate(values.mean(), mean_of(values)).p
    assert 0.001 < p < 0.2
    for level, above in ((1 - 1.15 * p, True), (1 - p / 1.15, False)):
        drawn = sample_rows(values, origin, seed=0, classes=False, level=level)
        assert (drawn.estimate(values.mean(), mean_of(values)).low > 0) == above


def test_one_block_is_sure_of_nothing():
    one = Origin(cutoff_time=np.full(1, np.datetime64("2024-01-01", "us")))
    drawn = sample_rows(np.ones(1), one, seed=0, classes=False)
    estimate = drawn.estimate(1.0, mean_of(np.ones(1)))
    assert np.isnan([estimate.low, estimate.high]).all()
    assert estimate.p == 1.0
    assert tail_share(0.95, 1) == 0.0


def test_levels_are_written_with_the_digits_they_need():
    assert [percent(level) for level in (0.95, 0.9, 0.9696, 0.99240, 0.999962)] == [
        "95 %",
        "90 %",
        "97.0 %",
        "99.2 %",
        "99.996 %",
    ]
