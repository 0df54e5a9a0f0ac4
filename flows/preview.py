"""Preview: the plan a retrain would make now, or the champion's, explained; nothing is kept."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from features.census import take_census
from features.economy import estimate
from features.engine.explain import Explanation
from features.plan import FeaturePlan, own_features
from flows.champion import champion_version, load_version
from flows.console import ConsoleNarrator
from flows.project import load_project
from flows.runs import Run, running
from flows.settings import read_settings
from flows.steps.data import labels, snapshot, tables_of
from flows.steps.planning import plan, table_of
from flows.workspace import open_workspace, plain_workspace, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A plan, and how it would be computed for `n_rows` rows.

    Attributes
    ----------
    explained
        Feature to the way it takes and its estimated cost.
    tables
        Feature to the table whose rows it goes through.
    """

    title: str
    plan: FeaturePlan
    n_rows: int
    explained: Mapping[str, Explanation]
    tables: Mapping[str, str]

    def seconds(self, name: str) -> float:
        """Give the estimated CPU seconds of a feature."""
        return self.explained[name].seconds_per_cell * self.n_rows


def preview_plan(
    folder: Path, *, now: pd.Timestamp | None, champion: bool, console: Console
) -> Preview:
    """Plan as a retrain would at `now`, or take the champion's plan, and explain it.

    All is done in a temporary directory, which is removed.

    Raises
    ------
    FlowError, FeatureError
        The first thing that is wrong; with `champion`, also when none serves.
    """
    known = _champion_plan(folder) if champion else None
    with tempfile.TemporaryDirectory(prefix="perennial-plan-") as scratch:
        workspace = plain_workspace(folder, load_project(folder), read_settings(), Path(scratch))
        narrator = ConsoleNarrator(console)
        moment = now if now is not None else utc_now()
        try:
            with running(workspace, "retrain", now=moment, narrator=narrator) as run:
                return _preview(run, known)
        finally:
            narrator.close()
            workspace.ledger.close()


def _champion_plan(folder: Path) -> tuple[str, FeaturePlan]:
    workspace = open_workspace(folder)
    try:
        version = champion_version(workspace)
        return f"version {version}", load_version(workspace, version).plan
    finally:
        workspace.ledger.close()


def _preview(run: Run, known: tuple[str, FeaturePlan] | None) -> Preview:
    taken = snapshot(run)
    asked = labels(run, taken)
    title, chosen = known or ("the next retrain", None)
    if chosen is None:
        chosen = FeaturePlan.load(Path(plan(run, taken, asked).path))
    tables = tables_of(run, chosen, taken, asked.classes)
    entity = run.workspace.target.entity
    own = own_features(tables.schema, entity)
    return Preview(
        title=title,
        plan=chosen,
        n_rows=asked.n_rows,
        explained=estimate(chosen, tables.schema, take_census(tables)),
        tables={f.name: table_of(f, own, entity) for f in chosen.features},
    )
