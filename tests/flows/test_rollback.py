"""Rollback, history and aliases: the ledger decides, the registry follows."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from flows.aliases import repair_aliases
from flows.errors import FlowError
from flows.rollback import project_rollback, roll_back
from flows.settings import Settings
from flows.state.tables import PROMOTIONS
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, open_workspace
from models.tracking import Tracker
from tests.flows.commands import commanded

T0 = datetime(2024, 5, 20)


@pytest.fixture
def judged(shop: Path) -> Iterator[Workspace]:
    """Give a project of which versions 1 and 2 were promoted and 3 was not."""
    workspace = open_workspace(shop, Settings(orchestrator="none"))
    verdicts = (("1", "promote", None), ("2", "promote", "1"), ("3", "reject", "2"))
    for version, action, before in verdicts:
        workspace.ledger.judge(
            "shop",
            action=action,  # type: ignore[arg-type]
            version=version,
            expected_champion=before,
            run_id=f"run of {version}",
            reason=f"version {version} was looked at",
            at=T0,
        )
    yield workspace
    workspace.ledger.close()


@pytest.fixture
def tracker(judged: Workspace) -> Tracker:
    """Give its registry, with three versions and no alias."""
    tracker = open_project_tracker(judged)
    tracker.client.create_registered_model("shop")
    for _ in range(3):
        tracker.client.create_model_version("shop", source="nowhere")
    return tracker


def aliases(tracker: Tracker) -> dict[str, str]:
    found = tracker.client.get_registered_model("shop").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_aliases_are_made_what_the_ledger_says(judged: Workspace, tracker: Tracker) -> None:
    assert repair_aliases(judged) == (
        "champion: version none → 2",
        "previous: version none → 1",
    )
    assert aliases(tracker) == {"champion": "2", "previous": "1"}
    assert repair_aliases(judged) == ()
    tracker.set_alias(tracker.get_version("shop", 3), "champion")  # by hand, past the gates
    tracker.set_alias(tracker.get_version("shop", 2), "challenger")
    assert len(repair_aliases(judged)) == 2
    assert aliases(tracker) == {"champion": "2", "previous": "1"}


def test_a_challenger_under_judgement_keeps_its_alias(judged: Workspace, tracker: Tracker) -> None:
    tracker.set_alias(tracker.get_version("shop", 3), "challenger")
    repair_aliases(judged)
    assert aliases(tracker)["challenger"] == "3"


def test_a_rollback_serves_before_the_registry_knows(judged: Workspace, tracker: Tracker) -> None:
    repair_aliases(judged)
    done = roll_back(judged, to=None, why="complaints since Monday")
    assert (done.before, done.row.champion) == ("2", "1")
    assert judged.ledger.champion("shop") == "1"
    assert aliases(tracker) == {"champion": "2", "previous": "1"}
    repair_aliases(judged)
    assert aliases(tracker) == {"champion": "1", "previous": "2"}


def test_the_ledger_part_takes_less_than_a_second(judged: Workspace) -> None:
    start = time.perf_counter()
    judged.ledger.roll_back("shop", to=None, run_id="r", reason="slow?", at=T0)
    assert time.perf_counter() - start < 1.0


def test_a_registry_that_is_down_does_not_hold_a_rollback_up(judged: Workspace) -> None:
    answer = commanded(
        *("rollback", "--to", "1", "--why", "the last good one"),
        cwd=judged.folder,
        PERENNIAL_MLFLOW_TRACKING_URI="http://127.0.0.1:9",
    )
    assert answer.returncode == 0, answer.stderr
    assert "Version 1 serves instead of version 2" in answer.stdout
    assert "127.0.0.1:9" in answer.stdout
    assert "perennial history --repair" in answer.stdout
    assert judged.ledger.champion("shop") == "1"


def test_a_reason_is_asked_for(judged: Workspace) -> None:
    with pytest.raises(FlowError, match="--why"):
        roll_back(judged, to=None, why="  ")
    assert judged.ledger.champion("shop") == "2"


def test_the_command_line_rolls_back_and_shows_it(judged: Workspace, tracker: Tracker) -> None:
    answer = commanded("rollback", "--why", "complaints", cwd=judged.folder)
    assert answer.returncode == 0, answer.stderr
    assert "Version 1 serves instead of version 2 (verdict 4)." in answer.stdout
    shown = commanded("history", cwd=judged.folder)
    assert shown.returncode == 0, shown.stderr
    assert [word in shown.stdout for word in ("promote 2", "reject 3", "rollback 1")] == [True] * 3
    assert "complaints" in shown.stdout
    assert aliases(tracker) == {"champion": "1", "previous": "2"}
    assert "Version 1 serves; perennial rollback gives 2. All 4 hashes follow" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    again = commanded("rollback", "--to", "7", "--why", "?", cwd=judged.folder)
    assert again.returncode == 1
    assert "got 7" in " ".join(again.stderr.split())


def test_a_changed_record_is_told(judged: Workspace) -> None:
    with judged.ledger._engine.begin() as connection:
        row = PROMOTIONS.c.sequence == 2
        connection.execute(update(PROMOTIONS).where(row).values(reason="much better"))
    shown = commanded("history", cwd=judged.folder)
    assert shown.returncode == 1
    assert "verdict 2 was changed" in " ".join(shown.stdout.split())


def test_history_of_nothing(shop: Path) -> None:
    shown = commanded("history", cwd=shop)
    assert shown.returncode == 0
    assert "judged yet" in shown.stdout


def test_pages_of_versions_say_what_a_rollback_did(judged: Workspace, tracker: Tracker) -> None:
    for number in (1, 2):
        registered = tracker.get_version("shop", number)
        tracker.describe_version(registered, description=f"Promoted: {number} is better")
    done = roll_back(judged, to=None, why="wrong in May")
    assert project_rollback(judged) == ("champion: version none → 1", "previous: version none → 2")
    pages = [tracker.get_version("shop", number).description for number in (1, 2, 3)]
    day = f"{done.row.at:%Y-%m-%d %H:%M}"
    assert pages == [
        f"**Serves again instead of version 2 since {day}: wrong in May**\n\nPromoted: 1 is better",
        f"**Rolled back to version 1 on {day}: wrong in May**\n\nPromoted: 2 is better",
        "",
    ]
    assert project_rollback(judged) == ()
    assert [tracker.get_version("shop", number).description for number in (1, 2, 3)] == pages
    roll_back(judged, to="2", why="it was right")
    project_rollback(judged)
    for number in (1, 2):
        first, second, third = tracker.get_version("shop", number).description.split("\n\n")
        assert "it was right" in first
        assert "wrong in May" in second
        assert third == f"Promoted: {number} is better"
