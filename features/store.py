"""The feature store: what Feast knows of a plan, and reading values back as they were written.

One Entity per project entity, one FeatureView per plan fingerprint, a FeatureService for whoever
reads. Training and batch scoring read as of a moment through `asof_store`; online scoring reads
the newest rows from SQLite or Redis. Both give the names and dtypes the engine computed. This
module and `asof_store` are the only ones that import Feast.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.data_format import ParquetFormat
from feast.errors import FeatureServiceNotFoundException
from feast.infra.online_stores.helpers import compute_table_id
from feast.types import Float64, Int64, String

from features.errors import StoreError
from features.fingerprint import fingerprint
from features.matrix import CREATED_AT, CUTOFF_TIME, column_name, matrix_columns, write_matrix
from features.online import prune_sqlite, reaching, to_frame
from features.service import EVENT_TIME, FeatureServiceRef, KeyKind
from features.store_settings import StoreSettings

if TYPE_CHECKING:  # featuretools takes 1.6 s to import, and readers of a store do not plan
    from features.plan import FeaturePlan

__all__ = ["FeatureServiceRef", "Store", "StoreSettings", "open_store", "write_matrix"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS_PER_REQUEST = 500


def open_store(settings: StoreSettings) -> "Store":
    """Open the feature store in `settings.directory`, making it the first time.

    NOTE: Feast makes a registry's tables without a lock, and two processes on a fresh database
    stumble over one another; hence ours. An online store's server is not contacted before it is
    needed.
    """
    settings.directory.mkdir(parents=True, exist_ok=True)
    with settings.lock("registry"):
        settings.prepare_directory()
        feast = FeatureStore(config=RepoConfig(**settings.to_feast()))
        feast.refresh_registry()
    return Store(settings, feast)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A look-up: Feast's service, ours, and the earliest event time online (POSIX seconds)."""

    service: FeatureService
    reference: FeatureServiceRef
    online_since: float | None


