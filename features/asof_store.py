"""`AsofOfflineStore`: Feast's offline store over Parquet, by as-of join in DuckDB.

In `feature_store.yaml`: `offline_store: {type: features.asof_store.AsofOfflineStore}`.

NOTE: the stores that ship with Feast 0.67 join by inequality, so memory grows with entity rows
times feature rows of a key, and its `file` store drops duplicate entity rows, rows older than
the ttl and rows with only future data. Here every entity row is answered, in its order.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureView, OnDemandFeatureView, RepoConfig
from feast.data_source import DataSource
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import FileSource, SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import (
    OfflineStore,
    RetrievalJob,
    RetrievalMetadata,
)
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel

from features.asof_join import (
    Asked,
    EventTable,
    connect,
    join_asof,
    naive_utc,
    pull_all,
    pull_newest,
)
from features.durable import replacing
from features.errors import StoreError
from features.partitions import check_files, list_files


class AsofOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """Settings of the store; Feast finds this class by the store's name plus `Config`.

    Attributes
    ----------
    day_partition
        Hive partition that holds the UTC day of the event time; files of days outside the
        question are not opened.
    materialize_rows
        How many entities at most a materialization takes, those with the newest rows.
    temporary_directory
        Where joins larger than memory spill (created by DuckDB); without it they fail.
    threads
        Upper bound; by default one per core.
    """

    type: Literal["features.asof_store.AsofOfflineStore"] = "features.asof_store.AsofOfflineStore"
    day_partition: str = "cutoff_day"
    materialize_rows: int | None = None
    temporary_directory: str | None = None
    threads: int | None = None


class AsofRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """A question to the store, answered when it is asked for a table."""

    def __init__(
        self,
        read: Callable[[], pa.Table],
        *,
        repo_path: Path | None,
        metadata: RetrievalMetadata | None = None,
        full_feature_names: bool = False,
        on_demand_feature_views: Sequence[OnDemandFeatureView] = (),
    ) -> None:
        self._read = read
        self._repo_path = repo_path
        self._metadata = metadata
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = list(on_demand_feature_views)

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._read()

    @property
    def full_feature_names(self) -> bool:
        """Whether columns are named `view__feature`."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """Views that Feast computes on top of the answer."""
        return self._on_demand_feature_views

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked: features, keys and the range of times."""
        return self._metadata

    def persist(
        self,
        storage: SavedDatasetFileStorage,
        allow_overwrite: bool = False,
        timeout: int | None = None,
    ) -> None:
        """Write the answer to the Parquet file of `storage`, whole or not at all.

        Raises
        ------
        SavedDatasetLocationAlreadyExists
            When the file exists and `allow_overwrite` is false.
        """
        uri = storage.file_options.uri
        path = Path(FileSource.get_uri_for_file_path(self._repo_path, uri))
        if path.exists() and not allow_overwrite:
            raise SavedDatasetLocationAlreadyExists(location=str(path))
        with replacing(path) as temporary:
            pq.write_table(self.to_arrow(timeout=timeout), temporary)


