"""Every function of a row and those before it against featuretools' own, group by group."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.graph import NAT, ValueType
from features.engine.primitives import RUNNING
from tests.features.primitive_cases import arrays, as_number, function, plain, series, some

ROLLS = [{}, {"window_length": 5, "gap": 0}, {"window_length": 4, "gap": 2, "min_periods": 2}]
GROWS = [{}, {"gap": 0}, {"gap": 2, "min_periods": 3}]
WEIGHTS = [{}, {"span": 4}, {"halflife": 2, "ignore_na": True}, {"alpha": 0.9}]
ARGUMENTS = {
    **{name: GROWS for name in RUNNING if name.startswith("Expanding")},
    **{name: ROLLS for name in RUNNING if name.startswith("Rolling")},
    **{name: WEIGHTS for name in RUNNING if name.startswith("Exponential")},
    "Diff": [{}, {"periods": 2}],
    "DiffDatetime": [{}, {"periods": 1}],
    "Lag": [{}, {"periods": 2}],
    "NumericLag": [{}, {"periods": 2, "fill_value": 7}],
    "PercentChange": [{}, {"periods": 2}],
    "TimeSincePrevious": [{}, {"unit": "hours"}],
}
CASES = [
    (name, types, given)
    for name, running in RUNNING.items()
    for types in running.takes
    for given in ARGUMENTS.get(name, [{}])
    if types[-1] is not ValueType.BOOLEAN or "TimeSince" in name or len(types) == 1
]


def compute(name, arguments, columns, offsets):
    running = RUNNING[name]
    assert running.fits(arguments)
    return plain(running.compute(*columns, offsets, running.complete(arguments)))


@pytest.mark.parametrize(("name", "types", "arguments"), CASES, ids=str)
@some
@given(data=st.data())
def test_a_running_function_is_that_of_featuretools(name, types, arguments, data):
    columns = list(data.draw(arrays(types, 24)))
    if "TimeSinceLast" in name:  # NOTE: featuretools has these for booleans without nulls
        columns[1] = np.nan_to_num(columns[1], nan=1.0)
    # NOTE: no group is so short that featuretools fails to cross out its first rows
    offsets = np.array([0, 9, 24])
    ours = compute(name, arguments, columns, offsets)
    for low, high in pairwise(offsets):
        rows = [series(v[low:high], t) for v, t in zip(columns, types, strict=True)]
        if name.endswith("Trend"):
            expected = trend_of(rows, ours[low:high], arguments, name)
        else:
            expected = theirs(name, arguments, rows)
        assert ours[low:high] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def theirs(name: str, arguments: dict, rows: list[pd.Series]) -> list[float]:
    """Answers of featuretools for one group."""
    held = bool if "TimeSinceLast" in name else "float64"
    rows = [r.astype(held) if r.dtype == "boolean" else r for r in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [as_number(v) for v in function(name, arguments)[1](*rows)]
    if name in ("ExponentialWeightedSTD", "ExponentialWeightedVariance"):
        # NOTE: of one value followed by nulls pandas says 0 instead of null, by rounding
        n_known = rows[0].notna().cumsum()
        return [a if n > 1 else np.nan for a, n in zip(answers, n_known, strict=True)]
    return answers


def trend_of(rows: list[pd.Series], ours: list[float], arguments: dict, name: str) -> list[float]:
    """Slopes per day of the values of `gap` rows before against the times of now."""
    gap = arguments.get("gap", 1)
    window = arguments.get("window_length", 3) if "Rolling" in name else len(ours)
    least = arguments.get("min_periods", 0 if "Rolling" in name else 1)
    points = pd.DataFrame({"x": rows[0], "y": rows[1].astype("float64").shift(gap)})
    slopes = []
    for i in range(len(points)):
        seen = points.iloc[max(0, i + 1 - window) : i + 1]
        known = seen.dropna()
        x = (known["x"] - known["x"].min()).dt.total_seconds() / 86_400
        spread = ((x - x.mean()) ** 2).sum()
        slope = ((x - x.mean()) * known["y"]).sum() / spread if spread else 0.0
        enough = len(known) > 2 and seen["y"].notna().sum() >= least
        slopes.append(slope if enough else np.nan)
    np.testing.assert_allclose(ours, slopes, rtol=1e-6, atol=1e-6)
    return ours


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_what_comes_later_changes_nothing(name):
    rng = np.random.default_rng(0)
    for types in RUNNING[name].takes:
        columns = [random_values(rng, kind, 30) for kind in types]
        later = [
            np.concatenate([v[:20], random_values(rng, k, 9)])
            for v, k in zip(columns, types, strict=True)
        ]
        before = compute(name, {}, columns, np.array([0, 7, 30]))
        after = compute(name, {}, later, np.array([0, 7, 29]))
        np.testing.assert_array_equal(before[:20], after[:20])


def random_values(rng: np.random.Generator, kind: ValueType, n: int) -> np.ndarray:
    match kind:
        case ValueType.NUMBER:
            return np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
        case ValueType.BOOLEAN:
            return rng.choice([0.0, 1.0, np.nan], n)
        case ValueType.TIME:
            return np.where(rng.random(n) < 0.2, NAT, rng.integers(0, 10**12, n))
        case ValueType.OBJECT:
            return rng.choice(np.array(["a", "b", None], dtype=object), n)
        case _:
            return rng.integers(-1, 4, n).astype(np.int32)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Lag", {"periods": -1}),
        ("Diff", {"periods": -1}),
        ("PercentChange", {"fill_method": "bfill"}),
        ("AbsoluteDiff", {"method": "backfill"}),
        ("SameAsPrevious", {"limit": 1}),
        ("RollingMean", {"window_length": "3D"}),
        ("ExpandingMean", {"gap": "1D"}),
        ("ExponentialWeightedAverage", {"halflife": "1D"}),
    ],
)
def test_what_looks_ahead_or_goes_by_time_has_no_kernel(name, arguments):
    assert not RUNNING[name].fits(arguments)


def test_short_groups_have_null_until_there_can_be_enough():
    times = np.arange(3, dtype=np.int64)
    wanted = {"gap": 2, "min_periods": 3}
    for name in ("RollingCount", "ExpandingCount"):
        assert np.isnan(compute(name, wanted, [times], np.array([0, 1, 3]))).all()
