"""Levels: two-sample tests of categories, for distributions and for levels never seen before."""

import numpy as np
from scipy import stats

from monitoring.dependence import EffectiveSizes, effective_sizes
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
from monitoring.statistics import compare_two_rates, stability_index

MIN_EXPECTED = 5.0
"""Levels expected less often than this in either window are pooled (Cochran's rule)."""


def compare_levels(reference: Sample, current: Sample) -> Comparison:
    """Compare two distributions over levels (two-sample chi-square); the effect is TV.

    Counts are scaled to effective rows, then levels expected fewer than `MIN_EXPECTED` times in
    either window are pooled. Pooling looks at both windows together, so it does not favour
    finding a difference.

    Parameters
    ----------
    reference, current
        Integer codes >= 0, at least one row each; equal codes mean equal levels.

    Examples
    --------
    >>> even, odd = Sample(values=np.repeat([0, 1], 50)), Sample(values=np.repeat([0, 1], [90, 10]))
    >>> compare_levels(even, odd).effect, compare_levels(even, odd).p_value < 1e-6
    (0.4, True)
    """
    raw = codes_of(reference, current)
    codes, sizes = raw, independent_rows(raw)
    for _ in range(2):  # pool by rows, then by effective rows, which depend on the pooling
        codes = pool_rare(codes, sizes)
        sizes = effective_rows(reference, current, codes, is_ordered=False)
    shares = shares_of(codes)
    p_value = sizes.widen(_chi_square(shares, sizes))
    if reference.blocks is not None and current.blocks is not None:
        p_value = max(p_value, _levels_apart(reference, current, codes, sizes))
    return Comparison(
        p_value=p_value,
        effect=float(np.abs(np.diff(shares_of(raw), axis=0)).sum() / 2),
        n_reference=sizes.reference,
        n_current=sizes.current,
        psi=stability_index(shares[0], shares[1], min(map(len, codes))),
    )


def pool_rare(codes: Codes, sizes: EffectiveSizes) -> Codes:
    """Join rare levels until each is expected often enough in both windows.

    Returns
    -------
    tuple
        Codes from 0 without gaps; the last one stands for the joined levels, if any. With too
        few rows for two levels, the most frequent one against all others.
    """
    rows = np.array([[sizes.reference], [sizes.current]])
    counts = (shares_of(codes) * rows).sum(axis=0)
    expected = counts / counts.sum() * rows.min()
    is_kept = expected >= MIN_EXPECTED
    if is_kept.sum() < 2:
        is_kept = np.arange(len(counts)) == int(np.argmax(expected))
    n_kept = int(is_kept.sum())
    new_code = np.where(is_kept, np.cumsum(is_kept) - 1, n_kept)
    return new_code[codes[0]], new_code[codes[1]]


def _levels_apart(
    reference: Sample, current: Sample, codes: Codes, together: EffectiveSizes
) -> float:
    """Test every level against all others on its own effective rows; Bonferroni's smallest.

    Rao and Scott average over levels, which hides that days may move one direction most of all:
    alone they were measured to give p < 0.01 in 5 % of quiet weeks. So a level must show it too,
    on no more rows than all of them together are worth.
    """
    shares = shares_of(codes)
    n_codes = shares.shape[1]
    tables = block_tables(reference, current, codes)
    p_values = []
    for code in range(n_codes):
        own = effective_sizes(*(table.only(code) for table in tables))
        sizes = EffectiveSizes(
            reference=min(own.reference, together.reference),
            current=min(own.current, together.current),
            rank=1,
            degrees=min(own.degrees, together.degrees),
        )
        before, after = (float(share) for share in shares[:, code])
        p_values.append(compare_two_rates(before, after, sizes).p_value)
    return float(min(1.0, min(p_values) * max(1, n_codes - 1)))


def _chi_square(shares: np.ndarray, sizes: EffectiveSizes) -> float:
    """Pearson's test of homogeneity on effective counts, Rao and Scott's second order."""
    is_seen = shares.sum(axis=0) > 0
    degrees = int(is_seen.sum()) - 1
    if degrees < 1:
        return 1.0
    rows = np.array([[sizes.reference], [sizes.current]])
    table = shares[:, is_seen] * rows
    expected = rows * table.sum(axis=0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    rank = min(sizes.rank, degrees)
    return float(stats.chi2.sf(statistic * rank / degrees, rank))


def compare_new_levels(reference: Sample, current: Sample) -> Comparison:
    """Ask whether levels never seen in the reference come more often than they should.

    Long-tailed columns always bring something new. By Good and Turing, an unseen level is to be
    expected as often as the reference had levels seen exactly once; the effect is the share of
    rows with a new level beyond that.

    Parameters
    ----------
    reference, current
        Integer codes >= 0; equal codes mean equal levels.

    References
    ----------
    Good (1953), Biometrika 40, 237-264, equation 9.
    """
    codes = codes_of(reference, current)
    seen = np.bincount(codes[0], minlength=int(codes[1].max()) + 1)
    is_new = (seen == 1)[codes[0]].astype(int), (seen == 0)[codes[1]].astype(int)
    sizes = effective_rows(reference, current, is_new, is_ordered=True)
    expected, found = float(is_new[0].mean()), float(is_new[1].mean())
    if found <= expected:
        return Comparison(
            p_value=1.0, effect=0.0, n_reference=sizes.reference, n_current=sizes.current
        )
    return compare_two_rates(expected, found, sizes)
