"""Who is promoted when many ask at once and are killed before the registry hears of it.

    python -m benchmarks.promotion.contest [--rounds 500] [--processes 8] [--ledger URL] [--quick]

In every round each process has a version of its own that was compared with the same champion, and
all ask for the verdict at once. A winner may be killed (SIGKILL) between its verdict and MLflow's
aliases; the next winner, or whoever looks, repairs them. Printed are rounds with other than one
promotion, verdicts that were lost, whether the chain of hashes is whole, and whether the aliases
say what the ledger says in the end.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from flows.aliases import repair_aliases
from flows.errors import FlowError
from flows.settings import Settings
from flows.state import standing_of
from flows.tracking import open_project_tracker
from flows.workspace import Workspace, open_workspace

KILLED_SHARE = 0.3
SPEC = """
project: contest
tables: {things: {source: things.csv, key: thing}}
target: {question: "Which?", entity: things, labels: SELECT 1, task: binary, metric: roc_auc}
"""


def contend(folder: Path, ledger: str | None, asked: Connection) -> None:
    """Answer rounds: ask for the verdict, and be killed or bring the aliases in line."""
    workspace = _open(folder, ledger)
    tracker = open_project_tracker(workspace)
    asked.send("ready")
    while (round_ := asked.recv()) is not None:
        version, champion, dies = round_
        try:
            workspace.ledger.judge(
                workspace.name,
                action="promote",
                version=version,
                expected_champion=champion,
                run_id=f"run of {version}",
                reason="a contest",
                at=datetime(2026, 1, 1),
            )
        except FlowError:
            asked.send("lost")
            continue
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        repair_aliases(workspace, tracker)
        asked.send("won")


class Contestant:
    """A process that asks, and the one that follows it when it was killed."""

    def __init__(self, folder: Path, ledger: str | None) -> None:
        self._start = folder, ledger
        self._begin()

    def _begin(self) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=contend, args=(*self._start, theirs))
        self._process.start()
        theirs.close()
        self._line.recv()

    def ask(self, version: str, champion: str | None, *, dies: bool) -> None:
        """Begin a round."""
        self._line.send((version, champion, dies))

    def answer(self) -> str:
        """Give how the round ended: `won`, `lost` or `killed`."""
        try:
            return str(self._line.recv())
        except EOFError:
            self._process.join()
            self._begin()
            return "killed"

    def end(self) -> None:
        """Let the process go."""
        self._line.send(None)
        self._process.join()


def main() -> None:
    """Run the rounds and print what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--ledger", help="SQLAlchemy URL; by default SQLite in a scratch folder")
    parser.add_argument("--quick", action="store_true", help="twenty rounds")
    given = parser.parse_args()
    n_rounds = 20 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as scratch, _project(Path(scratch), given.ledger) as project:
        sys.exit(_contest(project, given.ledger, n_rounds, given.processes))


def _contest(workspace: Workspace, ledger: str | None, n_rounds: int, n_processes: int) -> int:
    lot, begun = random.Random(0), time.monotonic()
    tracker = open_project_tracker(workspace)
    tracker.client.create_registered_model(workspace.name)
    contestants = [Contestant(workspace.folder, ledger) for _ in range(n_processes)]
    n_wrong = n_killed = n_behind = 0
    for number in range(n_rounds):
        champion = workspace.ledger.champion(workspace.name)
        versions = [
            str(tracker.client.create_model_version(workspace.name, source="nowhere").version)
            for _ in contestants
        ]
        dies = lot.random() < KILLED_SHARE
        for contestant, version in zip(contestants, versions, strict=True):
            contestant.ask(version, champion, dies=dies)
        answers = [contestant.answer() for contestant in contestants]
        n_killed += answers.count("killed")
        served = workspace.ledger.champion(workspace.name)
        n_wrong += not (
            answers.count("lost") == n_processes - 1
            and served in versions
            and len(workspace.ledger.promotions(workspace.name)) == number + 1
        )
        alias = tracker.get_version_by_alias(workspace.name, "champion")
        n_behind += alias is None or str(alias.version) != served
    for contestant in contestants:
        contestant.end()
    repaired = repair_aliases(workspace, tracker)
    history = workspace.ledger.promotions(workspace.name)
    standing, aliases = standing_of(history), tracker.client.get_registered_model(workspace.name)
    found = {name: str(version) for name, version in aliases.aliases.items()}
    equal = found == {"champion": standing.champion, "previous": standing.previous}
    broken = workspace.ledger.broken_link(workspace.name)
    print(
        f"{n_rounds} rounds of {n_processes} processes in {time.monotonic() - begun:,.0f} s: "
        f"{n_wrong} rounds with other than one promotion, {n_rounds - len(history)} verdicts lost, "
        f"{n_killed} winners killed before the aliases ({n_behind} times these were behind then), "
        f"chain {'whole' if broken is None else f'BROKEN at {broken}'}, aliases "
        f"{'equal the ledger' if equal else f'DIFFER: {found}'} after "
        f"{len(repaired)} last repairs"
    )
    return int(n_wrong > 0 or len(history) != n_rounds or broken is not None or not equal)


@contextmanager
def _project(scratch: Path, ledger: str | None) -> Iterator[Workspace]:
    (scratch / "perennial.yaml").write_text(SPEC, encoding="utf-8")
    workspace = _open(scratch, ledger)
    try:
        yield workspace
    finally:
        workspace.ledger.close()


def _open(folder: Path, ledger: str | None) -> Workspace:
    return open_workspace(folder, Settings(orchestrator="none", ledger_url=ledger))


if __name__ == "__main__":
    main()
