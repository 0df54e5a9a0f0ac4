"""Drift of features and scores, measured by Evidently with our own tests.

Evidently's defaults are not calibrated (its chi-square takes the reference for exact, half the
values may go missing unnoticed, rows count as independent), so the tests of
`monitoring.statistics` are registered with its stat-test interface and run inside a report of
`ValueDrift` metrics. Evidently hands a test two series and nothing else: the time block of each
row travels as their index. It draws plots for every column whether asked or not (50 to 110 ms a
column at 20,000 rows), so it evaluates the most important columns, up to
`DriftPolicy.max_evidently_columns`; the same tests measure the others directly. Every
`ColumnTest` says who measured it (`measured_by`).
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from monitoring.columns import ColumnPair, compare_column, compare_distribution, pair_columns
from monitoring.errors import ImportanceError
from monitoring.evidence import ColumnDrift, ColumnTest, DriftEvidence
from monitoring.policy import DriftPolicy
from monitoring.samples import Comparison
from monitoring.statistics import adjust
from monitoring.windows import Window, block_starts

# NOTE: importing Evidently 0.7.23 touches what numpy (numpy.core) and litestar deprecate.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset

NUMBERS_METHOD = "perennial_ks"
LEVELS_METHOD = "perennial_chi_square"

SCORE = "(score)"
"""Name of the score column; with several classes "(score 0)", "(score 1)" and so on."""

MAX_EVIDENTLY_CELLS = 1_200_000
"""Rows times columns handed to Evidently: 30 columns of two windows of 20,000 rows."""


def measure_drift(
    reference: Window, current: Window, *, policy: DriftPolicy, importance: Mapping[str, float]
) -> DriftEvidence:
    """Compare every feature and score of two windows.

    Nothing a window may hold is an error: a column that is empty, constant, infinite, of
    another type or absent in one window gives evidence like any other.

    Parameters
    ----------
    reference, current
        Windows of the same champion.
    policy
        When a column counts as drifted.
    importance
        Feature -> weight >= 0 (drop of the metric when it is permuted). Features not named
        weigh nothing; without any positive weight all features weigh the same.

    Returns
    -------
    DriftEvidence
        p-values corrected across all tests of all features; scores are a family of their own.

    Raises
    ------
    ImportanceError
        A weight is negative or not finite.
    """
    weights = _normalised(importance, reference, current)
    names = sorted(weights, key=lambda name: -weights[name])
    is_shared = set(reference.features.columns) & set(current.features.columns)
    shared = [name for name in names if name in is_shared]
    score_pairs, pairs = pair_windows(reference, current, shared)
    drifts = {pair.name: compare_column(pair, policy) for pair in [*pairs, *score_pairs]}
    for name, p_value in evaluate(_affordable([*score_pairs, *pairs], policy)).items():
        drifts[name] = _measured_by_evidently(drifts[name], p_value)
    is_known = set(reference.features.columns)
    absent = [_absent(name, name in is_known) for name in names if name not in is_shared]
    features = [
        replace(column, importance=weights[column.column])
        for column in [*(drifts[name] for name in shared), *absent]
    ]
    features = _judge(features, policy)
    return DriftEvidence(
        n_reference=reference.n_rows,
        n_current=current.n_rows,
        columns=tuple(sorted(features, key=lambda c: -c.importance)),
        scores=tuple(_judge([drifts[pair.name] for pair in score_pairs], policy)),
        share_drifted=sum(c.drifted for c in features) / max(1, len(features)),
        importance_drifted=min(1.0, sum((c.importance for c in features if c.drifted), 0.0)),
        rows_per_day_reference=_rows_per_day(reference),
        rows_per_day_current=_rows_per_day(current),
    )


def _normalised(
    importance: Mapping[str, float], reference: Window, current: Window
) -> dict[str, float]:
    """Return the share of importance of every feature of either window."""
    wrong = [(k, v) for k, v in importance.items() if not (math.isfinite(v) and v >= 0)]
    if wrong:
        raise ImportanceError.negative(wrong)
    names = list(dict.fromkeys([*reference.features.columns, *current.features.columns]))
    weights = {name: float(importance.get(name, 0.0)) for name in names}
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(names, 1 / max(1, len(names)))
    return {name: weight / total for name, weight in weights.items()}


def pair_windows(
    reference: Window, current: Window, names: Sequence[str]
) -> tuple[list[ColumnPair], list[ColumnPair]]:
    """Return the score columns and the named features of both windows, made comparable."""
    starts = block_starts(reference.cutoff_time, current.cutoff_time)
    indices = _index(reference.n_rows, starts[0]), _index(current.n_rows, starts[1])
    windows = list(zip((reference, current), indices, strict=True))
    scores = [_score_frame(window, index) for window, index in windows]
    features = [window.features.set_axis(index, axis=0) for window, index in windows]
    shared_scores = [name for name in scores[0].columns if name in scores[1].columns]
    return (
        [pair_columns(name, scores[0][name], scores[1][name]) for name in shared_scores],
        [pair_columns(name, features[0][name], features[1][name]) for name in names],
    )


def _index(n_rows: int, starts: np.ndarray | None) -> pd.Index:
    """Return the index that tells a test each row's time block."""
    return pd.RangeIndex(n_rows) if starts is None else pd.DatetimeIndex(starts)


