"""Columns: what two windows hold of one feature, made comparable, and compared."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from monitoring.evidence import ColumnDrift, ColumnTest, TestName
from monitoring.levels import compare_levels, compare_new_levels
from monitoring.policy import DriftPolicy
from monitoring.samples import Comparison, Sample
from monitoring.statistics import compare_numbers, compare_ranks, compare_rates

MAX_LEVELS = 50
"""Most frequent levels kept apart; the others are compared together."""

MAX_VALUES_AS_LEVELS = 10
"""Numbers with at most so many distinct values are compared as levels: the Kolmogorov-Smirnov
test is timid on ties (on a 0/1 column it finds a change of 10 points in half the cases)."""

OTHER = "(other)"
_NUMBER_TYPES = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnPair:
    """One column in both windows, missing and infinite values as NaN or None.

    Parameters
    ----------
    kind
        "numeric" or "categorical" as found, "unknown" where nothing is known.
    is_levels
        Whether distributions are compared over levels; then both series hold strings.
    reference, current
        Indexed by the start of each row's time block (or by position where there is no time).
    new_levels
        (reference, current) with every level kept, or None for numbers.
    """

    name: str
    kind: Literal["numeric", "categorical", "unknown"]
    is_levels: bool
    reference: pd.Series
    current: pd.Series
    new_levels: tuple[pd.Series, pd.Series] | None = None

    @property
    def is_comparable(self) -> bool:
        """Whether both windows hold at least one known value."""
        return bool(self.reference.notna().any() and self.current.notna().any())


def pair_columns(name: str, reference: pd.Series, current: pd.Series) -> ColumnPair:
    """Make two series of one column comparable.

    Object columns of numbers become numbers, infinities become missing, numbers next to text
    become text, and levels beyond the `MAX_LEVELS` most frequent ones become `OTHER`.

    Parameters
    ----------
    name
        Name of the column.
    reference, current
        Any dtype, indexed by time block; see `ColumnPair`.

    Examples
    --------
    >>> pair = pair_columns("x", pd.Series([1, 2, np.inf], dtype=object), pd.Series([1.5]))
    >>> pair.kind, int(pair.reference.isna().sum())
    ('numeric', 1)
    """
    if not reference.notna().any() and not current.notna().any():
        return ColumnPair(
            name=name, kind="unknown", is_levels=False, reference=reference, current=current
        )
    if _is_numeric(reference) and _is_numeric(current):
        return _pair_numbers(name, _to_numbers(reference), _to_numbers(current))
    levels = _to_levels(reference), _to_levels(current)
    kept = _keep_frequent(*levels)
    return ColumnPair(
        name=name,
        kind="categorical",
        is_levels=True,
        reference=kept[0],
        current=kept[1],
        new_levels=levels,
    )


def _pair_numbers(name: str, reference: pd.Series, current: pd.Series) -> ColumnPair:
    values = np.concatenate([reference.to_numpy(), current.to_numpy()])
    is_levels = len(np.unique(values[np.isfinite(values)])) <= MAX_VALUES_AS_LEVELS
    if is_levels:
        reference, current = _to_levels(reference), _to_levels(current)
    return ColumnPair(
        name=name, kind="numeric", is_levels=is_levels, reference=reference, current=current
    )


def _is_numeric(values: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return not pd.api.types.is_complex_dtype(values.dtype)
    return values.dtype == object and (
        pd.api.types.infer_dtype(values, skipna=True) in _NUMBER_TYPES
    )


def _to_numbers(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(
        np.where(np.isfinite(numbers), numbers, np.nan), index=values.index, name=values.name
    )


def _to_levels(values: pd.Series) -> pd.Series:
    is_missing = values.isna().to_numpy()
    if pd.api.types.is_float_dtype(values.dtype):
        codes, distinct = pd.factorize(values)
        texts = np.array([f"{value:g}" for value in distinct] + [""], dtype=object)[codes]
    else:
        texts = values.astype(str).to_numpy(dtype=object)
    texts = np.where(is_missing, None, texts)
    return pd.Series(texts, index=values.index, name=values.name, dtype=object)


def _keep_frequent(reference: pd.Series, current: pd.Series) -> tuple[pd.Series, pd.Series]:
    counts = pd.concat([reference, current]).value_counts()
    if len(counts) <= MAX_LEVELS:
        return reference, current
    rare = set(counts.index[MAX_LEVELS:])
    return (
        reference.where(~reference.isin(rare), OTHER),
        current.where(~current.isin(rare), OTHER),
    )


def compare_column(pair: ColumnPair, policy: DriftPolicy) -> ColumnDrift:
    """Put every question that can be asked to one column.

    Returns
    -------
    ColumnDrift
        p-values as yet unadjusted and no verdict: both need the other columns.
    """
    tests: list[ColumnTest] = []
    sizes, psi = (0.0, 0.0), None
    if pair.is_comparable:
        result = compare_distribution(
            pair.reference.dropna(), pair.current.dropna(), pair.is_levels
        )
        sizes, psi = (result.n_reference, result.n_current), result.psi
        method = "chi-square" if pair.is_levels else "ks"
        tests.append(_asked("distribution", method, result, policy.min_distance))
        tests += _ask_ranks(pair, policy)
    tests += _ask_missing(pair, policy)
    tests += _ask_new_levels(pair, policy)
    return ColumnDrift(
        column=pair.name,
        kind=pair.kind,
        tests=tuple(tests),
        missing_reference=_missing_share(pair.reference),
        missing_current=_missing_share(pair.current),
        n_effective_reference=sizes[0],
        n_effective_current=sizes[1],
        psi=psi,
        summary=_summarise(pair),
    )


def compare_distribution(reference: pd.Series, current: pd.Series, is_levels: bool) -> Comparison:
    """Compare known values of two series indexed by time block.

    The index decides about dependence: a DatetimeIndex holds time blocks, any other index means
    independent rows. That is how blocks travel through Evidently, which hands a test nothing
    but two series.
    """
    if not is_levels:
        return compare_numbers(*(_sample(s, s.to_numpy(float)) for s in (reference, current)))
    codes = _shared_codes(reference, current)
    return compare_levels(_sample(reference, codes[0]), _sample(current, codes[1]))


def _ask_ranks(pair: ColumnPair, policy: DriftPolicy) -> list[ColumnTest]:
    if pair.is_levels:
        return []
    known = pair.reference.dropna(), pair.current.dropna()
    location, spread = compare_ranks(*(_sample(s, s.to_numpy(float)) for s in known))
    return [
        _asked("location", "wilcoxon", location, policy.min_rank_shift),
        _asked("spread", "ansari-bradley", spread, policy.min_rank_shift),
    ]


def _ask_missing(pair: ColumnPair, policy: DriftPolicy) -> list[ColumnTest]:
    missing = pair.reference.isna(), pair.current.isna()
    if pair.kind == "unknown" or not len(missing[0]) or not len(missing[1]):
        return []
    if not any(m.any() for m in missing):
        return []
    result = compare_rates(*(_sample(m, m.to_numpy()) for m in missing))
    return [_asked("missing", "proportions", result, policy.min_missing_change)]


def _ask_new_levels(pair: ColumnPair, policy: DriftPolicy) -> list[ColumnTest]:
    if pair.new_levels is None or not pair.is_comparable:
        return []
    reference, current = (s.dropna() for s in pair.new_levels)
    codes = _shared_codes(reference, current)
    result = compare_new_levels(_sample(reference, codes[0]), _sample(current, codes[1]))
    return [_asked("new levels", "good-turing", result, policy.min_new_share)]


def _asked(
    name: TestName,
    method: str,
    result: Comparison,
    floor: float,
) -> ColumnTest:
    return ColumnTest(
        name=name, method=method, p_value=result.p_value, effect=result.effect, floor=floor
    )


def _sample(series: pd.Series, values: np.ndarray) -> Sample:
    is_timed = isinstance(series.index, pd.DatetimeIndex)
    return Sample(values=values, blocks=series.index.to_numpy() if is_timed else None)


def _shared_codes(reference: pd.Series, current: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    codes, _ = pd.factorize(np.concatenate([reference.to_numpy(), current.to_numpy()]))
    return codes[: len(reference)], codes[len(reference) :]


def _missing_share(values: pd.Series) -> float:
    return float(values.isna().mean()) if len(values) else 0.0


def _summarise(pair: ColumnPair) -> str:
    if not pair.is_comparable:
        return "" if pair.kind == "unknown" else "values known in one window only"
    if not pair.is_levels:
        known = pair.reference.dropna().to_numpy(float), pair.current.dropna().to_numpy(float)
        (low, middle, high), (low_now, middle_now, high_now) = (
            np.quantile(values, [0.25, 0.5, 0.75]) for values in known
        )
        return (
            f"median {middle:.4g} to {middle_now:.4g}, "
            f"middle half {high - low:.3g} to {high_now - low_now:.3g} wide"
        )
    shares = pd.concat(
        [s.value_counts(normalize=True) for s in (pair.reference, pair.current)], axis=1
    ).fillna(0.0)
    most = (shares.iloc[:, 1] - shares.iloc[:, 0]).abs().idxmax()
    before, after = (float(value) for value in shares.loc[most])
    return f"'{str(most)[:30]}' {before:.0%} to {after:.0%}"