class Store:
    """The one door to Feast; `open_store` makes it."""

    def __init__(self, settings: StoreSettings, feast: FeatureStore) -> None:
        self._settings = settings
        self._feast = feast
        self._seen: object = None
        self._found: dict[str, _Found] = {}

    def register(
        self,
        plan: "FeaturePlan",
        *,
        entity: str,
        key: str,
        key_kind: KeyKind,
        matrix: Path,
        service: str,
    ) -> FeatureServiceRef:
        """Make `service` give the features of `plan` from the matrix in directory `matrix`.

        Registering the same again changes nothing and costs one look-up.

        Raises
        ------
        StoreError
            When the matrix has no batch yet (see `write_matrix`) or lacks features of the plan.
        """
        available = matrix_columns(matrix)
        missing = [name for name in (key, *plan.names) if column_name(name) not in available]
        if missing:
            raise StoreError.missing_columns(missing, available)
        path = relpath(matrix.resolve(), self._settings.directory.resolve())
        view, keyed = _define(plan, self._feast.project, (entity, key, key_kind), path)
        tags = {**view.tags, "key": key, "key_kind": key_kind}
        fields = [[field.name, str(field.dtype), field.description] for field in view.features]
        tags["definition"] = fingerprint([tags, entity, path, fields])
        with self._settings.lock("registry"):
            if not self._has(service, tags["definition"]):
                made = FeatureService(name=service, features=[view], tags=tags)
                self._feast.apply([keyed, view, made])
        return self.service(service)

    def service(self, service: str | FeatureServiceRef) -> FeatureServiceRef:
        """Describe a registered feature service, as it is registered now.

        Raises
        ------
        StoreError
            When none of that name is registered.
        """
        return self._find(service).reference

    def read_training(self, service: str | FeatureServiceRef, rows: pd.DataFrame) -> pd.DataFrame:
        """Read the features of every row as of its cutoff time.

        Parameters
        ----------
        rows
            The entity's key and `cutoff_time` (naive UTC, any resolution); other columns are
            ignored. Rows may repeat.

        Returns
        -------
        pandas.DataFrame
            Row i answers row i: key, `cutoff_time`, then the plan's features (float64, or
            object with None), on a RangeIndex. Nulls where nothing was known yet.

        Raises
        ------
        StoreError
            When the service is not registered, or `rows` lacks a column, a key or a time.
        """
        found = self._find(service)
        reference, asked = found.reference, found.reference.entity_rows(rows)
        job = self._feast.get_historical_features(entity_df=asked, features=found.service)
        table = job.to_arrow()
        key = column_name(reference.key)
        if not np.array_equal(table[key].to_numpy(), asked[key].to_numpy()):
            raise StoreError(
                f"Expected one answer per row in the order asked ({len(asked)} rows), got "
                f"{len(table)} from Feast. Is another offline store configured?"
            )
        table = table.select([key, EVENT_TIME, *map(column_name, reference.kinds)])
        frame = table.rename_columns(reference.columns).to_pandas()
        frame[CUTOFF_TIME] = asked[EVENT_TIME].to_numpy()
        return frame

    def materialize(self, service: str | FeatureServiceRef, *, until: pd.Timestamp) -> int:
        """Put the newest row of each entity online, as of `until` (naive UTC, inclusive).

        At most `online_rows` entities, those with the newest rows, are online. What was online
        before and is not among them is no longer served, because it may be out of date. Plans
        do not mix: each FeatureView has values of its own.

        Returns
        -------
        int
            How many entities are online now.

        Raises
        ------
        StoreError
            When the online store's server does not answer.
        """
        reference = self.service(service)
        end = until.to_pydatetime().replace(tzinfo=UTC)
        with self._settings.lock("online"), reaching(self._settings.online_address):
            newest = self._newest_times(reference, end)
            start = newest.min().to_pydatetime().replace(tzinfo=UTC) if len(newest) else end
            view = self._feast.get_feature_view(reference.view)
            if len(newest):
                self._write_online(view, start, end)
            # The interval tells readers what is online, so it is recorded after the values.
            self._feast.registry.apply_materialization(view, reference.project, start, end)
            self._feast.refresh_registry()
            if self._settings.online == "sqlite":
                table = compute_table_id(reference.project, view)
                prune_sqlite(self._settings.online_path, table, start, end)
        return len(newest)

    def read_online(
        self, service: str | FeatureServiceRef, keys: Sequence[int | str]
    ) -> pd.DataFrame:
        """Read what is online for each of `keys`.

        Returns
        -------
        pandas.DataFrame
            Row i answers key i, in the layout of `read_training`; `cutoff_time` is that of the
            row, in whole seconds. An entity that is not online has nulls and NaT.

        Raises
        ------
        StoreError
            When the service is not registered or the online store's server does not answer.
        """
        found = self._find(service)
        if found.online_since is None:  # unless another process has materialized since
            self._feast.refresh_registry()
            found = self._find(service)
        reference = found.reference
        asked = reference.typed_keys(pd.Series(list(keys), name=reference.key)).to_pylist()
        values: dict[str, list[Any]] = defaultdict(list)
        with reaching(self._settings.online_address):
            for first in range(0, len(asked), _KEYS_PER_REQUEST):
                keyed = {column_name(reference.key): asked[first : first + _KEYS_PER_REQUEST]}
                answer = self._feast.get_online_features(features=found.service, entity_rows=keyed)
                for name, some in answer.to_dict(include_event_timestamps=True).items():
                    values[name].extend(some)
        return to_frame(values, reference, asked, found.online_since)

    def _find(self, service: str | FeatureServiceRef) -> _Found:
        """Look `service` up, at once while the registry's cache is the same.

        NOTE: Feast rebuilds (and type-checks) every field at each look-up, 0.2 ms a feature,
        which would be most of the time of an online read.
        """
        name = service if isinstance(service, str) else service.name
        registry = self._feast.registry
        if all(
            known.spec.name != name for known in registry.cached_registry_proto.feature_services
        ):
            registry.refresh()  # another process may have registered it since
        if self._seen is not registry.cached_registry_proto:
            self._seen, self._found = registry.cached_registry_proto, {}
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> _Found:
        registry, project = self._feast.registry, self._feast.project
        try:
            made = registry.get_feature_service(name, project, allow_cache=True)
        except FeatureServiceNotFoundException as error:
            known = [service.name for service in registry.list_feature_services(project)]
            raise StoreError.unknown_service(name, known) from error
        (projection,) = made.feature_view_projections
        view = registry.get_feature_view(projection.name, project, allow_cache=True)
        kinds = {field.tags["name"]: field.tags["kind"] for field in projection.features}
        tags = {tag: made.tags[tag] for tag in ("plan", "key", "key_kind")}
        reference = FeatureServiceRef(
            name=name, view=view.name, project=project, kinds=kinds, **tags
        )
        intervals = view.materialization_intervals
        since = float(np.floor(intervals[-1][0].timestamp())) if intervals else None
        return _Found(service=made, reference=reference, online_since=since)

    def _has(self, name: str, definition: str) -> bool:
        try:
            service = self._feast.registry.get_feature_service(name, self._feast.project)
        except FeatureServiceNotFoundException:
            return False
        return bool(service.tags.get("definition") == definition)

    def _newest_times(self, reference: FeatureServiceRef, until: datetime) -> pd.Series:
        """Give the event times (naive UTC) of the entities that belong online."""
        source = self._feast.get_feature_view(reference.view).batch_source
        job = self._feast.provider.offline_store.pull_latest_from_table_or_query(
            config=self._feast.config,
            data_source=source,
            join_key_columns=[column_name(reference.key)],
            feature_name_columns=[],
            timestamp_field=source.timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            start_date=_EPOCH,
            end_date=until,
        )
        return job.to_df()[source.timestamp_field]

    def _write_online(self, view: FeatureView, start: datetime, end: datetime) -> None:
        # NOTE: not FeatureStore.materialize, which prints, and which marks the view
        # MATERIALIZING meanwhile, a state in which Feast refuses every read, offline too.
        self._feast.provider.materialize_single_feature_view(
            config=self._feast.config,
            feature_view=view,
            start_date=start,
            end_date=end,
            registry=self._feast.registry,
            project=self._feast.project,
            tqdm_builder=lambda length: None,
        )


def _define(
    plan: "FeaturePlan", project: str, entity: tuple[str, str, KeyKind], path: str
) -> tuple[FeatureView, Entity]:
    name, key, key_kind = entity
    kind = Int64 if key_kind == "int" else String
    keyed = Entity(
        name=name, join_keys=[column_name(key)], value_type=kind.to_value_type(), tags={"key": key}
    )
    view_name = f"{project}_{plan.fingerprint}"
    fields = [
        Field(
            name=column_name(feature.name),
            dtype=Float64 if feature.kind == "numeric" else String,
            description=feature.description,
            tags={"name": feature.name, "kind": feature.kind, "table": feature.table},
        )
        for feature in plan.features
    ]
    source = FileSource(
        name=view_name,
        path=path,
        file_format=ParquetFormat(),
        timestamp_field=CUTOFF_TIME,
        created_timestamp_column=CREATED_AT,
    )
    view = FeatureView(
        name=view_name,
        entities=[keyed],
        schema=[Field(name=column_name(key), dtype=kind), *fields],
        source=source,
        description=f"Features of {plan.target} as of each cutoff time",
        tags={"project": project, "plan": plan.fingerprint},
    )
    return view, keyed
