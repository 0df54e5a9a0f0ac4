"""Realised performance: the champion on labelled rows of both windows, with honest intervals.

Rows of one day share their conditions, so days are resampled, not rows (block bootstrap). With
few days the percentile interval is too narrow (a sample of seven varies less than its source);
it is widened by Student's factor for the number of blocks.

Calibration in the large (mean prediction minus mean label) stands beside the metrics because a
ranking metric cannot see a base rate change: 19 % late becoming 23 % leaves the AUC alone and
every probability wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from monitoring.errors import MetricError
from monitoring.evidence import Criterion, Estimate, PerformanceEvidence
from monitoring.windows import Window, block_starts

Metric = Callable[[np.ndarray, np.ndarray], float]
"""Labels and predictions of some rows to a number."""

N_RESAMPLES = 200
MAX_RESAMPLED_ROWS = 10_000
"""Of larger windows every second, third ... row is resampled: intervals come out a little too
wide, where 200 evaluations of a metric on 100,000 rows would take most of a minute."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labelled:
    """Labelled rows of a window, and which block each lies in (0 to n_blocks - 1)."""

    name: str
    y: np.ndarray
    prediction: np.ndarray
    block: np.ndarray
    n_blocks: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Resampled:
    """A value, and what it became in each resample of `n_blocks` blocks."""

    value: float
    draws: np.ndarray
    n_blocks: int

    @property
    def is_usable(self) -> bool:
        """Whether enough resamples gave a value, and there was more than one block to draw."""
        return len(self.draws) >= N_RESAMPLES // 2 and self.n_blocks > 1

    @property
    def degrees(self) -> int:
        return max(1, self.n_blocks - 1)

    @property
    def error(self) -> float:
        """Standard error; a resample of B blocks varies by (B - 1) / B too little."""
        if not self.is_usable:
            return np.inf
        return float(self.draws.std() * np.sqrt(self.n_blocks / self.degrees))

    @property
    def estimate(self) -> Estimate:
        """The percentile interval, stretched about the value as Student's t asks for."""
        if not self.is_usable:
            return Estimate(value=self.value, low=-np.inf, high=np.inf)
        low, high = np.quantile(self.draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        normal, student = stats.norm.ppf((1 + LEVEL) / 2), _student(self.degrees)
        factor = student / normal * np.sqrt(self.n_blocks / self.degrees)
        return Estimate(
            value=self.value,
            low=float(self.value + factor * min(0.0, low - self.value)),
            high=float(self.value + factor * max(0.0, high - self.value)),
        )


def measure_performance(
    reference: Window,
    current: Window,
    *,
    metric: Metric,
    greater_is_better: bool,
    metric_name: str,
    seed: int,
    also: Mapping[str, tuple[Metric, bool]] | None = None,
    min_labelled: int = 2,
) -> PerformanceEvidence:
    """Compare metrics and calibration on the labelled rows of both windows.

    Parameters
    ----------
    reference, current
        Rows without a label are set aside.
    metric, greater_is_better, metric_name
        The project's metric, its direction, and its name. Called about 400 times.
    seed
        Of the resampling.
    also
        Further metrics: name -> (callable, greater is better), such as the log-loss.
    min_labelled
        With fewer labelled rows in either window nothing is measured.

    Returns
    -------
    PerformanceEvidence
        `criteria` in order: the metric, `also`, "calibration" (binary and regression scores,
        of shape (n_rows,)).

    Raises
    ------
    MetricError
        A metric cannot be evaluated on all labelled rows of a window although they hold more
        than one distinct label.
    """
    pair = _labelled(reference, current)
    unmeasured = PerformanceEvidence(
        n_reference=len(pair[0].y),
        n_labelled=len(pair[1].y),
        n_current=current.n_rows,
        criteria=(),
        note=_why_not(pair, min_labelled),
    )
    if unmeasured.note:
        return unmeasured
    metrics = {metric_name: (metric, greater_is_better), **(also or {})}
    rng = np.random.default_rng(seed)
    thin = [_thin(side) for side in pair]
    rows = [_resample_rows(side, rng) for side in thin]
    criteria = [
        _judge_metric(name, function, is_better, list(zip(pair, thin, rows, strict=True)))
        for name, (function, is_better) in metrics.items()
    ]
    if all(side.prediction.ndim == 1 for side in pair):
        criteria.append(_judge_calibration(pair, rng))
    return replace(unmeasured, criteria=tuple(criteria))


def _labelled(reference: Window, current: Window) -> tuple[_Labelled, _Labelled]:
    known = reference.is_labelled, current.is_labelled
    times = [
        None if w.cutoff_time is None else w.cutoff_time[k]
        for w, k in zip((reference, current), known, strict=True)
    ]
    starts = block_starts(times[0], times[1])
    return (
        _labelled_rows(reference, known[0], starts[0]),
        _labelled_rows(current, known[1], starts[1]),
    )


def _labelled_rows(window: Window, known: np.ndarray, starts: np.ndarray | None) -> _Labelled:
    rows = np.arange(int(known.sum())) if starts is None else starts
    block = np.unique(rows, return_inverse=True)[1]
    return _Labelled(
        name=window.name,
        y=np.asarray(window.labels)[known].astype(float),
        prediction=np.asarray(window.scores, dtype=float)[known],
        block=block,
        n_blocks=int(block.max()) + 1 if len(block) else 0,
    )


def _why_not(pair: tuple[_Labelled, _Labelled], min_labelled: int) -> str:
    for side in pair:
        if len(side.y) < max(min_labelled, 2):
            return f"{len(side.y)} labelled rows in the {side.name} window, {min_labelled} needed"
        if len(np.unique(side.y)) < 2:
            return f"all {len(side.y)} labels of the {side.name} window are {side.y[0]:g}"
    return ""


def _resample_rows(side: _Labelled, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the rows of each resample: as many blocks as there are, drawn with replacement."""
    order = np.argsort(side.block, kind="stable")
    ends = np.cumsum(np.bincount(side.block, minlength=side.n_blocks))
    members = np.split(order, ends[:-1])
    if len(members) == len(order):  # every row its own block
        return [rng.integers(0, len(order), len(order)) for _ in range(N_RESAMPLES)]
    draws = rng.integers(0, side.n_blocks, (N_RESAMPLES, side.n_blocks))
    return [np.concatenate([members[block] for block in draw]) for draw in draws]


def _thin(side: _Labelled) -> _Labelled:
    """Return evenly spaced rows of a window too large to evaluate 200 times."""
    step = -(-len(side.y) // MAX_RESAMPLED_ROWS)
    if step == 1:
        return side
    block = np.unique(side.block[::step], return_inverse=True)[1]
    return replace(
        side,
        y=side.y[::step],
        prediction=side.prediction[::step],
        block=block,
        n_blocks=int(block.max()) + 1,
    )


def _judge_metric(
    name: str,
    metric: Metric,
    greater_is_better: bool,
    sides: list[tuple[_Labelled, _Labelled, list[np.ndarray]]],
) -> Criterion:
    before, after = (_resample_metric(name, metric, *side) for side in sides)
    loss = before.value - after.value if greater_is_better else after.value - before.value
    return _compare(name, before, after, loss, max(abs(before.value), 1e-12))


def _resample_metric(
    name: str, metric: Metric, side: _Labelled, thin: _Labelled, rows: list[np.ndarray]
) -> _Resampled:
    value = _evaluate(name, metric, side)
    off = 0.0 if thin is side else value - _evaluate(name, metric, thin)
    return _Resampled(value=value, draws=_draw(metric, thin, rows) + off, n_blocks=thin.n_blocks)


def _evaluate(name: str, metric: Metric, side: _Labelled) -> float:
    try:
        return float(metric(side.y, side.prediction))
    except (ValueError, TypeError, ZeroDivisionError, IndexError) as error:
        raise MetricError.on(name, side.name, error) from error


def _draw(metric: Metric, side: _Labelled, resamples: list[np.ndarray]) -> np.ndarray:
    """Return the metric in every resample in which it is defined."""
    values = []
    for rows in resamples:
        if len(np.unique(side.y[rows])) > 1:
            values.append(float(metric(side.y[rows], side.prediction[rows])))
    found = np.asarray(values)
    return np.asarray(found[np.isfinite(found)])


def _judge_calibration(pair: tuple[_Labelled, _Labelled], rng: np.random.Generator) -> Criterion:
    """Ask how far mean prediction and mean label have parted, in deviations of the label."""
    before, after = (_resample_bias(side, rng) for side in pair)
    growth = abs(after.value) - abs(before.value)
    return _compare("calibration", before, after, growth, max(float(pair[0].y.std()), 1e-12))


def _resample_bias(side: _Labelled, rng: np.random.Generator) -> _Resampled:
    sizes = np.bincount(side.block, minlength=side.n_blocks)
    sums = np.bincount(side.block, weights=side.prediction - side.y, minlength=side.n_blocks)
    draws = np.empty(N_RESAMPLES)
    for i in range(N_RESAMPLES):
        chosen = rng.integers(0, side.n_blocks, side.n_blocks)
        draws[i] = sums[chosen].sum() / sizes[chosen].sum()
    return _Resampled(value=float(sums.sum() / sizes.sum()), draws=draws, n_blocks=side.n_blocks)


def _compare(
    name: str, before: _Resampled, after: _Resampled, loss: float, scale: float
) -> Criterion:
    """Put both windows side by side: Welch's interval and one-sided test."""
    error, degrees = _welch(before, after)
    difference = after.value - before.value
    reach = _student(degrees) * error
    z = loss / error if error > 0 else np.copysign(np.inf, loss) if loss else 0.0
    return Criterion(
        name=name,
        reference=before.estimate,
        current=after.estimate,
        difference=Estimate(value=difference, low=difference - reach, high=difference + reach),
        worse_by=loss / scale,
        worse_by_at_most=(loss + reach) / scale,
        p_value=float(stats.t.sf(z, degrees)) if np.isfinite(error) else 1.0,
    )


def _welch(before: _Resampled, after: _Resampled) -> tuple[float, float]:
    """Return the standard error of a difference and its degrees of freedom."""
    variances = np.array([before.error**2, after.error**2])
    degrees = np.array([before.degrees, after.degrees])
    total = float(variances.sum())
    if not 0 < total < np.inf:
        return float(np.sqrt(total)), float(degrees.min())
    return float(np.sqrt(total)), float(total**2 / (variances**2 / degrees).sum())


def _student(degrees: float) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, degrees))
