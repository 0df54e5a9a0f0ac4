"""Checks of the data a window holds: ranges, constants, volume, freshness, classes never seen.

They speak to people; nothing here asks for a retrain, as no model learns away a broken feed.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from monitoring.evidence import DataCheck
from monitoring.policy import CheckPolicy
from monitoring.windows import Window

MAX_NAMED = 3
MIN_ROWS = 20
"""Fewer known values say neither that a column is constant nor that it left its range."""


def check_data(
    reference: Window, current: Window, *, policy: CheckPolicy, now: datetime
) -> tuple[DataCheck, ...]:
    """Check the current window against the reference, each check one sentence.

    Parameters
    ----------
    reference, current
        Windows of one champion.
    policy
        From where on a check fails.
    now
        Naive UTC, from which ages are counted.
    """
    return tuple(_checks(reference, current, policy, now))


def _checks(
    reference: Window, current: Window, policy: CheckPolicy, now: datetime
) -> Iterator[DataCheck]:
    if current.n_rows:
        yield _check_range(reference, current, policy)
        yield _check_constant(reference, current)
    if current.cutoff_time is not None and reference.cutoff_time is not None:
        yield _check_volume(reference, current, policy)
        yield _check_freshness(current, policy, now)
    if current.n_unknown_classes:
        yield DataCheck(
            name="classes",
            passed=False,
            sentence=f"{current.n_unknown_classes:,} labels of the window are of a class the "
            f"champion has never seen; performance is measured on the other "
            f"{current.n_labelled:,}",
        )


def _check_range(reference: Window, current: Window, policy: CheckPolicy) -> DataCheck:
    outside = []
    for name, before, after in _shared_numbers(reference, current):
        share = float(((after < before.min()) | (after > before.max())).mean())
        if share > policy.max_out_of_range:
            outside.append((share, f"{name} {share:.1%}"))
    found = [text for _, text in sorted(outside, reverse=True)]
    limit = f"limit {policy.max_out_of_range:.1%} of a column's values"
    sentence = f"values beyond what the reference holds ({limit}): {_listed(found)}"
    return DataCheck(name="range", passed=not found, sentence=sentence)


def _check_constant(reference: Window, current: Window) -> DataCheck:
    found = []
    for name in current.features.columns.intersection(reference.features.columns):
        after = current.features[name].dropna()
        if len(after) >= MIN_ROWS and (after == after.iloc[0]).all():
            before = reference.features[name].dropna()
            if len(before) and not (before == before.iloc[0]).all():
                found.append(f"{name} is always {str(after.iloc[0])[:30]}")
    return DataCheck(
        name="constant",
        passed=not found,
        sentence=f"columns that stopped varying: {_listed(found)}",
    )


def _check_volume(reference: Window, current: Window, policy: CheckPolicy) -> DataCheck:
    before, after = (w.n_rows / max(1, w.n_days or 1) for w in (reference, current))
    ratio = after / before if before else 1.0
    passed = 1 / policy.max_volume_ratio <= ratio <= policy.max_volume_ratio
    sentence = (
        f"{after:,.0f} rows a day with rows, {before:,.0f} in the reference "
        f"({ratio:.2f} times, limits {1 / policy.max_volume_ratio:.2f} and "
        f"{policy.max_volume_ratio:g})"
    )
    return DataCheck(name="volume", passed=passed, sentence=sentence)


def _check_freshness(current: Window, policy: CheckPolicy, now: datetime) -> DataCheck:
    if not current.n_rows or current.cutoff_time is None:
        return DataCheck(name="freshness", passed=False, sentence="no row was scored in the window")
    newest = pd.Timestamp(current.cutoff_time.max())
    days = (pd.Timestamp(now) - newest).total_seconds() / 86_400
    sentence = (
        f"newest row of {newest:%Y-%m-%d %H:%M}, {days:.1f} days old "
        f"(limit {policy.max_silence_days:g})"
    )
    return DataCheck(name="freshness", passed=days <= policy.max_silence_days, sentence=sentence)


def _shared_numbers(
    reference: Window, current: Window
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield numeric columns of both windows, known values only, where there are enough."""
    for name in current.features.columns.intersection(reference.features.columns):
        pair = reference.features[name], current.features[name]
        if not all(
            pd.api.types.is_numeric_dtype(s.dtype) and not pd.api.types.is_bool_dtype(s.dtype)
            for s in pair
        ):
            continue
        values = [s.to_numpy(dtype=float, na_value=np.nan) for s in pair]
        before, after = (v[~np.isnan(v)] for v in values)
        if min(len(before), len(after)) >= MIN_ROWS:
            yield str(name), before, after


def _listed(found: list[str]) -> str:
    if not found:
        return "none"
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(found[:MAX_NAMED]) + more
