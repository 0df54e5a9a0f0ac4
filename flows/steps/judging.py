"""The step that judges a version: the gates' verdict goes to the ledger, then to the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.matrix import write_matrix
from features.seals import seal
from flows.aliases import repair_aliases
from flows.champion import ServingVersion, load_version
from flows.notes import experiment_note, verdict_note, verdict_tags
from flows.presentation import write_card
from flows.runs import Run
from flows.sections import PromotionSection
from flows.stages import Found, Judged, LabelsMade, Registered, SnapshotTaken
from flows.state import Promotion, challengers_of, standing_of
from flows.state.records import Action
from flows.steps.data import compute_rows, matrix_directory, register_service, tables_of
from flows.steps.described import described_rows
from flows.steps.giveaways import giveaways_of
from flows.steps.learning import predictions_in, problem_of
from flows.steps.release import example_rows, version_directory
from flows.store import open_project_store
from flows.tracking import open_project_tracker, start_retrain_run
from flows.workspace import utc_now
from models.persistence import load_model
from models.promotion import (
    Contender,
    FairnessPolicy,
    PromotionPolicy,
    SealedRows,
    Verdict,
    judge,
)
from models.serving import EnsembleModel

_STATUS: Mapping[Action, str] = {
    "promote": "approved",
    "reject": "rejected",
    "await": "pending",
}
_STAGE: Mapping[Action, str] = {
    "promote": "promoted",
    "reject": "rejected",
    "await": "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivalry:
    """Whom a version is judged against.

    Attributes
    ----------
    champion
        The version that served when it was judged; None for the first.
    attempt
        Which challenger of that champion it is, from 1 on.
    """

    champion: str | None
    attempt: int


def promote(
    run: Run, snapshot: SnapshotTaken, labels: LabelsMade, found: Found, registered: Registered
) -> Judged:
    """Let the gates judge the version, write the verdict to the ledger, then move the alias."""

    def compute() -> Judged:
        workspace = run.workspace
        rivalry = rivalry_of(workspace.ledger.promotions(workspace.name), run.row.run_id)
        verdict = _judge(run, snapshot, labels, found, registered, rivalry)
        row = workspace.ledger.judge(
            workspace.name,
            action=_action(verdict),
            version=registered.version,
            expected_champion=rivalry.champion,
            run_id=run.row.run_id,
            reason=verdict.sentence,
            at=utc_now().to_pydatetime(),
        )
        # A run that was killed here has its verdict; that one holds, whatever is measured now.
        verdict = replace(verdict, promoted=row.action == "promote", waits=row.action == "await")
        write_card(run, problem_of(run, labels), labels, found, registered, verdict)
        seal(version_directory(workspace, registered.version))
        _tell_registry(run, registered, verdict, row)
        return Judged(
            promoted=verdict.promoted,
            champion=row.champion,
            reason=row.reason,
            gates=[asdict(gate) | {"numbers": dict(gate.numbers)} for gate in verdict.gates],
            waiting=verdict.waits,
        )

    return run.once("gates", Judged, compute, lambda judged: judged.reason)


def rivalry_of(history: Sequence[Promotion], run_id: str) -> Rivalry:
    """Read from the verdicts whom a run's version is judged against, and for which time.

    A run that was killed after its verdict sees what it saw then, not itself as the champion.
    """
    until = next((i for i, row in enumerate(history) if row.run_id == run_id), len(history))
    before = history[:until]
    champion = standing_of(before).champion
    return Rivalry(champion=champion, attempt=1 + len(challengers_of(before, champion)))


def policy_of(section: PromotionSection) -> PromotionPolicy:
    """Give the spec's demands as the gates take them."""
    fairness = section.fairness
    return PromotionPolicy(
        margin=section.margin,
        alpha=section.alpha,
        slices=section.slices,
        max_miscalibration=section.max_miscalibration,
        max_latency_ms=section.max_latency_ms,
        max_megabytes=section.max_megabytes,
        fairness=None if fairness is None else FairnessPolicy(**fairness.model_dump()),
        trusted=section.trusted,
        approval=section.approval,
    )


