"""Two-sample tests with effect sizes, on as many rows as the windows are really worth.

Every test answers with a p-value and an effect: the p-value says whether a change is more than
chance, the effect whether it is large enough to matter. With `blocks` (start of each row's time
block) the sizes that enter the p-value are effective ones, see `monitoring.dependence`; without,
rows count as independent and p-values are uniform when nothing changed.

Notation
--------
n, m     (effective) rows of the reference and of the current window
D        Kolmogorov-Smirnov distance, the largest gap between the two distribution functions
TV       total variation distance, half the sum of |share in reference - share in current|
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from monitoring.dependence import WITHIN_RANK, EffectiveSizes, effective_sizes
from monitoring.samples import (
    Codes,
    Comparison,
    Sample,
    block_tables,
    codes_of,
    effective_rows,
    independent_rows,
    shares_of,
)

N_THRESHOLDS = 20
"""Equal parts into which pooled values are cut for effective sizes and the stability index."""


def compare_numbers(reference: Sample, current: Sample) -> Comparison:
    """Compare two distributions of numbers (Kolmogorov-Smirnov); the effect is D.

    Parameters
    ----------
    reference, current
        Finite floats, at least one row each.

    Examples
    --------
    >>> same = Sample(values=np.arange(100.0))
    >>> compare_numbers(same, same).p_value
    1.0
    >>> round(compare_numbers(same, Sample(values=np.arange(100.0) + 50)).effect, 2)
    0.5
    """
    a, b = np.sort(reference.values), np.sort(current.values)
    distance = ks_distance(a, b)
    codes = _cut(reference, current)
    sizes = effective_rows(reference, current, codes, is_ordered=True)
    shares = shares_of(codes)
    return Comparison(
        p_value=sizes.widen(_ks_p_value(distance, sizes)),
        effect=distance,
        n_reference=sizes.reference,
        n_current=sizes.current,
        psi=stability_index(shares[0], shares[1], min(len(a), len(b))),
    )


def _cut(reference: Sample, current: Sample) -> Codes:
    """Return in which of `N_THRESHOLDS` equal parts of both windows together each value lies."""
    parts = np.arange(1, N_THRESHOLDS) / N_THRESHOLDS
    edges = np.unique(np.quantile(np.concatenate([reference.values, current.values]), parts))
    return np.searchsorted(edges, reference.values), np.searchsorted(edges, current.values)


def compare_ranks(reference: Sample, current: Sample) -> tuple[Comparison, Comparison]:
    """Compare where numbers lie (Wilcoxon) and how far they spread (Ansari and Bradley).

    The Kolmogorov-Smirnov distance of a column that spreads half as much again in variance is
    0.05, which takes some 4,000 rows to find; the spread of ranks shows it on 400. Ranks are those
    of the `N_THRESHOLDS` parts, which costs less than 1 % of the efficiency.

    Parameters
    ----------
    reference, current
        Finite floats, at least one row each.

    Returns
    -------
    tuple
        Location and spread. The effect is the rank-biserial correlation: how much more often a
        current value is the larger one (lies farther out) than the smaller one (farther in); 0.14
        for a shift of a quarter of a normal deviation.

    References
    ----------
    Ansari & Bradley (1960), Annals of Mathematical Statistics 31, 1174-1189. Kerby (2014),
    Comprehensive Psychology 3, 11.IT.3.1 (rank-biserial correlation).

    Examples
    --------
    >>> narrow, wide = (Sample(values=np.linspace(-w, w, 200)) for w in (1.0, 2.0))
    >>> location, spread = compare_ranks(narrow, wide)
    >>> location.p_value > 0.9, spread.p_value < 1e-6, round(spread.effect, 2)
    (True, True, 0.49)
    """
    codes = _cut(reference, current)
    shares = shares_of(codes)
    pooled = (shares * np.array([[len(codes[0])], [len(codes[1])]])).sum(axis=0)
    place = _mid_ranks(pooled, np.arange(len(pooled)))
    out = _mid_ranks(pooled, np.argsort(np.abs(place - 0.5), kind="stable"))
    of_place, of_out = (_scored_rows(reference, current, codes, s) for s in (place, out))
    # A day that lies off the middle looks wide: spread goes with the square of what location
    # varies by, so the normal law holds less, and it is worth no more rows than location is.
    of_out = EffectiveSizes(
        reference=min(of_place.reference, of_out.reference),
        current=min(of_place.current, of_out.current),
        rank=1,
        degrees=min(of_place.degrees, of_out.degrees),
    )
    return _compare_means(shares, place, of_place), _compare_means(shares, out, of_out)


def _mid_ranks(counts: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the mean rank, in (0, 1), of the rows of each code, codes ranked in this order."""
    below = np.cumsum(counts[order]) - counts[order] / 2
    ranks = np.empty(len(counts))
    ranks[order] = below / counts.sum()
    return ranks


