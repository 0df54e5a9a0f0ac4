"""A small project with a champion, made once and copied for each test that changes it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flows.narration import SearchProgress
from flows.retrain import retrain_project
from flows.settings import Settings
from flows.workspace import Workspace, open_workspace
from tests.flows.shop import write_shop

NOW = pd.Timestamp("2024-05-20")
HERE = Path(__file__).parent
TIMED = ("test_loop.py", "test_up.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts servers, or is killed at instants."""
    for item in items:
        if item.path.parent == HERE and item.path.name in TIMED:
            item.add_marker(pytest.mark.alone)


class Listener:
    """Keeps what a flow says."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, bool]] = []
        self.said: list[str] = []
        self.trials: list[SearchProgress] = []

    def begin(self, stage: str) -> None:
        """Note nothing."""

    def end(self, stage: str, sentence: str, *, seconds: float, reused: bool) -> None:
        """Keep a stage's result."""
        self.ended.append((stage, sentence, reused))

    def advance(self, stage: str, done: int, total: int) -> None:
        """Note nothing."""

    def search(self, progress: SearchProgress) -> None:
        """Keep a trial."""
        self.trials.append(progress)

    def say(self, sentence: str) -> None:
        """Keep a sentence."""
        self.said.append(sentence)

    @property
    def reused(self) -> list[str]:
        """Stages that were found finished."""
        return [stage for stage, _, reused in self.ended if reused]

    @property
    def done(self) -> list[str]:
        """Stages that were done now."""
        return [stage for stage, _, reused in self.ended if not reused]


@pytest.fixture(scope="session", autouse=True)
def _plain_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the vendors' files of all tests in one place, and their settings out of the way."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("PERENNIAL_", "PREFECT_"))]:
        del os.environ[name]
    os.environ["PERENNIAL_ORCHESTRATOR"] = "none"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def listener() -> Listener:
    """Give somebody to tell."""
    return Listener()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that has a champion; not to be changed."""
    folder = write_shop(tmp_path_factory.mktemp("shop") / "project")
    workspace = open_workspace(folder, Settings(orchestrator="none"))
    retrain_project(workspace, Listener(), now=NOW)
    workspace.ledger.close()
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a fresh project without a champion."""
    return write_shop(tmp_path / "project")


def copy_project(trained: Path, folder: Path) -> Path:
    """Copy a project, and have MLflow look in the copy for the artifacts of the copy's runs.

    NOTE: a process of MLflow's remembers by a run's id alone where its artifacts are, and copies
    have the same runs.
    """
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()
    return Path(shutil.copytree(trained, folder))


@pytest.fixture
def workspace(trained: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Give a copy of the trained project, opened."""
    folder = copy_project(trained, tmp_path / "project")
    opened = open_workspace(folder, Settings(orchestrator="none"))
    yield opened
    opened.ledger.close()
