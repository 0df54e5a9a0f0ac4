"""Streams: real and known tables in the order of time, as a search and a monitor take them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.task import Problem

Task = Literal["binary", "regression"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Rows in the order of time, and how they are watched.

    Attributes
    ----------
    cutoff_time, label_time
        When each row was asked and when its label became known.
    window
        Length of the window that is looked at.
    step
        Time between two looks.
    changes
        Positions of the rows from which on another rule holds; empty where nobody knows.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    cutoff_time: np.ndarray
    label_time: np.ndarray
    task: Task
    window: pd.Timedelta
    step: pd.Timedelta
    changes: tuple[int, ...] = ()

    @property
    def problem(self) -> Problem:
        """The question, by ROC AUC or mean absolute error."""
        metric = "roc_auc" if self.task == "binary" else "mae"
        return Problem(task=self.task, metric=metric)

    def rows(self, positions: np.ndarray) -> Dataset:
        """Give some rows as a search takes them."""
        return Dataset(
            X=self.X.iloc[positions].reset_index(drop=True),
            y=self.y[positions],
            cutoff_time=self.cutoff_time[positions],
            label_time=self.label_time[positions],
        )


def read_stream(name: str, data: Path) -> Stream:
    """Read a stream by its name in `STREAMS`."""
    return STREAMS[name](data)


def _elec2(data: Path) -> Stream:
    """Price up or down, every half hour; the last labels are known, as they are to the product.

    NOTE: the usual protocol drops date and price. The label of a half hour is known at its end.
    """
    table = pd.read_parquet(data / "elec2" / "elec2.parquet")
    y = (table["class"] == "UP").to_numpy(int)
    known = pd.Series(y).shift(1)
    X = table.drop(columns=["date", "nswprice", "class"]).assign(
        last_label=known, labels_of_3_hours=known.rolling(6).mean(), labels_of_day=known.shift(47)
    )
    moments = pd.Timestamp("1996-05-07") + pd.to_timedelta(30 * np.arange(len(y)), unit="min")
    return _stream("elec2", X, y, moments, "binary", "28d", delay="30min")


def _noaa_weather(data: Path) -> Stream:
    table = pd.read_parquet(data / "noaa_weather" / "weather.parquet")
    moments = pd.Timestamp("1949-01-01") + pd.to_timedelta(np.arange(len(table)), unit="D")
    return _stream(
        "noaa_weather",
        table.drop(columns="rain"),
        table["rain"].to_numpy(int),
        moments,
        "binary",
        "365d",
        delay="1d",
    )


def _bike_sharing(data: Path) -> Stream:
    table = pd.read_parquet(data / "bike_sharing" / "hour.parquet")
    moments = table["dteday"] + pd.to_timedelta(table["hr"], unit="h")
    X = table.drop(columns=["instant", "dteday", "casual", "registered", "cnt"])
    y = table["cnt"].to_numpy(float)
    return _stream("bike_sharing", X, y, moments, "regression", "28d", delay="1d")


def _metro_traffic(data: Path) -> Stream:
    table = pd.read_parquet(data / "metro_traffic" / "traffic.parquet")
    table = table.sort_values("date_time", kind="stable").reset_index(drop=True)
    moments = table["date_time"]
    X = table.drop(columns=["date_time", "traffic_volume"]).assign(
        hour=moments.dt.hour, weekday=moments.dt.weekday, month=moments.dt.month
    )
    y = table["traffic_volume"].to_numpy(float)
    return _stream("metro_traffic", X, y, moments, "regression", "56d", delay="1d")


def _weather_aus(data: Path) -> Stream:
    table = pd.read_parquet(data / "weather_aus" / "weather.parquet")
    table = table[table["RainTomorrow"].notna()].sort_values("Date", kind="stable")
    table = table.reset_index(drop=True)
    X = table.drop(columns=["Date", "RISK_MM", "RainTomorrow"]).assign(month=table["Date"].dt.month)
    y = (table["RainTomorrow"] == "Yes").to_numpy(int)
    return _stream("weather_aus", X, y, table["Date"], "binary", "56d", delay="2d")


def _sea_abrupt(data: Path) -> Stream:
    """SEA with a new threshold after every 12,500 rows; a row a minute.

    Half a day is the window, looked at every two hours.
    """
    table = pd.read_parquet(data / "synthetic_drift" / "sea_abrupt.parquet")
    concept = table["concept"].to_numpy()
    changes = tuple(int(at) for at in np.flatnonzero(np.diff(concept)) + 1)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(table)), unit="min")
    stream = _stream(
        "synthetic_drift",
        table[["x1", "x2", "x3"]],
        table["y"].to_numpy(int),
        moments,
        "binary",
        "12h",
        delay="1min",
    )
    return replace(stream, changes=changes, step=pd.Timedelta("2h"))


def _air_quality(data: Path) -> Stream:
    table = pd.read_parquet(next((data / "air_quality_uci").glob("*.parquet")))
    column = next(name for name in table if pd.api.types.is_datetime64_any_dtype(table[name]))
    table = table[table["CO_GT"].notna()].sort_values(column, kind="stable").reset_index(drop=True)
    X = table.drop(columns=["CO_GT", column]).select_dtypes("number").replace(-200, np.nan)
    X = X.assign(hour=table[column].dt.hour, weekday=table[column].dt.weekday)
    y = table["CO_GT"].to_numpy(float)
    return _stream("air_quality_uci", X, y, table[column], "regression", "14d", delay="1d")


def _beijing(data: Path) -> Stream:
    table = pd.read_parquet(next((data / "beijing_pm25").glob("*.parquet")))
    table = table[table["pm2.5"].notna()].reset_index(drop=True)
    moments = pd.to_datetime(table[["year", "month", "day", "hour"]])
    X = table.drop(columns=["pm2.5", "year", "No"], errors="ignore")
    y = table["pm2.5"].to_numpy(float)
    return _stream("beijing_pm25", X, y, moments, "regression", "28d", delay="1d")


def _stream(
    name: str,
    X: pd.DataFrame,
    y: np.ndarray,
    moments: "pd.Series | pd.DatetimeIndex",
    task: Task,
    window: str,
    *,
    delay: str,
) -> Stream:
    cutoff = np.asarray(moments, dtype="datetime64[us]")
    return Stream(
        name=name,
        X=pd.DataFrame({column: _plain(X[column]) for column in X}),
        y=y,
        cutoff_time=cutoff,
        label_time=cutoff + pd.Timedelta(delay).to_timedelta64().astype("timedelta64[us]"),
        task=task,
        window=pd.Timedelta(window),
        step=pd.Timedelta(window),
    )


def _plain(values: pd.Series) -> np.ndarray:
    """Give floats, or `str` and `None`."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(float)
    known = values.notna().to_numpy()
    return np.where(known, values.astype(str).to_numpy(object), None)


STREAMS: Mapping[str, Callable[[Path], Stream]] = {
    "elec2": _elec2,
    "noaa_weather": _noaa_weather,
    "bike_sharing": _bike_sharing,
    "metro_traffic": _metro_traffic,
    "weather_aus": _weather_aus,
    "synthetic_drift": _sea_abrupt,
    "beijing_pm25": _beijing,
    "air_quality_uci": _air_quality,
}
