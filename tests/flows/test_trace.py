"""Trace and integrity: from a prediction to its files and back, and a flipped byte is named."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from features.errors import FeatureError
from features.seals import seal
from flows.champion import load_version
from flows.errors import FlowError
from flows.integrity import verify_version
from flows.lineage import PredictionLineage, SnapshotUses, Tracer
from flows.replay import replay_version
from flows.score import score_project
from flows.tracking import open_project_tracker
from flows.workspace import Workspace
from models.errors import ModelError
from tests.flows.commands import commanded
from tests.flows.conftest import NOW, Listener

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

AT = NOW + pd.Timedelta(days=14)


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    """Give a trained project that has scored a batch."""
    score_project(workspace, Listener(), at=AT)
    return workspace


def test_a_prediction_leads_to_its_files_and_a_snapshot_to_its_predictions(
    scored: Workspace,
) -> None:
    (batch,) = scored.ledger.batches("shop")
    frame = pd.read_parquet(scored.state / batch.path)
    tracer = Tracer(scored)
    found = tracer.trace(frame["prediction_id"].iloc[7])
    assert isinstance(found, PredictionLineage)
    assert found.row["customer_id"] == frame["customer_id"].iloc[7]
    assert found.row["prediction"] == frame["prediction"].iloc[7]
    assert found.row["decision"] == (found.row["prediction"] > 0.5)
    assert frame["decision"].dtype == bool
    assert found.version.version == "1"
    assert found.version.serves
    run = scored.ledger.runs("shop", "retrain")[0]
    assert run.outcome is not None
    assert found.version.tracking_run == run.outcome["version"]["tracking_run"]
    tables = {table["name"]: table for table in found.version.snapshot.tables}
    assert [file["file"] for file in tables["orders"]["files"]] == ["data/orders.csv"]
    assert found.version.recorded["code"]["perennial"]
    assert found.batch.snapshot is not None
    assert found.batch.snapshot.snapshot_id != found.version.snapshot.snapshot_id
    uses = tracer.trace(found.version.snapshot.snapshot_id)
    assert isinstance(uses, SnapshotUses)
    assert (uses.n_predictions, [v["version"] for v in uses.versions]) == (len(frame), ["1"])
    there = tracer.trace(found.batch.snapshot.snapshot_id)
    assert isinstance(there, SnapshotUses)
    assert [each["n_rows"] for each in there.batches] == [len(frame)]


def test_an_id_of_before_is_looked_for(scored: Workspace) -> None:
    (batch,) = scored.ledger.batches("shop")
    path = scored.state / batch.path
    frame = pd.read_parquet(path)
    frame["prediction_id"] = [f"{row:016x}" for row in range(len(frame))]
    frame.to_parquet(path, index=False)
    found = Tracer(scored).prediction(f"{7:016x}")
    assert found.row["customer_id"] == frame["customer_id"].iloc[7]


@pytest.mark.parametrize("name", ["7", "nonsense", "{batch}-999999", "{batch}-x", ""])
def test_what_nothing_is_called_is_one_clear_error(scored: Workspace, name: str) -> None:
    (batch,) = scored.ledger.batches("shop")
    with pytest.raises(FlowError, match=r"Expected a prediction's id .* a version \(1\)"):
        Tracer(scored).trace(name.format(batch=batch.batch_id))


def test_the_command_line_prints_a_tree_and_json(scored: Workspace) -> None:
    (batch,) = scored.ledger.batches("shop")
    shown = commanded("trace", f"{batch.batch_id}-000003", "--verify", cwd=scored.folder)
    assert shown.returncode == 0, shown.stderr + shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    for word in ("version 1, serves", "MLflow run", "data/orders.csv", "as it was written"):
        assert word in shown.stdout
    content = json.loads(commanded("trace", "1", "--json", cwd=scored.folder).stdout)
    assert (content["kind"], content["n_predictions"]) == ("version", 240)


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x20
    path.write_bytes(bytes(content))


def stood_upon(workspace: Workspace) -> Iterator[Path]:
    """List every file that version 1 stands on, and that a copy of the project has."""
    yield from (workspace.folder / "data").iterdir()
    for part in ("snapshots", "labels", "versions/1", "matrices"):
        for path in sorted(workspace.path(part).rglob("*")):
            if path.is_file() and not path.name.endswith(".computed.parquet"):
                yield path


def registered(workspace: Workspace) -> Iterator[Path]:
    """List what MLflow keeps of version 1."""
    run_id = open_project_tracker(workspace).get_version("shop", 1).run_id
    workspace.ledger.close()
    kept = workspace.path("mlflow", "artifacts", "shop")
    (model,) = (
        path.parent
        for path in kept.glob("models/*/artifacts/MLmodel")
        if run_id in path.read_text(encoding="utf-8")
    )
    for path in sorted([*(kept / run_id).rglob("*"), *model.rglob("*")]):
        # Cards are pictures of the bundle's, which are sealed there.
        if path.is_file() and not path.name.startswith("card."):
            yield path


def named(workspace: Workspace) -> list[str]:
    """Name what is damaged, as a user sees it."""
    try:
        version = Tracer(workspace).version("1")
    except FeatureError as error:
        return [str(error)]
    return [finding.file for finding in verify_version(workspace, version).findings]


def test_a_byte_flipped_in_any_file_below_a_version_is_named(
    workspace: Workspace, trained: Path
) -> None:
    assert named(workspace) == []
    files = [*stood_upon(workspace), *registered(workspace)]
    assert len(files) > 60
    missed = []
    for path in files:
        whole = path.read_bytes()
        try:
            flip(path)
            found = named(workspace)
        finally:
            path.write_bytes(whole)
        if not any(path.name in name for name in found):
            missed.append((path, found))
    assert missed == []


def test_what_was_changed_is_not_served(workspace: Workspace) -> None:
    reference = workspace.path("versions", "1", "reference.parquet")
    flip(reference)
    with pytest.raises(FeatureError, match=r"reference\.parquet as it was written"):
        load_version(workspace, "1")


def test_what_was_changed_in_the_registry_is_not_fetched(
    workspace: Workspace, trained: Path
) -> None:
    shutil.rmtree(workspace.path("versions", "1"))
    load_version(workspace, "1")
    assert named(workspace) == []
    shutil.rmtree(workspace.path("versions", "1"))
    (code,) = [path for path in registered(workspace) if path.match("perennial_serving_*/saved.py")]
    whole = code.read_bytes()
    try:
        flip(code)
        with pytest.raises(ModelError, match=r"artefact of .* is damaged.*saved\.py"):
            load_version(workspace, "1")
    finally:
        code.write_bytes(whole)


def test_a_changed_snapshot_or_matrix_is_not_learned_or_scored_from(scored: Workspace) -> None:
    for matrix in scored.path("matrices").rglob("rows.parquet"):
        flip(matrix)
    with pytest.raises(FeatureError, match=r"rows\.parquet as it was written"):
        score_project(scored, Listener(), at=AT + pd.Timedelta(days=7))


def test_a_version_trained_again_predicts_the_same(workspace: Workspace) -> None:
    before = workspace.ledger.promotions("shop"), workspace.ledger.runs("shop")
    done = replay_version(workspace, Listener(), version="1")
    assert done.outcome == "bit-equal", done.stages
    assert (done.first_difference, done.largest, done.same_code) == (None, 0.0, True)
    assert [stage.stage for stage in done.stages][-3:] == ["leaderboard", "ensemble", "predictions"]
    assert (workspace.ledger.promotions("shop"), workspace.ledger.runs("shop")) == before


def test_a_replay_names_the_first_stage_that_differs(workspace: Workspace) -> None:
    path = workspace.path("versions", "1", "recipe.json")
    recipe = json.loads(path.read_text())
    recipe["spec"]["features"]["max_features"] = 10
    path.write_text(json.dumps(recipe))
    seal(path.parent)
    answer = commanded("replay", "1", "--json", cwd=workspace.folder)
    assert answer.returncode == 1, answer.stderr
    told = json.loads(answer.stdout[answer.stdout.index("{") :])
    assert told["first_difference"] == "plan"
    assert told["outcome"] == "differs"
    assert told["largest"] > 0


def test_a_replay_on_a_changed_snapshot_ends_there(workspace: Workspace) -> None:
    snapshot = Tracer(workspace).version("1").snapshot.snapshot_id
    flip(workspace.path("snapshots", snapshot, "orders.parquet"))
    done = replay_version(workspace, Listener(), version="1")
    assert (done.first_difference, done.matches) == ("snapshot", False)
    assert "orders.parquet" in done.stages[0].sentence
    with pytest.raises(FlowError, match=r"Expected a version of shop \(1\), got '9'"):
        replay_version(workspace, Listener(), version="9")
