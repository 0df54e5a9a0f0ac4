"""Worlds to monitor in: tables that are simulated day by day, a model fitted on them, its windows.

Columns come by turns in five kinds: normal, Student's t of 2.5 degrees of freedom, lognormal, 50
levels by Zipf's law, counts; a twentieth of every column is missing. Each has a latent normal
value per row, of which `shared` of the variance is a level all rows of a day have in common,
an AR(1) series with correlation `phi`, and `weekly` a level of the weekday; there are half as
many rows at weekends. Labels follow the latent values of the columns that matter; the champion is
LightGBM on an earlier stretch, and importance is its loss of AUC when a column is shuffled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from scipy import stats

from models.metrics import roc_auc
from monitoring.windows import Window

START = np.datetime64("2026-01-05", "us")
DAY = np.timedelta64(86_400_000_000, "us")
KINDS = ("normal", "student", "lognormal", "levels", "count")
N_LEVELS = 50
MISSING = 0.05
N_FIT = 4_000

_ZIPF = np.cumsum(1 / np.arange(1, N_LEVELS + 1))
_ZIPF = _ZIPF / _ZIPF[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How rows come about.

    Attributes
    ----------
    slopes
        Effect of each latent value on the log odds; columns beyond do not matter.
    shared, weekly
        Shares of the latent variance between days and between weekdays.
    phi
        Correlation of neighbouring days.
    moved, stretched
        By how much latent values are moved and spread further, one number per column, or nothing.
    """

    n_columns: int = 20
    slopes: tuple[float, ...] = (1.6,)
    shared: float = 0.0
    weekly: float = 0.0
    phi: float = 0.5
    moved: tuple[float, ...] = ()
    stretched: tuple[float, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns, their kinds in them."""
        return [f"{KINDS[i % len(KINDS)]}_{i}" for i in range(self.n_columns)]

    def draw(
        self,
        rng: np.random.Generator,
        n_days: int,
        rows_per_day: float,
        *,
        is_regression: bool = False,
    ) -> "Rows":
        """Draw so many consecutive days, with about so many rows each."""
        weekday = np.arange(n_days) % 7
        volume = np.where(weekday >= 5, 0.5, 1.2) * rows_per_day
        day = np.repeat(np.arange(n_days), np.maximum(1, rng.poisson(volume)))
        latent = self._latent(rng, day, weekday)
        if self.moved:
            latent = latent * (1 + np.asarray(self.stretched)) + np.asarray(self.moved)
        odds = latent[:, : len(self.slopes)] @ np.asarray(self.slopes) - 1.0
        seconds = np.sort(rng.integers(0, 86_400, len(day))) * np.timedelta64(1_000_000, "us")
        order = np.lexsort((seconds, day))
        return Rows(
            frame=self._columns(rng, latent),
            y=_labels(rng, odds, latent, is_regression),
            times=START + day * DAY + seconds[order],
            day=day,
        )

    def _latent(self, rng: np.random.Generator, day: np.ndarray, weekday: np.ndarray) -> np.ndarray:
        n_days, own = len(weekday), 1 - self.shared - self.weekly
        shocks = rng.normal(size=(n_days + 50, self.n_columns))
        for i in range(1, len(shocks)):
            shocks[i] = self.phi * shocks[i - 1] + np.sqrt(1 - self.phi**2) * shocks[i]
        of_weekday = np.random.default_rng(7).normal(size=(7, self.n_columns))
        level = np.sqrt(self.shared) * shocks[50:] + np.sqrt(self.weekly) * of_weekday[weekday]
        return np.asarray(level[day] + np.sqrt(own) * rng.normal(size=(len(day), self.n_columns)))

    def _columns(self, rng: np.random.Generator, latent: np.ndarray) -> pd.DataFrame:
        columns = {}
        for i, name in enumerate(self.names):
            values = _shape(KINDS[i % len(KINDS)], latent[:, i])
            is_missing = rng.random(len(latent)) < MISSING
            values[is_missing] = None if values.dtype == object else np.nan
            columns[name] = values
        return pd.DataFrame(columns)


def _labels(
    rng: np.random.Generator, odds: np.ndarray, latent: np.ndarray, is_regression: bool
) -> np.ndarray:
    """Draw answers from log odds, or add noise to them, wider where the first column is high."""
    if is_regression:
        return odds + rng.normal(size=len(odds)) * np.exp(0.3 * latent[:, 0]) * 0.5
    return np.asarray(rng.random(len(odds)) < 1 / (1 + np.exp(-odds)), dtype=float)


def _shape(kind: str, latent: np.ndarray) -> np.ndarray:
    """Give latent normal values the distribution of a kind of column."""
    u = stats.norm.cdf(latent)
    if kind == "normal":
        return 50 + 10 * latent
    if kind == "student":
        return np.asarray(stats.t.ppf(np.clip(u, 1e-12, 1 - 1e-12), 2.5))
    if kind == "lognormal":
        return np.exp(latent)
    if kind == "levels":
        codes = np.minimum(np.searchsorted(_ZIPF, u), N_LEVELS - 1)
        return np.array([f"level {i}" for i in range(N_LEVELS)], dtype=object)[codes]
    return np.asarray(stats.poisson.ppf(u, 4.0), dtype=float)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows of a world: columns, labels, times, and the number of the day."""

    frame: pd.DataFrame
    y: np.ndarray
    times: np.ndarray
    day: np.ndarray

    def days(self, first: int, end: int) -> "Rows":
        """Give the rows of days first <= day < end."""
        kept = (self.day >= first) & (self.day < end)
        return Rows(
            frame=self.frame[kept].reset_index(drop=True),
            y=self.y[kept],
            times=self.times[kept],
            day=self.day[kept],
        )

    def thinned(self, rng: np.random.Generator, n_rows: int) -> "Rows":
        """Give so many of the rows, or all where there are fewer, in order."""
        kept = np.sort(rng.permutation(len(self.y))[:n_rows])
        return Rows(
            frame=self.frame.iloc[kept].reset_index(drop=True),
            y=self.y[kept],
            times=self.times[kept],
            day=self.day[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Champion:
    """A fitted model, and what each column is worth to it."""

    model: LGBMClassifier
    importance: dict[str, float]

    def window(self, rows: Rows, name: str, *, labelled: np.ndarray | bool = True) -> Window:
        """Score rows and give them as a window, with the labels that are known."""
        return Window(
            features=rows.frame,
            scores=self.score(rows.frame),
            labels=np.where(labelled, rows.y, np.nan),
            cutoff_time=rows.times,
            name="reference" if name == "reference" else "current",
        )

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Give the probability of every row."""
        return np.asarray(self.model.predict_proba(_encoded(frame))[:, 1])


def fit_champion(rows: Rows, held_out: Rows, *, seed: int) -> Champion:
    """Fit a champion, and find on held-out rows what shuffling each column costs it."""
    model = LGBMClassifier(
        n_estimators=60, num_leaves=15, learning_rate=0.1, verbose=-1, n_jobs=1, random_state=seed
    )
    model.fit(_encoded(rows.frame), rows.y)
    frame = _encoded(held_out.frame.iloc[:1500])
    y, rng = held_out.y[:1500], np.random.default_rng(seed)
    before = roc_auc(y, model.predict_proba(frame)[:, 1], None)
    importance = {}
    for name, n_splits in zip(frame.columns, model.feature_importances_, strict=True):
        importance[name] = 0.0
        if n_splits:
            shuffled = frame.assign(**{name: frame[name].to_numpy()[rng.permutation(len(frame))]})
            shuffled[name] = shuffled[name].astype(frame[name].dtype)
            after = roc_auc(y, model.predict_proba(shuffled)[:, 1], None)
            importance[name] = max(0.0, before - after)
    return Champion(model=model, importance=importance)


def _encoded(frame: pd.DataFrame) -> pd.DataFrame:
    known = pd.CategoricalDtype([f"level {i}" for i in range(N_LEVELS)])
    levels = [name for name in frame if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(levels, known))


def changed(rows: Rows, frame: pd.DataFrame | None = None, y: np.ndarray | None = None) -> Rows:
    """Give the rows with other columns or labels."""
    return replace(rows, frame=rows.frame if frame is None else frame, y=rows.y if y is None else y)


def weeks(rows: Rows, first_day: int, n_weeks: int) -> Sequence[Rows]:
    """Cut rows into weeks."""
    return [rows.days(first_day + 7 * i, first_day + 7 * i + 7) for i in range(n_weeks)]