def _action(verdict: Verdict) -> Action:
    if verdict.waits:
        return "await"
    return "promote" if verdict.promoted else "reject"


def _judge(
    run: Run,
    snapshot: SnapshotTaken,
    labels: LabelsMade,
    found: Found,
    registered: Registered,
    rivalry: Rivalry,
) -> Verdict:
    frame, problem = pd.read_parquet(found.holdout), problem_of(run, labels)
    before, section = rivalry.champion, run.workspace.project.promotion
    champion = None if before is None else load_version(run.workspace, before)
    return judge(
        _challenger(run, registered, predictions_in(frame, problem)),
        None if champion is None else _defender(run, snapshot, frame, champion),
        rows=SealedRows(
            problem=problem,
            y=frame["label"].to_numpy(),
            cutoff_time=frame["cutoff_time"].to_numpy("datetime64[us]"),
            entity=frame[run.workspace.entity_key].to_numpy(),
            described=described_rows(run, snapshot, frame, stage="gates"),
        ),
        policy=policy_of(section),
        condemned=bool(run.row.trigger) and before is not None,
        attempt=rivalry.attempt,
        seed=run.workspace.project.search.seed,
        gates=section.gates,
    )


def _challenger(run: Run, registered: Registered, predictions: np.ndarray) -> Contender:
    directory = version_directory(run.workspace, registered.version)
    example, model = example_rows(directory), load_model(directory / "model")
    return Contender(
        name=f"version {registered.version}",
        predictions=predictions,
        columns=model.columns,
        classes=model.problem.classes,
        artifact=_artifact(run, registered),
        example=example,
        example_predictions=model.predict(example),
        model=model,
        decision=model.decision,
        giveaways=giveaways_of(
            pd.read_parquet(directory / "reference.parquet"), model.used_columns, model.problem
        ),
    )


def _artifact(run: Run, registered: Registered) -> Path:
    """Bring the registered artefact itself: what is judged is what would be served."""
    target = Path(run.workspace.path("searches", run.row.run_id, "artifact"))
    tracker = open_project_tracker(run.workspace)
    version = tracker.get_version(run.workspace.name, int(registered.version))
    return tracker.fetch_version(version, target)


def _defender(
    run: Run, snapshot: SnapshotTaken, frame: pd.DataFrame, champion: ServingVersion
) -> Contender:
    """Let the champion predict the challenger's sealed rows, from its own features."""
    key = run.workspace.entity_key
    rows = frame[[key, "cutoff_time"]]
    tables = tables_of(run, champion.plan, snapshot, champion.model.problem.classes)
    features = compute_rows(run, champion.plan, tables, rows, stage="gates")
    write_matrix(
        features,
        directory=matrix_directory(run.workspace, champion.plan),
        key=key,
        created_at=run.now,
    )
    register_service(run, champion.plan)
    store = open_project_store(run.workspace)
    read = store.read_training(champion.service, rows)[list(champion.plan.names)]
    model: EnsembleModel = champion.model
    return Contender(
        name=f"version {champion.version}",
        predictions=np.asarray(model.predict(read)),
        columns=model.columns,
        classes=tuple(model.problem.classes),
        decision=model.decision,
    )


def _tell_registry(run: Run, registered: Registered, verdict: Verdict, row: Promotion) -> None:
    """Bring MLflow's aliases in line with the ledger, and say there why."""
    tracker = open_project_tracker(run.workspace)
    tracked = start_retrain_run(run, tracker)
    note = verdict_note(tracked, verdict, row.reason)
    version = tracker.get_version(run.workspace.name, int(registered.version))
    tracker.describe_version(
        version,
        description=note,
        tags={"validation_status": _STATUS[row.action], **verdict_tags(verdict)},
    )
    repair_aliases(run.workspace, tracker)
    tracked.set_stage(_STAGE[row.action])
    for page in ("card.html", "card.md"):
        tracked.log_file(version_directory(run.workspace, registered.version) / page)
    tracked.set_tags(verdict_tags(verdict))
    tracked.describe(note)
    tracker.describe_experiment(experiment_note(run.workspace))
    tracked.finish()
