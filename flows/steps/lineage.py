"""What a version was made from, and how to make it again: two files of its bundle."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.durable import write_text
from features.plan import FeaturePlan
from features.seals import hash_file
from features.snapshot import open_snapshot
from flows.code_version import code_version
from flows.jsonable import to_json
from flows.runs import Run
from flows.stages import Evaluated, Found, LabelsMade, PlanMade, Served
from flows.warmth import warmth_of
from models.persistence import fingerprint_of
from models.tracking import LoggedDataset

SECRETS = {"monitoring": {"webhook"}}
"""Of the spec, what no version carries: a webhook's path is often a password."""

LINEAGE, RECIPE = "lineage.json", "recipe.json"


def write_lineage(
    run: Run,
    labels: LabelsMade,
    plan: PlanMade,
    served: Served,
    found: Found,
    evaluated: Evaluated,
    *,
    bundle: Path,
) -> None:
    """Write both into a bundle that has its model."""
    lineage = lineage_of(run, labels, plan, served, found, evaluated)
    lineage["model"] = fingerprint_of(bundle / "model")
    write_text(bundle / LINEAGE, to_json(lineage))
    write_text(bundle / RECIPE, to_json(recipe_of(run, found)))


def lineage_of(
    run: Run,
    labels: LabelsMade,
    plan: PlanMade,
    served: Served,
    found: Found,
    evaluated: Evaluated,
) -> dict[str, Any]:
    """Name everything a version was made from."""
    taken = run.workspace.ledger.stages(run.row.run_id)["snapshot"]
    snapshot = open_snapshot(run.workspace.path("snapshots", taken["snapshot_id"]))
    files = taken.get("sources", {})
    return {
        "project": run.workspace.name,
        "run": run.row.run_id,
        "reason": run.row.reason,
        "now": run.now.isoformat(),
        "spec": run.row.spec,
        "code": code_version().to_json(),
        "snapshot": snapshot.snapshot_id,
        "tables": [
            {
                "name": table.name,
                "n_rows": table.n_rows,
                "sha256": table.sha256,
                "source": table.source,
                "files": files.get(table.name, []),
            }
            for table in snapshot.tables
        ],
        "labels": labels.fingerprint,
        "n_rows": labels.n_rows,
        "plan": plan.fingerprint,
        "n_features": plan.n_features,
        "service": served.service,
        "view": served.view,
        "data": found.data,
        "search": found.fingerprint,
        "importance": [[name, drop] for name, drop in evaluated.importance if drop > 0],
    }


def recipe_of(run: Run, found: Found) -> dict[str, Any]:
    """Give what a replay needs beside the snapshot."""
    return {
        "spec": run.workspace.project.model_dump(mode="json", exclude=SECRETS),
        "warmth": asdict(warmth_of(run.workspace, run.row.run_id)),
        "classes": list(run.workspace.ledger.stages(run.row.run_id)["labels"]["classes"]),
        "search_seconds": found.seconds,
        "course": dict(found.course),
        "weights": {number: share for number, (share, _) in found.weights.items()},
    }


def datasets_of(lineage: Mapping[str, Any], bundle: Path) -> tuple[LoggedDataset, ...]:
    """Describe the rows that were learned from, and the sealed ones, by their content."""
    origin = {name: str(lineage[name]) for name in ("snapshot", "plan", "labels", "service")}
    columns = [
        {"name": feature.name, "type": "double" if feature.kind == "numeric" else "string"}
        for feature in FeaturePlan.load(bundle / "plan.json").features
    ]
    sealed = bundle / "reference.parquet"
    n_sealed = pq.read_metadata(sealed).num_rows
    described = (
        ("training", lineage["data"], lineage["n_rows"]),
        ("holdout", hash_file(sealed)[:36], n_sealed),
    )
    return tuple(
        LoggedDataset(
            name=f"{lineage['project']} {context} rows",
            digest=digest,
            context=context,
            n_rows=n_rows,
            origin=origin,
            columns=columns,
        )
        for context, digest, n_rows in described
    )


def tags_of(lineage: Mapping[str, Any], run: Run) -> dict[str, str]:
    """Tag a version as Feast's MLflow convention and our own lineage do."""
    named = ("snapshot", "labels", "plan", "search", "spec", "run", "now", "data")
    code = lineage["code"]
    return {f"perennial.{name}": str(lineage[name]) for name in named} | {
        "perennial.version": code["perennial"],
        "perennial.source": code["source"],
        "perennial.commit": (code["commit"] or "none") + ("+" if code["changed"] else ""),
        "feast.project": run.workspace.name.replace("-", "_"),
        "feast.feature_service": lineage["service"],
        "feast.feature_views": lineage["view"],
        "feast.feature_count": str(lineage["n_features"]),
        "validation_status": "pending",
    }
