"""Samples: values of one column in two windows, and how many rows they are really worth."""

from dataclasses import dataclass, replace

import numpy as np

from monitoring.dependence import (
    WITHIN_RANK,
    BlockCounts,
    EffectiveSizes,
    count_blocks,
    effective_sizes,
)

Codes = tuple[np.ndarray, np.ndarray]
"""Integer codes from 0 of the rows of the reference and of the current window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Outcome of one two-sample test: p-value, effect in [0, 1], and effective rows."""

    p_value: float
    effect: float
    n_reference: float
    n_current: float
    psi: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Values of one column in one window.

    Parameters
    ----------
    values
        Shape (n_rows,), nothing missing: floats, or integer codes of levels.
    blocks
        Start of each row's time block, shape (n_rows,), or None for independent rows.
    """

    values: np.ndarray
    blocks: np.ndarray | None = None


def codes_of(reference: Sample, current: Sample) -> Codes:
    """Return the values of two samples of codes or booleans as integers."""
    return reference.values.astype(int), current.values.astype(int)


def shares_of(codes: Codes) -> np.ndarray:
    """Return the share of each code in each window, shape (2, n_codes)."""
    n_codes = max(int(c.max()) for c in codes) + 1
    return np.stack([np.bincount(c, minlength=n_codes) / len(c) for c in codes])


def independent_rows(codes: Codes) -> EffectiveSizes:
    """Return sizes that take every row for independent."""
    n_codes = max(int(c.max()) for c in codes) + 1
    return EffectiveSizes(
        reference=len(codes[0]), current=len(codes[1]), rank=max(WITHIN_RANK, n_codes - 1)
    )


def effective_rows(
    reference: Sample, current: Sample, codes: Codes, *, is_ordered: bool
) -> EffectiveSizes:
    """Return the effective rows of two samples, cut into codes.

    Ordered codes are compared by their cumulated shares, as the Kolmogorov-Smirnov distance is;
    levels are weighted as chi-square weights them.
    """
    if reference.blocks is None or current.blocks is None:
        return independent_rows(codes)
    tables = block_tables(reference, current, codes)
    if is_ordered:
        return effective_sizes(*(table.cumulated() for table in tables))
    counts = tables[0].sums.sum(axis=0) + tables[1].sums.sum(axis=0)
    weight = counts.sum() / np.maximum(counts, 1)
    return effective_sizes(*(replace(table, weight=weight) for table in tables))


def block_tables(
    reference: Sample, current: Sample, codes: Codes
) -> tuple[BlockCounts, BlockCounts]:
    """Return how often each code comes in each block of the two windows."""
    if reference.blocks is None or current.blocks is None:
        raise ValueError("block tables need samples with blocks; got one without")
    n_codes = max(int(c.max()) for c in codes) + 1
    return (
        count_blocks(codes[0], reference.blocks, n_codes),
        count_blocks(codes[1], current.blocks, n_codes),
    )