def _score_frame(window: Window, index: pd.Index) -> pd.DataFrame:
    scores = np.asarray(window.scores, dtype=float)
    scores = scores[:, None] if scores.ndim == 1 else scores
    n_scores = scores.shape[1]
    names = [SCORE] if n_scores == 1 else [f"(score {i})" for i in range(n_scores)]
    return pd.DataFrame(scores, columns=names, index=index)


def _affordable(pairs: Sequence[ColumnPair], policy: DriftPolicy) -> list[ColumnPair]:
    """Return the first pairs (they come by importance) that Evidently can evaluate in time."""
    comparable = [pair for pair in pairs if pair.is_comparable]
    if not comparable:
        return []
    n_rows = len(comparable[0].reference) + len(comparable[0].current)
    return comparable[: min(policy.max_evidently_columns, MAX_EVIDENTLY_CELLS // n_rows)]


def evaluate(pairs: Sequence[ColumnPair]) -> dict[str, float]:
    """Run the registered tests inside an Evidently report; return p-values by column.

    Parameters
    ----------
    pairs
        Comparable columns: Evidently gives up the whole report over one empty column.
    """
    if not pairs:
        return {}
    register_tests()
    report = Report([ValueDrift(column=p.name, method=method_of(p)) for p in pairs])
    reference, current = datasets(pairs)
    measured = report.run(current, reference).dict()["metrics"]
    return {metric["config"]["column"]: float(metric["value"]) for metric in measured}


def render_columns(pairs: Sequence[ColumnPair]) -> str:
    """Return Evidently's own drift report on the columns as one self-contained HTML page.

    It computes every column three times and draws it: meant for a sample of few columns.
    """
    register_tests()
    pairs = [_harmless(pair) for pair in pairs]
    preset = DataDriftPreset(
        columns=[pair.name for pair in pairs],
        per_column_method={pair.name: method_of(pair) for pair in pairs},
        include_tests=False,
    )
    reference, current = datasets(pairs)
    return str(Report([preset]).run(current, reference).get_html_str(as_iframe=False))


def _harmless(pair: ColumnPair) -> ColumnPair:
    """Return the pair without "<" in its name and levels.

    NOTE: Evidently 0.7.23 writes both into a script element unescaped, so a value such as
    "</script>" ends the page, and one that goes on with its own script runs it.
    """
    series = [s.rename(_plain(pair.name)) for s in (pair.reference, pair.current)]
    if pair.is_levels:
        series = [s.map(_plain, na_action="ignore").astype(object) for s in series]
    return replace(pair, name=_plain(pair.name), reference=series[0], current=series[1])


def _plain(text: str) -> str:
    return str(text).replace("<", "\u2039")


def datasets(pairs: Sequence[ColumnPair]) -> tuple[Dataset, Dataset]:
    """Return the reference and the current window as Evidently's datasets, typed by us."""
    definition = DataDefinition(
        numerical_columns=[pair.name for pair in pairs if not pair.is_levels],
        categorical_columns=[pair.name for pair in pairs if pair.is_levels],
        text_columns=[],
        datetime_columns=[],
        unknown_columns=[],
        list_columns=[],
    )
    frames = (
        pd.DataFrame({pair.name: pair.reference for pair in pairs}),
        pd.DataFrame({pair.name: pair.current for pair in pairs}),
    )
    return (
        Dataset.from_pandas(frames[0], data_definition=definition),
        Dataset.from_pandas(frames[1], data_definition=definition),
    )


def method_of(pair: ColumnPair) -> str:
    """Return the registered name of the test that suits the column."""
    return LEVELS_METHOD if pair.is_levels else NUMBERS_METHOD


def register_tests() -> None:
    """Make our tests known to Evidently under `NUMBERS_METHOD` and `LEVELS_METHOD`.

    Registering again replaces the entry, so this may be called any number of times.
    """
    numbers = StatTest(
        name=NUMBERS_METHOD,
        display_name="K-S p-value on effective rows",
        allowed_feature_types=[ColumnType.Numerical],
        default_threshold=DriftPolicy().alpha,
    )
    levels = StatTest(
        name=LEVELS_METHOD,
        display_name="two-sample chi-square p-value on effective rows",
        allowed_feature_types=[ColumnType.Categorical],
        default_threshold=DriftPolicy().alpha,
    )
    register_stattest(numbers, _numbers_test)
    register_stattest(levels, _levels_test)


def _numbers_test(
    reference: pd.Series, current: pd.Series, _type: ColumnType, threshold: float
) -> tuple[float, bool]:
    result = compare_distribution(reference, current, is_levels=False)
    return result.p_value, _is_drift(result, threshold)


def _levels_test(
    reference: pd.Series, current: pd.Series, _type: ColumnType, threshold: float
) -> tuple[float, bool]:
    result = compare_distribution(reference, current, is_levels=True)
    return result.p_value, _is_drift(result, threshold)


def _is_drift(result: Comparison, threshold: float) -> bool:
    """What Evidently's pages show; verdicts in the evidence are corrected across columns."""
    return result.p_value < threshold and result.effect >= DriftPolicy().min_distance


def _measured_by_evidently(drift: ColumnDrift, p_value: float) -> ColumnDrift:
    tests = tuple(
        replace(test, p_value=p_value, measured_by="evidently")
        if test.name == "distribution"
        else test
        for test in drift.tests
    )
    return replace(drift, tests=tests)


def _absent(name: str, is_in_reference: bool) -> ColumnDrift:
    where = "current" if is_in_reference else "reference"
    test = ColumnTest(name="presence", method="presence", p_value=0.0, effect=1.0, floor=0.0)
    return ColumnDrift(
        column=name, kind="unknown", tests=(test,), summary=f"absent from the {where} window"
    )


def _judge(columns: Sequence[ColumnDrift], policy: DriftPolicy) -> list[ColumnDrift]:
    """Correct the p-values of one family of tests and say which of them found drift.

    Half of alpha is shared out alike, half by importance: among 200 columns, the one that carries
    the model is not to need a p-value of 1 in 20,000.
    """
    tests_of = [(test.p_value, column.importance) for column in columns for test in column.tests]
    p_values, importances = ([pair[i] for pair in tests_of] for i in (0, 1))
    mean = sum(importances) / max(1, len(importances))
    weights = [0.5 + 0.5 * (i / mean if mean > 0 else 1.0) for i in importances]
    adjusted = iter(adjust(p_values, weights))
    judged = []
    for column in columns:
        tests = []
        for test in column.tests:
            p = float(next(adjusted))
            is_drifted = p < policy.alpha and test.effect >= test.floor
            tests.append(replace(test, p_adjusted=p, drifted=is_drifted))
        judged.append(replace(column, tests=tuple(tests)))
    return judged


def _rows_per_day(window: Window) -> float | None:
    return window.n_rows / window.n_days if window.n_days else None
