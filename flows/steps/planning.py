"""The step that plans: definitions are proposed, judged on training rows, and kept or dropped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.census import take_census
from features.economy import drop_costly
from features.history import tells_when, with_history
from features.interesting import find_interesting
from features.plan import FeaturePlan, FeatureSpec, own_features, synthesize
from features.redundancy import Facts
from features.relevance import choose
from features.selection import prune
from features.snapshot import Snapshot
from flows.described import plan_described
from flows.runs import Run
from flows.stages import LabelsMade, PlanMade, SnapshotTaken
from flows.steps.data import compute_rows, labelled_rows, taken
from flows.warmth import warmth_of
from flows.workspace import Workspace
from models.dataset import Dataset
from models.splits import sealed_split

PLAN_SAMPLE_ROWS = 15_000
"""Rows on which definitions are judged before all rows are computed."""

FIRST_SAMPLE_ROWS = 2_000
"""Rows that show, before the others are computed, what never changes or comes twice."""

MAX_CONSIDERED = 1_500
"""Definitions that are computed at all: 1,000 on 15,000 rows take some five seconds."""

MAX_SECONDS = 60.0
"""CPU seconds that one feature may take, by estimate, for all training rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """What there is to choose from.

    Attributes
    ----------
    tables
        What the features are computed from, past labels among them where they are wanted.
    plan
        Features that say something.
    rows
        Training rows, in order of time: key, `cutoff_time`, `label`, `label_time`.
    frame
        The features of these rows.
    """

    tables: Snapshot
    plan: FeaturePlan
    rows: pd.DataFrame
    frame: pd.DataFrame


def plan(run: Run, snapshot: SnapshotTaken, labels: LabelsMade) -> PlanMade:
    """Define features by DFS and keep those that say something on training rows."""
    return run.once("plan", PlanMade, lambda: _plan(run, snapshot, labels), _plan_sentence)


def consider(run: Run, snapshot: SnapshotTaken, labels: LabelsMade) -> Considered:
    """Define features and drop those that say nothing on training rows."""
    known = labelled_rows(labels)
    tables = _tables_to_plan(run, snapshot, labels, known)
    warmth = warmth_of(run.workspace, run.row.run_id)
    drawn = draft(run.workspace, tables, known, warmth.features)
    rows = _training_sample(known)
    informative, frame = _informative(run, drawn, tables, rows)
    return Considered(tables=tables, plan=informative, rows=rows, frame=frame)


def _plan(run: Run, snapshot: SnapshotTaken, labels: LabelsMade) -> PlanMade:
    section, entity = run.workspace.project.features, run.workspace.target.entity
    # A column that gates cannot find is refused now, not after the search.
    plan_described(run.workspace.project, taken(run, snapshot).schema)
    considered = consider(run, snapshot, labels)
    own = own_features(considered.tables.schema, entity)
    kept = choose(
        considered.plan,
        considered.frame,
        labels=considered.rows["label"].to_numpy(),
        max_features=section.max_features,
        cutoff_time=considered.rows["cutoff_time"].to_numpy(),
        seed=run.workspace.project.search.seed,
        n_threads=run.workspace.settings.n_threads,
    )
    path = run.workspace.path("plans", f"{kept.fingerprint}.json")
    kept.save(path)
    return PlanMade(
        path=str(path),
        fingerprint=kept.fingerprint,
        n_considered=len(kept.names) + len(kept.dropped),
        n_features=len(kept.names),
        by_table=_count_by_table(kept, own, entity),
    )


def draft(
    workspace: Workspace, tables: Snapshot, labels: pd.DataFrame, prefer: Sequence[str] = ()
) -> FeaturePlan:
    """Define features, and drop what is redundant or too dear, before any is computed."""
    section, census = workspace.project.features, take_census(tables)
    until = _training_sample(labels)["cutoff_time"].max()
    considered = synthesize(
        tables.schema,
        workspace.target.entity,
        depth=section.depth,
        windows=section.windows,
        max_features=max(MAX_CONSIDERED, section.max_features),
        prefer=prefer,
        facts=Facts(census=census, until=labels["cutoff_time"].max()),
        interesting=find_interesting(tables, section.interesting, until=until),
    )
    return drop_costly(
        considered, tables.schema, census, n_rows=len(labels), max_seconds=MAX_SECONDS
    )


def _informative(
    run: Run, drawn: FeaturePlan, tables: Snapshot, rows: pd.DataFrame
) -> tuple[FeaturePlan, pd.DataFrame]:
    """Compute definitions on a few rows, what is left on more, and drop what says nothing new."""
    left = drawn
    for few in (_evenly(rows, FIRST_SAMPLE_ROWS), rows):
        frame = compute_rows(run, left, tables, few, stage="plan")
        left = prune(
            left,
            frame,
            labels=few["label"].to_numpy(),
            max_features=6 * run.workspace.project.features.max_features,
        )
    return left, frame


def _tables_to_plan(
    run: Run, snapshot: SnapshotTaken, labels: LabelsMade, known: pd.DataFrame
) -> Snapshot:
    """Open the snapshot, with past labels unless they are not wanted or cannot be dated."""
    tables, workspace = taken(run, snapshot), run.workspace
    if not workspace.project.features.target_history:
        return tables
    if not tells_when(known):
        run.narrator.say(
            "Past labels are left out: target.labels gives no label_time later than the cutoff, "
            "so nobody knows from when on a label may be looked at."
        )
        return tables
    return with_history(
        tables, workspace.target, now=run.now, classes=tuple(labels.classes) or None
    )


def _training_sample(rows: pd.DataFrame) -> pd.DataFrame:
    """Take evenly spaced rows from before the sealed holdout, whose labels must not be seen."""
    data = Dataset(
        X=pd.DataFrame(index=range(len(rows))),
        y=rows["label"].to_numpy(),
        cutoff_time=rows["cutoff_time"].to_numpy("datetime64[us]"),
        label_time=rows["label_time"].to_numpy("datetime64[us]"),
        key=None,
    )
    search_rows, _ = sealed_split(data)
    return _evenly(rows.iloc[np.sort(search_rows)], PLAN_SAMPLE_ROWS)


def _evenly(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """Take at most `n` rows, as far from one another as can be."""
    return rows.iloc[:: max(1, -(-len(rows) // n))].reset_index(drop=True)


def table_of(feature: FeatureSpec, own: Collection[str], entity: str) -> str:
    """Give the table whose rows a feature goes through, the entity for its own columns."""
    return entity if feature.name in own else _through(feature)


def _count_by_table(plan: FeaturePlan, own: Collection[str], entity: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for feature in plan.features:
        table = table_of(feature, own, entity)
        counts[table] = counts.get(table, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _through(feature: FeatureSpec) -> str:
    """Give the table whose rows a feature goes through: `planes` for `planes.MEAN(flights.…)`."""
    head, dot, _ = feature.name.partition(".")
    return head.partition("[")[0] if dot and "(" not in head else feature.table


def _plan_sentence(made: PlanMade) -> str:
    tables = ", ".join(f"{table} {count}" for table, count in made.by_table.items())
    return f"{made.n_features} features kept of {made.n_considered}: {tables}"