class AsofOfflineStore(OfflineStore):  # type: ignore[misc]
    """Point-in-time answers from Parquet files: a file, or a directory of partitions."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        **kwargs: Any,
    ) -> RetrievalJob:
        """Ask for the newest values of each entity row at its event time, inclusive.

        Every row is answered, in order: duplicates each, rows without a value by nulls. Of
        feature rows with equal event times the latest created counts; a view's ttl, if it has
        one, makes older values null.

        Raises
        ------
        StoreError
            When `entity_df` is no DataFrame or lacks a join key, or a source no local Parquet.
        """
        if not isinstance(entity_df, pd.DataFrame):
            raise StoreError(
                "Expected entity_df to be a DataFrame of join keys and an event timestamp, "
                f"got {type(entity_df).__name__}; read SQL or a time range into one first."
            )
        time = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))

        def read() -> pa.Table:
            answer = pa.Table.from_pandas(entity_df, preserve_index=False)
            with _connection(config) as connection:
                for view in feature_views:
                    columns = _asked_columns(view, feature_refs, full_feature_names)
                    values = _read_view(config, connection, view, entity_df, time, columns)
                    for name, column in zip(values.column_names, values.columns, strict=True):
                        answer = answer.append_column(name, column)
            return answer

        return AsofRetrievalJob(
            read,
            repo_path=config.repo_path,
            metadata=_metadata(entity_df, time, feature_refs),
            full_feature_names=full_feature_names,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(
                feature_refs, project, registry
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Ask for the newest row of every key in [start_date, end_date], newest first.

        No more than `materialize_rows` keys are given when the configuration says so.
        """
        start, end = naive_utc(start_date), naive_utc(end_date)
        columns = [*join_key_columns, *feature_name_columns, timestamp_field]
        columns += [created_timestamp_column] if created_timestamp_column else []

        def read() -> pa.Table:
            table = EventTable(
                files=_files(config, data_source, start, end),
                keys=tuple(join_key_columns),
                time=timestamp_field,
                created=created_timestamp_column or None,
            )
            limit = config.offline_store.materialize_rows
            with _connection(config) as connection:
                return pull_newest(
                    connection, table, columns=columns, start=start, end=end, limit=limit
                )

        return AsofRetrievalJob(read, repo_path=config.repo_path)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Ask for all rows with event time in [start_date, end_date]; None leaves a side open."""
        start = naive_utc(start_date) if start_date else None
        end = naive_utc(end_date) if end_date else None
        columns = [*join_key_columns, *feature_name_columns, timestamp_field]
        columns += [created_timestamp_column] if created_timestamp_column else []

        def read() -> pa.Table:
            table = EventTable(
                files=_files(config, data_source, start, end),
                keys=tuple(join_key_columns),
                time=timestamp_field,
            )
            with _connection(config) as connection:
                return pull_all(connection, table, columns=columns, start=start, end=end)

        return AsofRetrievalJob(read, repo_path=config.repo_path)


@contextmanager
def _connection(config: RepoConfig) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = config.offline_store
    temporary = Path(settings.temporary_directory) if settings.temporary_directory else None
    with connect(temporary, settings.threads) as connection:
        yield connection


def _read_view(
    config: RepoConfig,
    connection: duckdb.DuckDBPyConnection,
    view: FeatureView,
    entity_df: pd.DataFrame,
    time: str,
    columns: dict[str, str],
) -> pa.Table:
    source = view.batch_source
    origin = {new: old for old, new in source.field_mapping.items()}
    join_keys = view.projection.join_key_map or {key: key for key in view.join_keys}
    missing = [name for name in join_keys.values() if name not in entity_df.columns]
    if missing:
        raise StoreError.missing_columns(missing, list(entity_df.columns))
    moments = pd.to_datetime(entity_df[time], utc=True).dt.tz_localize(None)
    ttl = view.ttl or None
    known = moments.dropna()
    first = known.min() - ttl if ttl and len(known) else None
    table = EventTable(
        files=_files(config, source, first, known.max() if len(known) else None),
        keys=tuple(origin.get(key, key) for key in join_keys),
        time=source.timestamp_field,
        created=source.created_timestamp_column or None,
    )
    asked = Asked(
        keys=tuple(pa.array(entity_df[name], from_pandas=True) for name in join_keys.values()),
        times=pa.array(moments.astype("datetime64[us]")),
    )
    wanted = {origin.get(column, column): name for column, name in columns.items()}
    return join_asof(connection, asked, table, columns=wanted, ttl=ttl)


def _files(
    config: RepoConfig, source: DataSource, first: datetime | None, last: datetime | None
) -> tuple[str, ...]:
    if not isinstance(source, FileSource) or "://" in source.path:
        raise StoreError(
            f"Expected a FileSource with a local path, got {type(source).__name__} "
            f"{source.name!r}; this store reads Parquet files of this machine."
        )
    files = list_files(
        Path(FileSource.get_uri_for_file_path(config.repo_path, source.path)),
        partition=config.offline_store.day_partition,
        first=first,
        last=last,
    )
    check_files(files)
    return files


def _asked_columns(view: FeatureView, feature_refs: Sequence[str], full: bool) -> dict[str, str]:
    """Map each asked feature of `view` to its name in the answer."""
    prefix = f"{view.projection.name_to_use()}:"
    alias = view.projection.name_alias or view.name
    names = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
    return {name: f"{alias}__{name}" if full else name for name in names}


def _metadata(entity_df: pd.DataFrame, time: str, feature_refs: list[str]) -> RetrievalMetadata:
    moments = pd.to_datetime(entity_df[time], utc=True)
    return RetrievalMetadata(
        features=feature_refs,
        keys=[name for name in entity_df.columns if name != time],
        min_event_timestamp=None if moments.empty else moments.min().to_pydatetime(),
        max_event_timestamp=None if moments.empty else moments.max().to_pydatetime(),
    )
