"""The offline-store plug-in, alone and inside Feast: complete, ordered, as of the asked moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.types import Float64, Int64, String
from hypothesis import given, settings

from features.asof_join import Asked, EventTable, connect, join_asof, pull_newest
from features.asof_store import AsofOfflineStore
from features.errors import StoreError

START = datetime(2013, 1, 1)
"""Small integers below are hours since."""


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def times(hours: list[float]) -> pa.Array:
    return pa.array([at(hour) for hour in hours], pa.timestamp("us"))


def stamps(hours: list[float]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([at(hour) for hour in hours]).as_unit("us")


ROWS = pa.table(
    {
        "driver": [1, 1, 1, 2, 2],
        "event": times([0, 10, 10, 5, 30]),
        "made": times([50, 50, 60, 50, 50]),
        "trips": [0.0, 1.0, 2.0, 3.0, None],
        "city": ["a", "b", "c", None, "e"],
    }
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(tmp_path / "spill") as opened:
        yield opened


@pytest.fixture
def feast(tmp_path: Path) -> FeatureStore:
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    store = FeatureStore(
        config=RepoConfig(
            project="demo",
            provider="local",
            repo_path=tmp_path,
            registry=str(tmp_path / "registry.db"),
            offline_store={"type": "features.asof_store.AsofOfflineStore"},
            online_store={"type": "sqlite", "path": str(tmp_path / "online.db")},
            entity_key_serialization_version=3,
        )
    )
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    store.apply([driver, view("rides", driver), view("fresh", driver, timedelta(hours=20))])
    return store


def view(name: str, driver: Entity, ttl: timedelta | None = None) -> FeatureView:
    return FeatureView(
        name=name,
        entities=[driver],
        ttl=ttl or timedelta(0),
        schema=[
            Field(name="driver", dtype=Int64),
            Field(name="trips", dtype=Float64),
            Field(name="town", dtype=String),
        ],
        source=FileSource(
            name=name,
            path="rows.parquet",
            timestamp_field="event",
            created_timestamp_column="made",
            field_mapping={"city": "town"},
        ),
    )


def ask(store: FeatureStore, drivers: list[int], hours: list[float], *refs: str) -> pd.DataFrame:
    entity_df = pd.DataFrame({"driver": drivers, "event_timestamp": stamps(hours)})
    return store.get_historical_features(entity_df=entity_df, features=list(refs)).to_df()


class TestInsideFeast:
    def test_is_found_by_its_class_path(self, feast: FeatureStore) -> None:
        assert isinstance(feast.provider.offline_store, AsofOfflineStore)

    def test_rows_that_feasts_file_store_drops(self, feast: FeatureStore) -> None:
        """Duplicates, rows older than the ttl, rows with only future data; order kept."""
        drivers, hours = [2, 1, 1, 2, 1, 3], [60.0, 12.0, 12.0, 1.0, 40.0, 12.0]
        answer = ask(feast, drivers, hours, "fresh:trips")
        assert answer["driver"].tolist() == drivers
        expected = [np.nan, 2.0, 2.0, np.nan, np.nan, np.nan]
        np.testing.assert_array_equal(answer["trips"], expected)

    def test_event_time_is_inclusive_and_latest_created_wins(self, feast: FeatureStore) -> None:
        answer = ask(feast, [1, 1, 1], [10, 10 - 1e-6, 0], "rides:trips", "rides:town")
        assert answer["trips"].tolist() == [2.0, 0.0, 0.0]
        assert answer["town"].tolist() == ["c", "a", "a"]

    def test_ttl_is_inclusive(self, feast: FeatureStore) -> None:
        answer = ask(feast, [1, 1], [30, 30.001], "fresh:trips")
        np.testing.assert_array_equal(answer["trips"], [2.0, np.nan])

    def test_without_ttl_values_never_age(self, feast: FeatureStore) -> None:
        assert ask(feast, [1], [1e6], "rides:trips")["trips"].tolist() == [2.0]

    def test_a_newer_null_is_a_value(self, feast: FeatureStore) -> None:
        answer = ask(feast, [2, 2], [29, 31], "rides:trips", "rides:town")
        np.testing.assert_array_equal(answer["trips"], [3.0, np.nan])
        assert answer["town"].tolist() == [None, "e"]

    def test_full_feature_names_and_several_views(self, feast: FeatureStore) -> None:
        entity_df = pd.DataFrame({"driver": [1], "event_timestamp": stamps([40]), "extra": ["x"]})
        job = feast.get_historical_features(
            entity_df=entity_df,
            features=["rides:trips", "fresh:trips", "rides:town"],
            full_feature_names=True,
        )
        answer = job.to_df()
        assert set(answer.columns) == {*entity_df, "rides__trips", "fresh__trips", "rides__town"}
        assert answer["rides__trips"].tolist() == [2.0]
        assert answer["fresh__trips"].isna().all()
        assert job.metadata.keys == ["driver", "extra"]
        assert job.metadata.max_event_timestamp == at(40).replace(tzinfo=UTC)

    def test_no_rows(self, feast: FeatureStore) -> None:
        answer = ask(feast, [], [], "rides:trips")
        assert list(answer.columns) == ["driver", "event_timestamp", "trips"]
        assert answer.empty

    def test_refusals(self, feast: FeatureStore) -> None:
        with pytest.raises(StoreError, match="Expected entity_df to be a DataFrame"):
            feast.get_historical_features(entity_df="SELECT 1", features=["rides:trips"])
        with pytest.raises(StoreError, match="Expected columns 'driver'"):
            feast.get_historical_features(
                entity_df=pd.DataFrame({"event_timestamp": stamps([1])}), features=["rides:trips"]
            ).to_df()
        with pytest.raises(NotImplementedError, match="filter_by_created_timestamp"):
            feast.get_historical_features(
                entity_df=pd.DataFrame({"driver": [1], "event_timestamp": stamps([1])}),
                features=["rides:trips"],
                filter_by_created_timestamp=True,
            )

    def test_remote_sources_are_refused(self, feast: FeatureStore) -> None:
        source = FileSource(name="far", path="s3://bucket/rows.parquet", timestamp_field="event")
        job = feast.provider.offline_store.pull_all_from_table_or_query(
            feast.config, source, ["driver"], ["trips"], "event"
        )
        with pytest.raises(StoreError, match="FileSource with a local path"):
            job.to_df()

    def test_materialize_takes_the_newest_rows(self, feast: FeatureStore) -> None:
        feast.materialize(at(0), at(20), feature_views=["rides"])
        answer = feast.get_online_features(
            features=["rides:trips", "rides:town"], entity_rows=[{"driver": 1}, {"driver": 2}]
        ).to_dict()
        assert answer["trips"] == [2.0, 3.0]
        assert answer["town"] == ["c", None]

    def test_pull_all(self, feast: FeatureStore) -> None:
        source = feast.get_feature_view("rides").batch_source
        pull = feast.provider.offline_store.pull_all_from_table_or_query
        asked = (feast.config, source, ["driver"], ["city"], "event", "made")
        assert len(pull(*asked).to_df()) == len(ROWS)
        bounded = pull(*asked, at(5).replace(tzinfo=UTC), at(10)).to_df()
        assert list(bounded.columns) == ["driver", "city", "event", "made"]
        assert sorted(bounded["city"].dropna()) == ["b", "c"]

    @pytest.mark.filterwarnings("ignore:.*is an experimental feature:RuntimeWarning")
    def test_saved_data_sets(self, feast: FeatureStore, tmp_path: Path) -> None:
        def job() -> object:
            entity_df = pd.DataFrame({"driver": [1, 2], "event_timestamp": stamps([12, 12])})
            return feast.get_historical_features(entity_df=entity_df, features=["rides:trips"])

        storage = SavedDatasetFileStorage(path="saved.parquet")
        saved = feast.create_saved_dataset(from_=job(), name="saved", storage=storage)
        assert (tmp_path / "saved.parquet").exists()
        assert saved.to_df()["trips"].tolist() == [2.0, 3.0]
        with pytest.raises(SavedDatasetLocationAlreadyExists):
            job().persist(storage)
        job().persist(storage, allow_overwrite=True)


class TestJoinAsof:
    def table(self, directory: Path, *parts: pa.Table) -> EventTable:
        files = [directory / f"part{number}.parquet" for number in range(len(parts))]
        for part, file in zip(parts, files, strict=True):
            pq.write_table(part, file)
        names = tuple(str(file) for file in files)
        return EventTable(files=names, keys=("driver",), time="event", created="made")

    def ask(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: EventTable,
        drivers: list[int | None],
        moments: pa.Array,
    ) -> list[float | None]:
        asked = Asked(keys=(pa.array(drivers, pa.int64()),), times=moments)
        answer = join_asof(connection, asked, table, columns={"trips": "n"})
        return list(answer["n"].to_pylist())

    def test_null_keys_and_times_find_nothing(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        moments = pa.array([at(20), None, at(20)], pa.timestamp("us"))
        answer = self.ask(connection, self.table(tmp_path, ROWS), [None, 1, 1], moments)
        assert answer == [None, None, 2.0]

    def test_a_correction_in_a_later_file_counts(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        fixed = ROWS.slice(0, 1).set_column(3, "trips", pa.array([7.0]))
        late = fixed.set_column(2, "made", times([99]))
        table = self.table(tmp_path, late, ROWS)
        assert self.ask(connection, table, [1], times([0])) == [7.0]
        tied = self.table(tmp_path, ROWS, fixed)
        assert self.ask(connection, tied, [1], times([0])) == [7.0]

    def test_zones_nanoseconds_and_no_creation_time(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        event = pa.array([at(1), at(2)], pa.timestamp("ns", "America/New_York"))
        part = pa.table({"driver": [1, 1], "event": event, "trips": [1.0, 2.0]})
        table = self.table(tmp_path, part)
        table = EventTable(files=table.files, keys=table.keys, time=table.time)
        assert self.ask(connection, table, [1, 1, 1], times([0.9, 1, 2])) == [None, 1.0, 2.0]

    def test_several_keys_quoted_names_and_odd_paths(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        file = tmp_path / "we[i]rd 'dir*'" / "a?.parquet"
        file.parent.mkdir()
        part = {'a "key"': ["x", "x"], "B": [1, 2], "order": times([0, 0]), "SUM(t.v)": [1.0, 2.0]}
        pq.write_table(pa.table(part), file)
        table = EventTable(files=(str(file),), keys=('a "key"', "B"), time="order")
        asked = Asked(keys=(pa.array(["x", "y"]), pa.array([2, 2])), times=times([1, 1]))
        answer = join_asof(connection, asked, table, columns={"SUM(t.v)": 'a "name"'})
        assert answer.to_pydict() == {'a "name"': [2.0, None]}

    def test_only_asked_columns_are_read(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        table = self.table(tmp_path, ROWS)
        asked = Asked(keys=(pa.array([1]),), times=times([20]))
        answer = join_asof(connection, asked, table, columns={"city": "town"})
        assert answer.to_pydict() == {"town": ["c"]}

    def test_newest_rows_are_limited_to_the_newest_keys(
        self, connection: duckdb.DuckDBPyConnection, tmp_path: Path
    ) -> None:
        table = self.table(tmp_path, ROWS)
        found = pull_newest(
            connection, table, columns=["driver", "trips"], start=at(0), end=at(20), limit=1
        )
        assert found.to_pydict() == {"driver": [1], "trips": [2.0]}

    def test_an_event_table_needs_files_and_keys(self) -> None:
        with pytest.raises(StoreError, match="at least one file"):
            EventTable(files=(), keys=("a",), time="t")


KEYS = st.integers(0, 3)
HOURS = st.integers(0, 12)


@settings(max_examples=60, deadline=None)
@given(
    known=st.lists(st.tuples(KEYS, HOURS, HOURS), min_size=1, max_size=30),
    asked=st.lists(st.tuples(KEYS, HOURS), max_size=30),
    ttl=st.none() | st.integers(1, 6),
    cut=st.integers(0, 30),
)
def test_agrees_with_merge_asof(
    tmp_path_factory: pytest.TempPathFactory,
    known: list[tuple[int, int, int]],
    asked: list[tuple[int, int]],
    ttl: int | None,
    cut: int,
) -> None:
    directory = tmp_path_factory.mktemp("rows")
    rows = pd.DataFrame(known, columns=["driver", "hour", "made"])
    rows["value"] = np.arange(len(rows), dtype=float)
    questions = pd.DataFrame(asked, columns=["driver", "hour"]).astype("int64")

    parts = [part for part in (rows.iloc[:cut], rows.iloc[cut:]) if len(part)]
    files = [str(directory / f"{number}.parquet") for number in range(len(parts))]
    for part, file in zip(parts, files, strict=True):
        moments = {"event": stamps(part["hour"].tolist()), "made": stamps(part["made"].tolist())}
        written = part.assign(**moments)
        pq.write_table(pa.Table.from_pandas(written, preserve_index=False), file)
    table = EventTable(files=tuple(files), keys=("driver",), time="event", created="made")
    newest = rows.sort_values(["hour", "made"], kind="stable")
    newest = newest.drop_duplicates(["driver", "hour"], keep="last")

    with connect() as connection:
        answer = join_asof(
            connection,
            Asked(keys=(pa.array(questions["driver"]),), times=times(questions["hour"].tolist())),
            table,
            columns={"value": "value"},
            ttl=timedelta(hours=ttl) if ttl else None,
        )
    expected = pd.merge_asof(
        questions.reset_index().sort_values("hour"),
        newest[["driver", "hour", "value"]],
        on="hour",
        by="driver",
        tolerance=ttl,
    ).sort_values("index")
    got = np.array(answer["value"].to_pylist(), dtype=float)
    np.testing.assert_array_equal(got, expected["value"].to_numpy(dtype=float))
