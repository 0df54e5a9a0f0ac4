"""A person's word: what passed its gates waits, and serves once it is approved."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console
from sqlalchemy import delete

from features.errors import FeatureError
from flows import steps
from flows.aliases import repair_aliases
from flows.approval import project_settled, project_settlements, settle
from flows.described import plan_described
from flows.errors import FlowError
from flows.integrity import verify_version
from flows.lineage import Tracer
from flows.measurement import _rejected_since_promotion
from flows.runs import Run
from flows.settings import Settings
from flows.stages import Found, Judged, LabelsMade, Registered, Served, SnapshotTaken
from flows.state.tables import PROMOTIONS, STAGES
from flows.steps.data import taken
from flows.steps.judging import Rivalry, _judge
from flows.summary import print_status
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, open_workspace
from models.tracking.runs import NOTE
from tests.flows.commands import commanded
from tests.flows.conftest import Listener
from tests.flows.shop import SPEC
from tests.flows.test_rollback import T0, aliases

PROMOTION = """
promotion:
  slices: [region, age]
  fairness: {column: region, max_gap: 0.9}
  max_latency_ms: 60000
  max_megabytes: 500
  approval: true
"""


@pytest.fixture
def unjudged(workspace: Workspace) -> Iterator[Run]:
    """Give the run that trained the shop, as it was before the gates, with gates declared."""
    (workspace.folder / "perennial.yaml").write_text(SPEC + PROMOTION)
    opened = open_workspace(workspace.folder, Settings(orchestrator="none"))
    with opened.ledger._engine.begin() as connection:
        connection.execute(delete(PROMOTIONS))
        connection.execute(delete(STAGES).where(STAGES.c.stage.in_(["gates", "online"])))
    (row,) = opened.ledger.runs("shop", "retrain")
    yield Run(workspace=opened, row=row, narrator=Listener(), resumed=True)
    opened.ledger.close()


def stage(run: Run, name: str, record: type) -> object:
    return record(**run.workspace.ledger.stages(run.row.run_id)[name])


def judged_by(run: Run) -> Judged:
    records = {
        "snapshot": SnapshotTaken,
        "labels": LabelsMade,
        "search": Found,
        "version": Registered,
    }
    return steps.promote(run, *(stage(run, name, record) for name, record in records.items()))  # type: ignore[arg-type]


def test_who_passed_waits_and_serves_once_approved(unjudged: Run) -> None:
    run, workspace = unjudged, unjudged.workspace
    judged = judged_by(run)
    assert (judged.waiting, judged.promoted, judged.champion) == (True, False, None)
    assert judged.reason.startswith("Passed every gate and waits for approval: challenger")
    gates = {gate["name"]: gate for gate in judged.gates}
    assert [gates[name]["status"] for name in ("latency", "size", "fairness")] == ["pass"] * 3
    assert gates["slices"]["status"] == "n/a"
    assert "120 entities" in gates["quality"]["sentence"]
    tracker = open_project_tracker(workspace)
    assert aliases(tracker) == {"challenger": "1"}
    assert tracker.get_version("shop", 1).tags["validation_status"] == "pending"
    served = stage(run, "store", Served)
    assert steps.materialize(run, served, judged).n_rows == 0  # type: ignore[arg-type]

    said = io.StringIO()
    print_status(workspace, Console(file=said, width=200))
    assert "waits for approval: perennial promote 1 --approve" in said.getvalue()
    done = settle(workspace, "1", approve=True, why="looks right")
    assert (done.before, done.row.champion, done.row.sequence) == (None, "1", 2)
    assert workspace.ledger.champion("shop") == "1"
    card = workspace.path("versions", "1", "card.md")
    assert "waits for approval" in card.read_text()
    project_settled(workspace, done.row)
    assert aliases(tracker) == {"champion": "1"}
    version = tracker.get_version("shop", 1)
    assert version.description.startswith("**Approved by a person: looks right**")
    assert "120 entities" in version.description
    assert version.tags["validation_status"] == "approved"
    # Nothing says any longer that it waits: not its page, its card, its run, nor the run's card.
    page = tracker.client.get_run(version.run_id)
    assert page.data.tags["perennial.stage"] == "promoted"
    assert page.data.tags[NOTE] == version.description
    assert page.info.status == "FINISHED"
    fetched = tracker.fetch_artifact(version.run_id, "card.md", workspace.folder / "fetched")
    for told in (version.description, card.read_text(), fetched.read_text()):
        assert "Approved by a person: looks right" in told
        assert "waits" not in told
    assert "waits" not in card.with_suffix(".html").read_text()
    assert verify_version(workspace, Tracer(workspace).version("1")).findings == ()
    before = version.description, card.read_text().splitlines()[:4]
    project_settled(workspace, done.row)
    after = tracker.get_version("shop", 1).description, card.read_text().splitlines()[:4]
    assert after == before
    assert project_settlements(workspace) == ()

    # Killed between the verdict and its stage, the run finds the verdict that it has.
    with workspace.ledger._engine.begin() as connection:
        connection.execute(delete(STAGES).where(STAGES.c.stage == "gates"))
    again = judged_by(run)
    assert (again.waiting, again.champion, again.reason) == (True, None, judged.reason)
    assert len(workspace.ledger.promotions("shop")) == 2
    assert aliases(tracker) == {"champion": "1"}

    # Against itself it is better nowhere, and worse nowhere either.
    verdict = _judge(
        replace(run, row=replace(run.row, run_id=uuid.uuid4().hex)),
        *(
            stage(run, name, record)  # type: ignore[arg-type]
            for name, record in (
                ("snapshot", SnapshotTaken),
                ("labels", LabelsMade),
                ("search", Found),
                ("version", Registered),
            )
        ),
        Rivalry(champion="1", attempt=2),
    )
    gates_by_name = {gate.name: gate for gate in verdict.gates}
    assert gates_by_name["quality"].status == "fail"
    assert "2nd try against this champion" in gates_by_name["quality"].sentence
    assert gates_by_name["slices"].status == "pass"
    assert gates_by_name["slices"].numbers["n_slices"] == 7
    assert gates_by_name["slices"].numbers["difference"] == 0
    assert gates_by_name["calibration"].status == "pass"


@pytest.fixture
def waiting(shop: object) -> Iterator[Workspace]:
    """Give a project whose version 1 serves and whose version 2 waits."""
    workspace = open_workspace(shop, Settings(orchestrator="none"))  # type: ignore[arg-type]
    for version, action, before in (("1", "promote", None), ("2", "await", "1")):
        workspace.ledger.judge(
            "shop",
            action=action,  # type: ignore[arg-type]
            version=version,
            expected_champion=before,
            run_id=f"run of {version}",
            reason="passed",
            at=T0,
        )
    tracker = open_project_tracker(workspace)
    tracker.client.create_registered_model("shop")
    for _ in range(4):
        tracker.client.create_model_version("shop", source="nowhere")
    yield workspace
    workspace.ledger.close()


def test_the_alias_of_a_challenger_belongs_to_who_waits(waiting: Workspace) -> None:
    tracker = open_project_tracker(waiting)
    repair_aliases(waiting, tracker)
    assert aliases(tracker) == {"champion": "1", "challenger": "2"}
    tracker.set_alias(tracker.get_version("shop", 3), "challenger")  # under judgement now
    assert repair_aliases(waiting, tracker) == ()
    waiting.ledger.judge(
        "shop",
        action="reject",
        version="3",
        expected_champion="1",
        run_id="run of 3",
        reason="worse",
        at=T0,
    )
    assert repair_aliases(waiting, tracker) == ("challenger: version 3 → 2",)


def test_a_person_may_say_no(waiting: Workspace) -> None:
    done = settle(waiting, "2", approve=False, why=" not in May ")
    assert (done.before, done.row.champion) == ("1", "1")
    assert done.row.reason == "Rejected by a person: not in May"
    tracker = open_project_tracker(waiting)
    told = tracker.get_version("shop", 2)
    tracker.describe_version(told, description="Gates …", tags={"validation_status": "pending"})
    assert project_settlements(waiting) == ("2",)
    assert project_settlements(waiting) == ()
    project_settled(waiting, done.row)
    told = tracker.get_version("shop", 2)
    assert told.tags["validation_status"] == "rejected"
    assert told.description == "**Rejected by a person: not in May**\n\nGates …"
    assert waiting.ledger.champion("shop") == "1"
    assert _rejected_since_promotion(waiting) == 1


def test_waiting_is_neither_a_rejection_nor_the_end_of_them(waiting: Workspace) -> None:
    for version, action in (("3", "reject"), ("4", "await")):
        waiting.ledger.judge(
            "shop",
            action=action,  # type: ignore[arg-type]
            version=version,
            expected_champion="1",
            run_id=f"run of {version}",
            reason="?",
            at=T0,
        )
    assert _rejected_since_promotion(waiting) == 1


def test_the_command_line_asks_for_one_word_and_shows_who_waits(waiting: Workspace) -> None:
    shown = commanded("history", cwd=waiting.folder)
    assert "await 2" in shown.stdout
    assert "perennial promote 2 --approve" in " ".join(shown.stdout.split())
    answer = commanded("promote", "2", "--reject", "--approve", cwd=waiting.folder)
    assert answer.returncode == 2
    answer = commanded("promote", "1", "--approve", cwd=waiting.folder)
    assert answer.returncode == 1
    assert "waits for approval (2), got 1" in " ".join(answer.stderr.split())
    # Nothing is stored for version 2, so that only the ledger can follow.
    answer = commanded("promote", "2", "--approve", cwd=waiting.folder)
    assert answer.returncode == 0, answer.stderr
    assert "Version 2 serves instead of version 1 (verdict 3)." in answer.stdout
    assert "perennial history --repair" in answer.stdout


def test_a_column_that_gates_cannot_find_is_refused_early(workspace: Workspace) -> None:
    run = workspace.ledger.runs("shop", "retrain")[0]
    snapshot = SnapshotTaken(**workspace.ledger.stages(run.run_id)["snapshot"])
    schema = taken(
        Run(workspace=workspace, row=run, narrator=Listener(), resumed=False), snapshot
    ).schema
    for name, words in (("regoin", "did you mean 'region'"), ("joined_at", "a date is not")):
        section = workspace.project.promotion.model_copy(update={"slices": (name,)})
        project = workspace.project.model_copy(update={"promotion": section})
        with pytest.raises((FlowError, FeatureError), match=words):
            plan_described(project, schema)
    assert plan_described(workspace.project, schema) is None
