"""Real tables, where they are at hand: planned, computed, and compared with featuretools.

PERENNIAL_DATA names a folder with one folder per dataset, each with its Parquet files; the specs
are in benchmarks/engine/schemas, where the origin of the data is given. Nothing is copied.
"""

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from features.census import take_census
from features.economy import drop_costly
from features.engine import compute_matrix
from features.history import tells_when, with_history
from features.labels import Labels, make_labels
from features.plan import FeaturePlan, synthesize
from features.redundancy import Facts
from features.schema import ColumnType, Schema, Table
from features.selection import prune
from features.snapshot import Snapshot, take_snapshot
from flows.project import load_project
from flows.settings import Settings
from flows.workspace import Workspace, plain_workspace
from tests.features.comparing import compute, differences
from tests.features.featuretools_oracle import comparable, featuretools_matrix
from tests.features.strategies import World

SPECS = sorted(Path("benchmarks/engine/schemas").glob("*.yaml"))
N_ROWS, N_COMPARED, N_FEATURES = 2_000, 5, 120

_FORMS = {
    ColumnType.BOOLEAN: "boolean",
    ColumnType.CATEGORICAL: "string",
    ColumnType.NUMERIC: "float64",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        "PERENNIAL_DATA" not in os.environ,
        reason="PERENNIAL_DATA does not name the folder of the datasets",
    ),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_real_schema_end_to_end(spec: Path, tmp_path: Path) -> None:
    workspace = opened(spec, tmp_path)
    tables, labels = as_of(workspace, pd.Timestamp("2025-01-01"))
    rows = labels.frame.iloc[:: max(1, len(labels.frame) // N_ROWS)].reset_index(drop=True)
    few = rows.iloc[len(rows) // 3 :: max(1, len(rows) // N_COMPARED)].reset_index(drop=True)
    for depth in (2, 3):
        plan = planned(workspace, tables, labels, depth)
        matrix = compute_matrix(plan, tables, rows)
        kept = prune(plan, matrix, labels=rows["label"].to_numpy(), max_features=300)
        assert len(kept.names) > 20
        some = kept.keep(kept.names[:: max(1, len(kept.names) // N_FEATURES)], {})
        world = as_world(tables, workspace.target.entity, few)
        names = [name for name in comparable(some, world) if "TREND" not in name]
        assert len(names) > 10
        theirs = featuretools_matrix(some, names, world)
        assert differences(compute(some, world), theirs, names) == []


def opened(spec: Path, folder: Path) -> Workspace:
    """Open the spec in a folder of its own, with the data beside it."""
    (folder / "perennial.yaml").write_text(spec.read_text())
    (folder / "data").symlink_to(Path(os.environ["PERENNIAL_DATA"]) / spec.stem)
    return plain_workspace(folder, load_project(folder), Settings(), folder)


def as_of(workspace: Workspace, now: pd.Timestamp) -> tuple[Snapshot, Labels]:
    snapshot = take_snapshot(
        workspace.sources,
        workspace.relationships,
        base_directory=workspace.folder,
        directory=workspace.path("snapshots"),
        now=now,
    )
    labels = make_labels(snapshot, workspace.target, now=now)
    assert tells_when(labels.frame)
    history = with_history(snapshot, workspace.target, now=now, classes=labels.classes)
    return history, labels


def planned(workspace: Workspace, tables: Snapshot, labels: Labels, depth: int) -> FeaturePlan:
    census = take_census(tables)
    plan = synthesize(
        tables.schema,
        workspace.target.entity,
        depth=depth,
        windows=workspace.project.features.windows,
        max_features=600,
        facts=Facts(census=census, until=labels.frame["cutoff_time"].max()),
    )
    return drop_costly(plan, tables.schema, census, n_rows=N_ROWS, max_seconds=60.0)


def as_world(tables: Snapshot, target: str, rows: pd.DataFrame) -> World:
    """Give a snapshot as pandas frames; free text, which no feature reads, is left out."""
    kept = tuple(
        replace(
            table,
            columns={n: kind for n, kind in table.columns.items() if kind is not ColumnType.TEXT},
            known_at={
                moment: tuple(n for n in names if table.columns[n] is not ColumnType.TEXT)
                for moment, names in table.known_at.items()
            },
        )
        for table in tables.schema.tables
    )
    schema = Schema(tables=kept, relationships=tables.schema.relationships)
    frames = {table.name: _frame(tables, table) for table in kept}
    places = {table.name: _places(frames[table.name][table.key]) for table in kept}
    for link in schema.relationships:
        column = frames[link.child][link.child_column]
        frames[link.child][link.child_column] = _renamed(column, places[link.parent])
    for table in kept:
        frames[table.name][table.key] = _renamed(frames[table.name][table.key], places[table.name])
    # NOTE: off the full minute, because a value that is known from the very cutoff on counts for
    # us and not for featuretools.
    asked = rows[["cutoff_time"]] + pd.Timedelta(seconds=1)
    key = schema.table(target).key
    asked.insert(0, key, _renamed(rows[key], places[target]))
    return World(schema=schema, frames=frames, target=target, rows=asked)


def _frame(tables: Snapshot, table: Table) -> pd.DataFrame:
    frame = tables.read(table.name, list(table.columns)).to_pandas()
    forms = {n: _FORMS[kind] for n, kind in table.columns.items() if kind in _FORMS}
    return frame.astype(forms)


def _places(keys: pd.Series) -> dict[object, str]:
    """Name rows by their place: featuretools breaks ties of time by key, we by place."""
    return {key: f"{place:09d}" for place, key in enumerate(keys)}


def _renamed(keys: pd.Series, places: dict[object, str]) -> pd.Series:
    return pd.Series([None if pd.isna(k) else places.get(k, f"no {k}") for k in keys], dtype=object)
