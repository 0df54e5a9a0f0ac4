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

from monitoring.dependence import WITHIN_RANK, EffectiveSizes
from monitoring.samples import Comparison, Sample, codes_of, effective_rows, shares_of

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
    parts = np.arange(1, N_THRESHOLDS) / N_THRESHOLDS
    edges = np.unique(np.quantile(np.concatenate([a, b]), parts))
    codes = np.searchsorted(edges, reference.values), np.searchsorted(edges, current.values)
    sizes = effective_rows(reference, current, codes, is_ordered=True)
    shares = shares_of(codes)
    return Comparison(
        p_value=sizes.widen(_ks_p_value(distance, sizes)),
        effect=distance,
        n_reference=sizes.reference,
        n_current=sizes.current,
        psi=stability_index(shares[0], shares[1], min(len(a), len(b))),
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


def adjust(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted by Benjamini and Hochberg, shape (n_tests,).

    Calling "found" what is below alpha keeps the expected share of false finds below alpha.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    values = np.asarray(p_values, dtype=float)
    if not len(values):
        return values
    return np.asarray(stats.false_discovery_control(values, method="bh"))
