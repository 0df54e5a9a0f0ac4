"""The model card of a version, gathered from what the stages of its retrain left behind."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from features.durable import write_text
from features.plan import FeaturePlan
from features.sentences import describe_features, singular
from flows.runs import Run
from flows.stages import Evaluated, Found, LabelsMade, Registered
from flows.workspace import utc_now
from models.card import CardContent, Comparison, DataWindow, render_card
from models.card_markdown import render_markdown
from models.drivers import Drivers
from models.evaluation import Evaluation, Interval, PairedDifference
from models.leaderboard import rank
from models.ledger import TrialLedger
from models.promotion import Verdict
from models.task import Problem

_LINEAGE = ("snapshot", "labels", "plan", "service", "search", "spec", "run", "now", "reason")
_NAN = float("nan")


def write_card(
    run: Run,
    problem: Problem,
    labels: LabelsMade,
    found: Found,
    registered: Registered,
    verdict: Verdict,
) -> None:
    """Write the card of a judged version into its bundle, as a page and as Markdown."""
    content = gather(run, problem, labels, found, registered, verdict)
    bundle = run.workspace.path("versions", registered.version)
    write_text(bundle / "card.md", render_markdown(content))
    write_text(bundle / "card.html", render_card(content))


def gather(
    run: Run,
    problem: Problem,
    labels: LabelsMade,
    found: Found,
    registered: Registered,
    verdict: Verdict,
) -> CardContent:
    """Gather what the card of a judged version tells."""
    bundle = run.workspace.path("versions", registered.version)
    evaluated = Evaluated(**run.workspace.ledger.stages(run.row.run_id)["holdout"])
    target = run.workspace.project.target
    return CardContent(
        title=run.workspace.name,
        version=int(registered.version),
        created_at=utc_now(),
        question=target.question or f"{target.task} on {target.entity}",
        problem=problem,
        windows=_windows(labels, found),
        evaluation=Evaluation.from_dict(_read(bundle / "evaluation.json")),
        leaderboard=rank(_ledger(run, found).records(), problem.scoring),
        weights={int(number): float(weight) for number, (weight, _) in found.weights.items()},
        verdict=verdict,
        labels_sql=target.labels,
        search_seconds=found.seconds,
        comparisons=(*champion_comparison(run, verdict), *_own_columns(run, evaluated)),
        drivers=_drivers(bundle),
        importance=tuple((name, drop) for name, drop in evaluated.importance),
        descriptions=_descriptions(bundle),
        lineage=_lineage(bundle),
        limits=(
            "Trained on what was known by the sealed rows' first cutoff; it has not learned "
            "from the sealed rows themselves.",
            *((_TURNED,) if found.turned else ()),
            *(f"Strange in the training rows: {sentence}" for sentence in found.findings),
        ),
    )


_TURNED = (
    "Old rows mislead: with less history to learn from, candidates were surely better on the "
    "newest validation block, so that block alone chose the models, and their weights."
)


def _ledger(run: Run, found: Found) -> TrialLedger:
    return TrialLedger(
        Path(found.directory) / "trials",
        fingerprint=found.fingerprint,
        url=run.workspace.settings.trial_ledger,
    )


def _windows(labels: LabelsMade, found: Found) -> tuple[DataWindow, ...]:
    rows, sealed = pd.read_parquet(labels.path), pd.read_parquet(found.holdout)
    before = rows[rows["cutoff_time"] < sealed["cutoff_time"].min()]
    training = rows.drop(sealed.index, errors="ignore") if before.empty else before
    binary = len(labels.classes) == 2
    return (_window("Training", training, binary), _window("Sealed holdout", sealed, binary))


def _window(name: str, frame: pd.DataFrame, binary: bool) -> DataWindow:
    return DataWindow(
        name=name,
        n_rows=len(frame),
        start=frame["cutoff_time"].min(),
        end=frame["cutoff_time"].max(),
        share_positive=float(frame["label"].mean()) if binary else None,
    )


def champion_comparison(run: Run, verdict: Verdict) -> tuple[Comparison, ...]:
    """Compare with the champion of the time, as the gate of quality did."""
    numbers = next((gate.numbers for gate in verdict.gates if gate.name == "quality"), {})
    champion = _champion_before(run)
    if champion is None or "rival" not in numbers:
        return ()
    return (
        Comparison(
            name=f"version {champion}, the champion then",
            score=Interval(float(numbers["rival"]), _NAN, _NAN),
            difference=PairedDifference(
                **{name: float(numbers[name]) for name in PairedDifference._fields}
            ),
        ),
    )


def _champion_before(run: Run) -> str | None:
    """Name the version that served when this run's was judged."""
    before = None
    for row in run.workspace.ledger.promotions(run.workspace.name):
        if row.run_id == run.row.run_id:
            break
        before = row.champion
    return before


def _own_columns(run: Run, evaluated: Evaluated) -> tuple[Comparison, ...]:
    own = evaluated.own_columns
    if not own:
        return ()
    entity = run.workspace.target.entity
    return (
        Comparison(
            name=f"the {singular(entity)}'s own columns alone",
            score=Interval(own["value"], _NAN, _NAN),
            difference=PairedDifference(own["difference"], own["low"], own["high"], _NAN),
        ),
    )


def _drivers(bundle: Path) -> Drivers | None:
    path = bundle / "explanation.json"
    return Drivers.from_dict(_read(path)) if path.exists() else None


def _descriptions(bundle: Path) -> dict[str, str]:
    words = describe_features(FeaturePlan.load(bundle / "plan.json"))
    return {name: told.sentence for name, told in words.items()}


def _lineage(bundle: Path) -> dict[str, str]:
    content = _read(bundle / "lineage.json")
    return {name: str(content[name]) for name in _LINEAGE if name in content}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
