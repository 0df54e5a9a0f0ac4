"""What is online: turning stored values into rows, forgetting old ones, failing clearly."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from features.errors import StoreError
from features.matrix import CUTOFF_TIME, column_name
from features.service import FeatureServiceRef
from features.store_settings import REDIS_SECONDS, StoreSettings

TIME_SUFFIX = "__ts"
"""Feast's suffix of the columns that hold the event time of a value (POSIX seconds, 0 = none)."""


def to_frame(
    values: Mapping[str, Sequence[Any]],
    reference: FeatureServiceRef,
    keys: Sequence[int | str],
    since: float | None,
) -> pd.DataFrame:
    """Lay out an online answer as the matrix is: key, `cutoff_time`, features.

    Parameters
    ----------
    values
        Feast's answer with event times, by column name, each of length n_keys.
    since
        Earliest event time (POSIX seconds) that the last materialization wrote; None before
        the first. An older row counts as absent: it was online before, and its entity may have
        got a newer row since that was not among those materialized.
    """
    columns = {name: column_name(name) for name in reference.kinds}
    first = next(iter(columns.values()))
    seconds = np.array(values[first + TIME_SUFFIX], dtype=np.int64)
    served = (seconds != 0) & (seconds >= (np.inf if since is None else since))
    times = seconds.astype("datetime64[s]").astype("datetime64[us]")
    times[~served] = np.datetime64("NaT")
    features = {
        name: _restore(values[columns[name]], served, kind)
        for name, kind in reference.kinds.items()
    }
    return pd.DataFrame({reference.key: list(keys), CUTOFF_TIME: times, **features})


def _restore(values: Sequence[Any], served: np.ndarray, kind: str) -> np.ndarray:
    known = [value if ok else None for value, ok in zip(values, served, strict=True)]
    return np.array(known, dtype=np.float64 if kind == "numeric" else object)


def prune_sqlite(path: Path, table: str, start: datetime, end: datetime) -> None:
    """Delete the rows of `table` with an event time outside [start, end] (both in UTC).

    NOTE: Feast never deletes from an online store, so a file would grow with every entity ever
    seen. The bounds go through the adapter that Feast registers with sqlite3 for datetimes, so
    they compare with what it stored, whatever the time zone of the machine.
    """
    query = f'DELETE FROM "{table}" WHERE event_ts NOT BETWEEN ? AND ?'  # noqa: S608
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(query, (start.replace(tzinfo=None), end.replace(tzinfo=None)))


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Turn the errors of the Redis client into one clear message that names `address`."""
    try:
        yield
    except _redis_errors() as error:
        raise StoreError.online_unreachable(address, error) from error


def ping_redis(url: str) -> None:
    """Ask a Redis server whether it is there, within five seconds.

    Raises
    ------
    StoreError
        When it is not, refuses the password, or no client for Redis is installed.
    """
    StoreSettings(directory=Path(), project="any", online=url)
    client = import_module("redis").Redis.from_url(
        url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    )
    parts = urlsplit(url)
    with closing(client), reaching(f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}"):
        client.ping()


def _redis_errors() -> tuple[type[Exception], ...]:
    """Give the base error of the Redis client, which is optional."""
    if find_spec("redis") is None:
        return ()
    return (import_module("redis").RedisError,)
