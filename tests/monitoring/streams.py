"""Made streams: rows whose days share a level, so that they are not independent."""

import numpy as np
import pandas as pd

from monitoring.windows import Window

START = np.datetime64("2026-01-01", "us")
DAY = np.timedelta64(1, "D")


def make_levels(rng: np.random.Generator, n_days: int, n_columns: int, phi: float) -> np.ndarray:
    """Daily levels of variance one, AR(1) with correlation `phi`, shape (n_days, n_columns)."""
    shocks = rng.normal(size=(n_days + 50, n_columns))
    levels = np.zeros_like(shocks)
    for day in range(1, len(levels)):
        levels[day] = phi * levels[day - 1] + np.sqrt(1 - phi**2) * shocks[day]
    return levels[50:]


def make_pair(
    seed: int,
    *,
    n_days: tuple[int, int] = (30, 7),
    rows_per_day: int = 145,
    n_columns: int = 20,
    shared: float = 0.0,
    phi: float = 0.0,
) -> tuple[Window, Window]:
    """Two windows of one quiet stream; `shared` of the variance lies between days."""
    rng = np.random.default_rng(seed)
    days = sum(n_days)
    sizes = rng.integers(int(0.7 * rows_per_day), int(1.3 * rows_per_day) + 1, days)
    day = np.repeat(np.arange(days), sizes)
    levels = make_levels(rng, days, n_columns, phi)
    noise = rng.normal(size=(len(day), n_columns))
    values = np.sqrt(shared) * levels[day] + np.sqrt(1 - shared) * noise
    features = pd.DataFrame(values, columns=[f"x{i}" for i in range(n_columns)])
    for name in features.columns[: n_columns // 4]:
        codes = np.searchsorted([-1, -0.5, 0.2, 1.2, 2.2], features[name])
        features[name] = np.array(list("abcdef"), dtype=object)[codes]
    times = START + day * DAY + np.sort(rng.integers(0, 86_400, len(day))) * np.timedelta64(1, "s")
    times = START + (times - START) % DAY + day * DAY
    score = 1 / (1 + np.exp(-values[:, -1] - 0.5 * values[:, -2]))
    labels = (rng.random(len(day)) < score).astype(float)
    is_reference = day < n_days[0]
    return (
        make_window(features, score, labels, times, is_reference, "reference"),
        make_window(features, score, labels, times, ~is_reference, "current"),
    )


def make_window(features, scores, labels, times, rows, name) -> Window:
    return Window(
        features=features[rows].reset_index(drop=True),
        scores=scores[rows],
        labels=labels[rows],
        cutoff_time=times[rows],
        name=name,
    )


def with_features(window: Window, **columns) -> Window:
    return Window(
        features=window.features.assign(**columns),
        scores=window.scores,
        labels=window.labels,
        cutoff_time=window.cutoff_time,
        name=window.name,
    )
