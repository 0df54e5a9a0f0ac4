"""`perennial up`: Prefect's server, MLflow's UI and the served deployments, on 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.environment import prepare_environment
from flows.errors import FlowError
from flows.narration import Narrator
from flows.server import Servers, announce, find_servers, is_healthy, withdraw
from flows.workspace import Workspace

HOST = "127.0.0.1"
_READY_SECONDS = 120.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process to run: its command, where it logs, and how one knows that it is ready.

    Attributes
    ----------
    health
        URL that answers 200 once the service is ready (and, for what may be left of an earlier
        start, says that it was updated since).
    """

    name: str
    command: tuple[str, ...]
    port: int | None
    health: str


@dataclass(slots=True)
class _Running:
    service: Service
    process: "subprocess.Popen[bytes]"
    log: Path
    started: datetime


def services_of(workspace: Workspace) -> tuple[Service, ...]:
    """List what `perennial up` starts, in order."""
    return (prefect_service(workspace), mlflow_service(workspace), deployments_service(workspace))


def prefect_service(workspace: Workspace) -> Service:
    """Describe Prefect's server and UI."""
    port = workspace.settings.prefect_port
    command = ("prefect", "server", "start", "--host", HOST, "--port", str(port))
    return Service(
        name="Prefect",
        command=(sys.executable, "-m", *command),
        port=port,
        health=f"http://{HOST}:{port}/api/health",
    )


def mlflow_service(workspace: Workspace) -> Service:
    """Describe MLflow's UI on the project's tracking database."""
    settings, port = workspace.settings, workspace.settings.mlflow_port
    uri = settings.tracking_uri(workspace.state)
    artifacts = settings.artifacts(workspace.state)
    command = ("mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1")
    store = ("--backend-store-uri", uri, "--default-artifact-root", str(artifacts))
    return Service(
        name="MLflow",
        command=(sys.executable, "-m", *command, *store),
        port=port,
        health=f"http://{HOST}:{port}/health",
    )


def deployments_service(workspace: Workspace) -> Service:
    """Describe the process that serves the deployments and runs their flows."""
    command = (sys.executable, "-m", "flows.serve", str(workspace.folder))
    port = workspace.settings.prefect_port
    # The last of the four; `not ready` is what it was when an earlier `up` ended.
    health = f"http://{HOST}:{port}/api/deployments/name/dispatch/{workspace.name}"
    return Service(name="Deployments", command=command, port=None, health=health)


def run_up(workspace: Workspace, narrator: Narrator) -> None:
    """Run everything until Ctrl-C or SIGTERM, then stop it cleanly.

    Raises
    ------
    FlowError
        When a port is taken, a service does not become ready, or one ends on its own.
    """
    with serving(workspace, services_of(workspace), narrator) as running:
        servers = _servers(workspace)
        announce(workspace.state, servers)
        try:
            narrator.say("")
            narrator.say(f"Prefect  {servers.prefect_url}  trigger and schedule the flows")
            narrator.say(f"MLflow   {servers.mlflow_url}  runs, versions, cards, drift reports")
            narrator.say(f"logs     {workspace.path('logs')}")
            narrator.say("Ctrl-C stops all of it.")
            _wait(running)
        finally:
            withdraw(workspace.state)


def run_ui(workspace: Workspace, narrator: Narrator) -> None:
    """Run MLflow's UI alone until Ctrl-C or SIGTERM."""
    with serving(workspace, (mlflow_service(workspace),), narrator) as running:
        narrator.say(f"MLflow   http://{HOST}:{workspace.settings.mlflow_port}   Ctrl-C stops it.")
        _wait(running)


@contextmanager
def serving(
    workspace: Workspace, services: Sequence[Service], narrator: Narrator
) -> Iterator[list[_Running]]:
    """Start services one after the other, each once its forerunner is ready; stop them at the end.

    SIGTERM is treated like Ctrl-C, so that a service manager can stop it too.
    """
    for service in services:
        _refuse_taken_port(workspace, service)
    running: list[_Running] = []
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for service in services:
            narrator.begin(service.name)
            started = time.monotonic()
            running.append(_start(workspace, service))
            _await_ready(running[-1])
            address = f"on {HOST}:{service.port}" if service.port else "served"
            seconds = time.monotonic() - started
            narrator.end(service.name, f"ready {address}", seconds=seconds, reused=False)
        yield running
    except KeyboardInterrupt:
        narrator.say("stopping …")
    finally:
        for item in reversed(running):
            _stop(item)
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _servers(workspace: Workspace) -> Servers:
    settings = workspace.settings
    return Servers(
        pid=os.getpid(),
        prefect_url=f"http://{HOST}:{settings.prefect_port}",
        mlflow_url=f"http://{HOST}:{settings.mlflow_port}",
    )


def _refuse_taken_port(workspace: Workspace, service: Service) -> None:
    if find_servers(workspace.state) is not None:
        raise FlowError("perennial up is running for this project already. Stop it first (Ctrl-C).")
    if service.port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, service.port))
        except OSError as error:
            variable = f"PERENNIAL_{service.name.upper()}_PORT"
            raise FlowError(
                f"{service.name} needs port {service.port} on {HOST}, which is taken. Stop "
                f"whatever listens there, or choose another: {variable}={service.port + 1}"
            ) from error


def _start(workspace: Workspace, service: Service) -> _Running:
    log = workspace.path("logs", f"{service.name.lower()}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        # A session of its own: Ctrl-C reaches us alone, and the whole group can be stopped.
        process = subprocess.Popen(  # noqa: S603
            service.command,
            cwd=workspace.folder,
            env=_environment(workspace),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _Running(service, process, log, datetime.now(UTC))


def _environment(workspace: Workspace) -> Mapping[str, str]:
    environment = dict(os.environ)
    prepare_environment(workspace.settings, workspace.state, environment)
    port = workspace.settings.prefect_port
    environment["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
    environment["PREFECT_SERVER_API_HOST"] = HOST
    environment["PREFECT_SERVER_API_PORT"] = str(port)
    environment["PREFECT_SERVER_UI_API_URL"] = f"http://{HOST}:{port}/api"
    environment["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] = f"http://{HOST}:{port}"
    environment["PERENNIAL_STATE"] = str(workspace.state)
    return environment


def _await_ready(item: _Running) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not is_healthy(item.service.health, since=item.started):
        _refuse_ended(item)
        if time.monotonic() > deadline:
            raise FlowError(
                f"{item.service.name} did not answer at {item.service.health} within "
                f"{_READY_SECONDS:.0f} s. Its log is {item.log}"
            )
        time.sleep(0.25)


def _refuse_ended(item: _Running) -> None:
    code = item.process.poll()
    if code is not None:
        tail = item.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        raise FlowError(
            f"{item.service.name} ended on its own (exit code {code}). Its log, {item.log}, ends "
            "with:\n  " + "\n  ".join(tail)
        )


def _wait(running: Sequence[_Running]) -> None:
    while True:
        time.sleep(1.0)
        for item in running:
            _refuse_ended(item)


def _stop(item: _Running) -> None:
    """End the service's whole process group: politely, then not."""
    for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
        try:
            os.killpg(item.process.pid, number)
        except ProcessLookupError:
            break
        try:
            item.process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        if not _group_alive(item.process.pid, patience=2.0):
            break


def _group_alive(group: int, *, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True