def _scored_rows(
    reference: Sample, current: Sample, codes: Codes, scores: np.ndarray
) -> EffectiveSizes:
    if reference.blocks is None or current.blocks is None:
        return independent_rows(codes)
    tables = block_tables(reference, current, codes)
    return effective_sizes(*(table.scored(scores) for table in tables))


def _compare_means(shares: np.ndarray, scores: np.ndarray, sizes: EffectiveSizes) -> Comparison:
    """Compare the mean of a score each code has; the effect is twice the difference."""
    before, after = (float(part @ scores) for part in shares)
    variance = np.mean([part @ scores**2 - (part @ scores) ** 2 for part in shares])
    error = np.sqrt(variance / sizes.harmonic)
    z = abs(after - before) / error if error > 0 else 0.0
    return Comparison(
        p_value=sizes.widen(float(2 * stats.norm.sf(z))),
        effect=min(1.0, 2 * abs(after - before)),
        n_reference=sizes.reference,
        n_current=sizes.current,
    )


def _ks_p_value(distance: float, sizes: EffectiveSizes) -> float:
    """Kolmogorov's distribution, or a normal one as far as days move the whole column together.

    Where one direction carries all variance (rank 1), D is the absolute value of a normal
    variable of variance 1 / (4 n) and no longer the largest of many gaps; between that and the
    rank of independent rows the logarithms of both p-values are interpolated. Kolmogorov's
    alone was measured to miss a fifth more of the shifts of windows with shared daily levels.
    """
    many = stats.kstwo.sf(distance, max(1, round(sizes.harmonic)))
    single = 2 * stats.norm.sf(2 * distance * np.sqrt(sizes.harmonic))
    weight = np.clip((WITHIN_RANK - sizes.rank) / (WITHIN_RANK - 1), 0, 1)
    return float(min(1.0, many ** (1 - weight) * single**weight))


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest gap between the distribution functions of two sorted arrays.

    Examples
    --------
    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    points = np.concatenate([a, b])
    below_a = np.searchsorted(a, points, side="right") / len(a)
    below_b = np.searchsorted(b, points, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


def compare_rates(reference: Sample, current: Sample) -> Comparison:
    """Compare how often something holds (two proportions); the effect is the change of rate.

    Parameters
    ----------
    reference, current
        Booleans, at least one row each.

    Examples
    --------
    >>> never, half = Sample(values=np.zeros(100, bool)), Sample(values=np.arange(100) % 2 == 0)
    >>> compare_rates(never, half).effect
    0.5
    """
    codes = codes_of(reference, current)
    sizes = effective_rows(reference, current, codes, is_ordered=True)
    return compare_two_rates(float(codes[0].mean()), float(codes[1].mean()), sizes)


def compare_two_rates(before: float, after: float, sizes: EffectiveSizes) -> Comparison:
    """Compare two rates in [0, 1], each measured on so many effective rows."""
    pooled = (before * sizes.reference + after * sizes.current) / (sizes.reference + sizes.current)
    error = np.sqrt(pooled * (1 - pooled) / sizes.harmonic)
    z = abs(after - before) / error if error > 0 else 0.0
    return Comparison(
        p_value=sizes.widen(float(2 * stats.norm.sf(z))),
        effect=abs(after - before),
        n_reference=sizes.reference,
        n_current=sizes.current,
    )


def stability_index(reference: np.ndarray, current: np.ndarray, n_rows: int) -> float:
    """Return the population stability index of two sets of shares (reported, never acted on).

    Shares of zero count as half a row of `n_rows`.
    """
    a, b = (np.maximum(shares, 0.5 / n_rows) for shares in (reference, current))
    return float(((b - a) * np.log(b / a)).sum())


def adjust(p_values: Sequence[float], weights: Sequence[float] | None = None) -> np.ndarray:
    """Return p-values adjusted by Benjamini and Hochberg, shape (n_tests,).

    Calling "found" what is below alpha keeps the expected share of false finds below alpha; with
    weights too, which let some tests have more of alpha than others.

    Parameters
    ----------
    p_values
        Shape (n_tests,).
    weights
        Positive, shape (n_tests,), fixed before looking; None: all alike.

    References
    ----------
    Genovese, Roeder & Wasserman (2006), Biometrika 93, 509-524 (weights of mean one).

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    values = np.asarray(p_values, dtype=float)
    if not len(values):
        return values
    if weights is not None:
        shares = np.asarray(weights, dtype=float)
        values = np.minimum(1.0, values * shares.mean() / shares)
    return np.asarray(stats.false_discovery_control(values, method="bh"))
