"""The card's comparison with the champion of the time, from the verdict and the ledger alone."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from flows.presentation import champion_comparison
from flows.runs import Run
from flows.settings import Settings
from flows.state import RunRow
from flows.workspace import Workspace, open_workspace
from models.promotion import GateResult, Verdict
from tests.flows.conftest import Listener

T0 = datetime(2024, 5, 20)
NUMBERS = {
    "challenger": 0.8,
    "rival": 0.75,
    "difference": 0.05,
    "low": 0.02,
    "high": 0.08,
    "p": 0.004,
    "level": 0.97,
}


@pytest.fixture
def judged(shop: Path) -> Iterator[Workspace]:
    """Give a project of which versions 1 and 2 were promoted, one after the other."""
    workspace = open_workspace(shop, Settings(orchestrator="none"))
    for version, before in (("1", None), ("2", "1")):
        workspace.ledger.judge(
            "shop",
            action="promote",
            version=version,
            expected_champion=before,
            run_id=f"run of {version}",
            reason="better",
            at=T0,
        )
    yield workspace
    workspace.ledger.close()


def run_of(workspace: Workspace, version: str) -> Run:
    row = RunRow(
        run_id=f"run of {version}",
        project="shop",
        flow="retrain",
        now=T0,
        spec="",
        reason="",
        trigger="",
        status="running",
        started_at=T0,
    )
    return Run(workspace=workspace, row=row, narrator=Listener(), resumed=False)


def test_a_version_is_shown_beside_the_champion_it_was_judged_against(judged: Workspace) -> None:
    gate = GateResult(name="quality", status="pass", sentence="better", numbers=NUMBERS)
    verdict = Verdict(promoted=True, gates=(gate,))
    (found,) = champion_comparison(run_of(judged, "2"), verdict)
    assert found.name == "version 1, the champion then"
    assert found.score.value == 0.75
    assert found.difference == (0.05, 0.02, 0.08, 0.004, 0.97)


def test_the_first_version_has_no_champion_beside_it(judged: Workspace) -> None:
    gate = GateResult(name="quality", status="pass", sentence="better", numbers=NUMBERS)
    verdict = Verdict(promoted=True, gates=(gate,))
    assert champion_comparison(run_of(judged, "1"), verdict) == ()
    silent = Verdict(promoted=True, gates=())
    assert champion_comparison(run_of(judged, "2"), silent) == ()
