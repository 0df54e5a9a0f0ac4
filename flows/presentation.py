"""The model card of a version, gathered from what the stages of its retrain left behind."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.durable import write_text
from features.plan import FeaturePlan
from flows.runs import Run
from flows.stages import Evaluated, Found, LabelsMade, Registered
from flows.workspace import utc_now
from models.card import CardContent, Comparison, DataWindow, render_card
from models.evaluation import Bin, Decile, Evaluation, Interval, PairedDifference
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
    """Write the card of a judged version into its bundle."""
    bundle = Path(registered.card).parent
    evaluated = Evaluated(**run.workspace.ledger.stages(run.row.run_id)["holdout"])
    target = run.workspace.project.target
    content = CardContent(
        title=run.workspace.name,
        version=int(registered.version),
        created_at=utc_now(),
        question=target.question or f"{target.task} on {target.entity}",
        problem=problem,
        windows=_windows(labels, found),
        evaluation=_evaluation(bundle),
        leaderboard=rank(_ledger(found).records(), problem.scoring),
        weights={int(number): float(weight) for number, (weight, _) in found.weights.items()},
        verdict=verdict,
        labels_sql=target.labels,
        search_seconds=found.seconds,
        comparisons=_comparisons(run, evaluated),
        importance=tuple((name, drop) for name, drop in evaluated.importance),
        descriptions=_descriptions(bundle),
        lineage=_lineage(bundle),
        limits=(
            "Trained on what was known by the sealed rows' first cutoff; it has not learned "
            "from the sealed rows themselves.",
        ),
    )
    write_text(bundle / "card.html", render_card(content))


def _ledger(found: Found) -> TrialLedger:
    return TrialLedger(Path(found.directory) / "trials", fingerprint=found.fingerprint)


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


def _evaluation(bundle: Path) -> Evaluation:
    content = _read(bundle / "evaluation.json")
    return Evaluation(
        metric=content["metric"],
        n_rows=content["n_rows"],
        blocks=content["blocks"],
        scores={name: Interval(**_numbers(score)) for name, score in content["scores"].items()},
        baseline=content["baseline"],
        gain=PairedDifference(**_numbers(content["gain"])),
        calibration=tuple(Bin(**_numbers(each)) for each in content["calibration"]),
        lift=tuple(Decile(**_numbers(each)) for each in content["lift"]),
        residuals=_numbers(content["residuals"]),
    )


def _numbers(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give back the NaN that JSON does not have."""
    return {name: np.nan if value is None else value for name, value in content.items()}


def _comparisons(run: Run, evaluated: Evaluated) -> tuple[Comparison, ...]:
    own = evaluated.own_columns
    if not own:
        return ()
    return (
        Comparison(
            name=f"{run.workspace.target.entity}' own columns alone",
            score=Interval(own["value"], _NAN, _NAN),
            difference=PairedDifference(own["difference"], own["low"], own["high"], _NAN),
        ),
    )


def _descriptions(bundle: Path) -> dict[str, str]:
    plan = FeaturePlan.load(bundle / "plan.json")
    return {feature.name: feature.description for feature in plan.features}


def _lineage(bundle: Path) -> dict[str, str]:
    content = _read(bundle / "lineage.json")
    return {name: str(content[name]) for name in _LINEAGE if name in content}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
