import numpy as np
import pytest
from scipy import stats

from monitoring.dependence import BlockCounts, count_blocks, effective_sizes
from monitoring.levels import compare_levels, compare_new_levels
from monitoring.samples import Sample
from monitoring.statistics import adjust, compare_numbers, compare_rates, ks_distance
from tests.monitoring.streams import make_levels

N_REPEATS = 400


def independent(values) -> Sample:
    return Sample(values=np.asarray(values))


def draw_levels(rng, n):
    return rng.choice(8, size=n, p=[0.4, 0.25, 0.15, 0.1, 0.05, 0.03, 0.015, 0.005])


@pytest.mark.parametrize(
    ("compare", "draw"),
    [
        (compare_numbers, lambda rng, n: rng.normal(size=n)),
        (compare_levels, draw_levels),
        (compare_rates, lambda rng, n: rng.random(n) < 0.2),
    ],
    ids=["numbers", "levels", "rates"],
)
def test_p_values_of_independent_rows_are_uniform(compare, draw):
    rng = np.random.default_rng(0)
    p_values = [
        compare(independent(draw(rng, 1500)), independent(draw(rng, 700))).p_value
        for _ in range(N_REPEATS)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert 0.025 <= np.mean(np.array(p_values) < 0.05) <= 0.08


def test_kolmogorov_smirnov_agrees_with_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=500), rng.normal(0.2, size=400)
    expected = stats.ks_2samp(a, b, method="asymp")
    result = compare_numbers(independent(a), independent(b))
    assert result.effect == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert ks_distance(np.sort(a), np.sort(b)) == pytest.approx(expected.statistic)


def test_chi_square_agrees_with_scipy():
    rng = np.random.default_rng(2)
    a, b = rng.choice(4, size=500), rng.choice(4, size=300, p=[0.3, 0.3, 0.2, 0.2])
    table = [np.bincount(a), np.bincount(b)]
    expected = stats.chi2_contingency(table, correction=False)
    assert compare_levels(independent(a), independent(b)).p_value == pytest.approx(expected.pvalue)


def test_rare_levels_are_pooled():
    rng = np.random.default_rng(3)
    tail = rng.zipf(1.3, size=6000) % 3000
    p_values = []
    for _ in range(200):
        rng.shuffle(tail)
        p_values.append(compare_levels(independent(tail[:4000]), independent(tail[4000:])).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.09


def test_new_levels_of_a_long_tail_are_expected_but_a_new_supplier_is_not():
    rng = np.random.default_rng(4)
    reference = rng.zipf(1.3, size=4000) % 5000
    quiet = rng.zipf(1.3, size=1000) % 5000
    assert np.isin(quiet, reference, invert=True).mean() > 0.02
    assert compare_new_levels(independent(reference), independent(quiet)).effect < 0.05
    changed = np.where(rng.random(1000) < 0.2, 9999, quiet)
    result = compare_new_levels(independent(reference), independent(changed))
    assert result.effect > 0.1
    assert result.p_value < 1e-6


def test_benjamini_hochberg_is_scipys_and_keeps_order():
    p_values = np.random.default_rng(5).random(30)
    adjusted = adjust(p_values)
    assert (adjusted >= p_values).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()
    assert len(adjust([])) == 0


def dependent_pair(rng, *, shared, phi, n_days=(30, 7), rows_per_day=60):
    days = sum(n_days)
    day = np.repeat(np.arange(days), rows_per_day)
    level = make_levels(rng, days, 1, phi)[day, 0]
    values = np.sqrt(shared) * level + np.sqrt(1 - shared) * rng.normal(size=len(day))
    is_reference = day < n_days[0]
    return (
        Sample(values=values[is_reference], blocks=day[is_reference]),
        Sample(values=values[~is_reference], blocks=day[~is_reference]),
    )


def in_levels(sample: Sample) -> Sample:
    return Sample(values=np.searchsorted([-1, -0.5, 0.2, 1.2], sample.values), blocks=sample.blocks)


@pytest.mark.parametrize(("shared", "phi"), [(0.1, 0.0), (0.3, 0.0), (0.3, 0.5)])
def test_shared_days_do_not_make_quiet_windows_significant(shared, phi):
    rng = np.random.default_rng(6)
    found = {"numbers": 0, "levels": 0, "naive": 0}
    n_repeats = 150
    for _ in range(n_repeats):
        a, b = dependent_pair(rng, shared=shared, phi=phi)
        found["numbers"] += compare_numbers(a, b).p_value < 0.01
        found["levels"] += compare_levels(in_levels(a), in_levels(b)).p_value < 0.01
        naive = compare_numbers(independent(a.values), independent(b.values))
        found["naive"] += naive.p_value < 0.01
    assert found["numbers"] <= 0.05 * n_repeats
    assert found["levels"] <= 0.06 * n_repeats
    assert found["naive"] >= 0.15 * n_repeats


def test_effective_sizes_find_the_design_effect():
    rng = np.random.default_rng(7)
    ratios = []
    for _ in range(40):
        a, b = dependent_pair(rng, shared=1.0, phi=0.0)
        ratios.append(compare_numbers(a, b).n_current)
    # every day one value: 7 days are worth about 7 rows, not 420
    assert 3 <= np.median(ratios) <= 10


def test_effective_sizes_of_independent_rows_are_about_the_rows():
    rng = np.random.default_rng(8)
    sizes = [compare_numbers(*dependent_pair(rng, shared=0.0, phi=0.0)) for _ in range(40)]
    assert np.median([s.n_current for s in sizes]) >= 0.8 * 420


def test_effective_sizes_stay_within_bounds_on_any_table():
    rng = np.random.default_rng(9)
    for _ in range(50):
        tables = []
        for n_blocks in (int(rng.integers(1, 15)), int(rng.integers(1, 15))):
            blocks = np.sort(rng.integers(0, n_blocks, 60))
            tables.append(count_blocks(rng.integers(0, 4, 60), blocks, 4))
        sizes = effective_sizes(*tables)
        assert 1 <= sizes.reference <= 60
        assert 1 <= sizes.current <= 60
        assert sizes.degrees > 0
        assert sizes.widen(1e-4) >= 1e-4


def test_constant_columns_are_worth_all_their_rows():
    sums = np.tile([5.0, 0.0], (12, 1))
    table = BlockCounts(sizes=np.full(12, 5.0), sums=sums, weight=np.ones(2), squares=sums)
    sizes = effective_sizes(table, table)
    assert (sizes.reference, sizes.current) == (60, 60)


def test_a_change_of_missing_values_that_starts_in_the_middle_is_found():
    day = np.repeat(np.arange(37), 50)
    is_missing = day >= 33
    reference = Sample(values=is_missing[day < 30], blocks=day[day < 30])
    current = Sample(values=is_missing[day >= 30], blocks=day[day >= 30])
    assert compare_rates(reference, current).p_value < 1e-6
