"""`perennial up`, as a person meets it: two UIs in a browser, and a drift that starts a search."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page, sync_playwright

from flows.retrain import retrain_project
from flows.score import score_project
from flows.server import find_servers
from flows.settings import Settings
from flows.workspace import open_workspace
from tests.flows.conftest import NOW, Listener
from tests.flows.shop import write_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),
]

LATER = NOW + pd.Timedelta(days=35)
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Up:
    folder: Path
    prefect: str
    mlflow: str
    process: "subprocess.Popen[bytes]"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = write_shop(tmp_path_factory.mktemp("up") / "project", turned_at=str(NOW.date()))
    workspace = open_workspace(folder, Settings(orchestrator="none"))
    retrain_project(workspace, Listener(), now=NOW)
    score_project(workspace, Listener(), at=LATER)
    workspace.ledger.close()
    ports = _free_ports(2)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PERENNIAL_")}
    environment |= {"PERENNIAL_PREFECT_PORT": str(ports[0]), "PERENNIAL_MLFLOW_PORT": str(ports[1])}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "up", "-p", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    state = folder / ".perennial"
    _wait_for(lambda: find_servers(state) or process.poll() is not None, 180)
    assert process.poll() is None, process.communicate()[0].decode()
    yield Up(folder, f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", process)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, output
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "a server outlived perennial up"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


def test_mlflow_shows_the_champion_and_its_card(up: Up, page: Page) -> None:
    page.goto(f"{up.mlflow}/#/models/shop/versions/1")
    page.get_by_text("Promoted: challenger").first.wait_for(timeout=30_000)
    assert "champion" in page.inner_text("body")
    page.get_by_text("retrain 2024-05-20").first.click()
    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text("card.html").first.click()
    card = page.frame_locator("iframe").first
    card.get_by_text("Will this customer order within the next two weeks?").first.wait_for(
        timeout=30_000
    )


def test_prefect_shows_the_deployments(up: Up, page: Page) -> None:
    page.goto(f"{up.prefect}/deployments")
    page.get_by_text("4 Deployments").wait_for(timeout=30_000)
    for flow in ("retrain", "score", "monitor", "dispatch"):
        page.get_by_text(flow, exact=True).first.wait_for(timeout=30_000)


def test_nothing_listens_beyond_this_machine(up: Up) -> None:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ports = {int(url.rsplit(":", 1)[1]) for url in (up.prefect, up.mlflow)}
    listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    found = {address for address in listening if int(address.split(":")[1], 16) in ports}
    assert len(found) == 2
    assert all(address.startswith("0100007F:") for address in found)


def test_a_retrain_decision_starts_a_retrain_run_within_a_minute(up: Up) -> None:
    deployment = _call(up, "deployments/name/monitor/shop")
    asked = {
        "parameters": {"folder": str(up.folder), "now": LATER.isoformat()},
        "idempotency_key": "asked once",
    }
    run = _call(up, f"deployments/{deployment['id']}/create_flow_run", asked)
    ended = _wait_for(lambda: _ended(up, run["id"]), 180)
    assert ended == "COMPLETED"
    decided = time.monotonic()
    workspace = open_workspace(up.folder, Settings(orchestrator="none"))
    (decision,) = [d for d in workspace.ledger.decisions("shop") if d.kind == "Retrain"]
    retrain = _wait_for(lambda: _retrain_run(up), 60)
    assert time.monotonic() - decided < 60
    assert retrain["parameters"]["trigger"].endswith(decision.decision_id)
    (order,) = workspace.ledger.outbox("shop", pending=False)
    assert order.receipt == f"flow run {retrain['id']}"
    _wait_for(lambda: _ended(up, retrain["id"]), 240)
    assert workspace.ledger.runs("shop", "retrain")[0].trigger == order.idempotency_key
    assert len(workspace.ledger.promotions("shop")) == 2
    workspace.ledger.close()


def _retrain_run(up: Up) -> Any:
    found = _call(up, "flow_runs/filter", {"flows": {"name": {"any_": ["retrain"]}}})
    started = [r for r in found if r["state"]["type"] in ("RUNNING", "COMPLETED", "FAILED")]
    return next((run for run in started if run["parameters"].get("trigger")), None)


def _ended(up: Up, run_id: str) -> str | None:
    state = _call(up, f"flow_runs/{run_id}")["state"]["type"]
    return state if state in ("COMPLETED", "FAILED", "CRASHED") else None


def _call(up: Up, path: str, content: object = None) -> Any:
    """Ask Prefect as its own client does: 503 is the answer while its SQLite file is busy."""
    return _wait_for(lambda: _answer(up, path, content), 60)[0]


def _answer(up: Up, path: str, content: object) -> tuple[Any] | None:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(
        f"{up.prefect}/api/{path}", data, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return (json.loads(answer.read()),)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return None


def _wait_for(find: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, f"waited {seconds} seconds in vain"
        time.sleep(0.5)
    return found


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
