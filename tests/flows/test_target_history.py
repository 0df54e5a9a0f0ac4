"""Past labels in the loop: planned by default, scored from the snapshot's own labels."""

from pathlib import Path

import pandas as pd
import pytest

from features.history import uses_history
from flows.champion import load_version
from flows.errors import FlowError
from flows.monitor import monitor_project
from flows.project import parse_project
from flows.retrain import retrain_project
from flows.score import score_project
from flows.settings import Settings
from flows.workspace import Workspace, open_workspace
from tests.flows.conftest import NOW, Listener
from tests.flows.shop import SPEC

WEEK = pd.Timedelta(days=7)


def test_the_name_of_the_table_is_reserved() -> None:
    taken = SPEC.replace("  orders:\n", "  past_labels:\n").replace(
        "orders.cust", "past_labels.cust"
    )
    with pytest.raises(FlowError, match=r"tables\.past_labels: expected another name"):
        parse_project(taken)
    allowed = taken.replace("features: {", "features: {target_history: false, ")
    assert not parse_project(allowed).features.target_history


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestLoop:
    def test_a_champion_that_looks_at_past_labels_scores_and_is_watched(
        self, workspace: Workspace
    ) -> None:
        plan = load_version(workspace, "1").plan
        assert uses_history(plan)
        assert "past_labels" in str(workspace.ledger.runs("shop", "retrain")[0].outcome)
        scored = score_project(workspace, Listener(), at=NOW + WEEK)
        assert scored["n_rows"] == 120
        decided = monitor_project(workspace, Listener(), now=NOW + WEEK)
        assert decided["n_rows"] == 120

    def test_the_switch_is_for_the_next_plan_only(self, workspace: Workspace) -> None:
        """A champion keeps its features, whichever way the switch is turned."""
        off = switched_off(workspace)
        assert score_project(off, Listener(), at=NOW + WEEK)["n_rows"] == 120
        outcome = retrain_project(off, Listener(), now=NOW + WEEK)
        assert "past_labels" not in outcome["plan"]["by_table"]
        version = outcome["version"]["version"]
        assert not uses_history(load_version(off, version).plan)
        off.ledger.close()
        on = open_workspace(restored(off.folder), Settings(orchestrator="none"))
        assert score_project(on, Listener(), at=NOW + 2 * WEEK)["n_rows"] == 120
        on.ledger.close()


def switched_off(workspace: Workspace) -> Workspace:
    spec = SPEC.replace("features: {", "features: {target_history: false, ")
    (workspace.folder / "perennial.yaml").write_text(spec)
    return open_workspace(workspace.folder, Settings(orchestrator="none"))


def restored(folder: Path) -> Path:
    (folder / "perennial.yaml").write_text(SPEC)
    return folder
