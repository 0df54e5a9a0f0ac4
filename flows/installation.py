"""An installation: its effective settings, and whether each part of it answers."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from features.engine.memory import machine_memory
from features.errors import FeatureError
from features.online import ping_redis
from features.sizes import parse_bytes
from flows.errors import FlowError
from flows.project import SPEC_NAME, load_project
from flows.server import find_servers, is_healthy
from flows.settings import Settings, without_password
from flows.state import open_ledger

LEAST_FREE_BYTES = 1_000_000_000
"""Free disk below which the state directory counts as full."""

_SECONDS = 5.0
_BEGINNING = "PERENNIAL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an installation and how it does.

    Attributes
    ----------
    name, target
        What it is, and where, without passwords.
    works
        Whether it does its work now, or will when it is first needed.
    sentence
        What was found; where it does not work, what to do.
    """

    name: str
    target: str
    works: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """One setting: its variable, the value that counts, without passwords, and where it is from."""

    variable: str
    value: str
    origin: str


def effective_settings(settings: Settings, folder: Path) -> tuple[Effective, ...]:
    """List every setting with the value that counts for the project in `folder`."""
    state = settings.state_directory(folder)
    filled = {
        "state": str(state),
        "ledger_url": settings.ledger(state),
        "mlflow_tracking_uri": settings.tracking_uri(state),
        "mlflow_artifacts": str(settings.artifacts(state)),
        "prefect_api_url": settings.prefect_api_url or "embedded",
        "sources": settings.sources or "what a spec writes out",
        "memory_limit": settings.memory_limit or "60 % of the machine's",
    }
    values = {name: filled.get(name, str(value)) for name, value in settings.model_dump().items()}
    return tuple(
        Effective(
            variable=_BEGINNING + name.upper(),
            value=without_password(value),
            origin="environment" if name in settings.model_fields_set else "default",
        )
        for name, value in values.items()
    )


def examine(settings: Settings, folder: Path) -> Iterator[Part]:
    """Try every part of the installation that the project in `folder` would use.

    Nothing is written but what the part itself makes when it is first used (the tables of a ledger
    on a server); servers that do not answer are waited for some seconds each.
    """
    state = settings.state_directory(folder)
    servers = find_servers(state)
    prefect = settings.prefect_api_url or (servers.prefect_api_url if servers else None)
    yield from _strange_variables(settings, os.environ)
    yield _tried("spec", str(folder / SPEC_NAME), lambda: _spec(folder))
    yield _tried("state", str(state), lambda: _directory(state))
    ledger = settings.ledger(state)
    yield _tried("ledger", ledger, lambda: _ledger(ledger))
    tracking = settings.tracking_uri(state)
    yield _tried("MLflow", tracking, lambda: _tracking(tracking))
    if not tracking.startswith("http"):
        artifacts = settings.artifacts(state)
        yield _tried("artifacts", str(artifacts), lambda: _directory(artifacts))
    yield _tried("online store", settings.feast_online, lambda: _online(settings.feast_online))
    yield _tried("Prefect", prefect or "embedded", lambda: _prefect(prefect))
    yield _tried("executor", settings.executor, lambda: _executor(settings.executor))
    yield _tried("memory", settings.memory_limit or "60 %", lambda: _memory(settings.memory_limit))


def _tried(name: str, target: str, find: Callable[[], str]) -> Part:
    shown = without_password(target)
    try:
        return Part(name=name, target=shown, works=True, sentence=find())
    except (FeatureError, FlowError, OSError) as error:
        sentence = without_password(str(error))
        return Part(name=name, target=shown, works=False, sentence=sentence)


def _strange_variables(settings: Settings, environment: Mapping[str, str]) -> Iterator[Part]:
    known = [_BEGINNING + name.upper() for name in type(settings).model_fields]
    for name in sorted(environment):
        if name.startswith(_BEGINNING) and name not in known:
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else "see `perennial config`."
            sentence = f"Expected a setting that exists, got {name}, which nothing reads: {advice}"
            yield Part(name="settings", target=name, works=False, sentence=sentence)


def _spec(folder: Path) -> str:
    project = load_project(folder)
    return f"{project.project}: {len(project.tables)} tables; its data: perennial check"


def _directory(path: Path) -> str:
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise FlowError(
            f"Expected a directory that can be written to, got {there}. Change its owner, or name "
            "another by PERENNIAL_STATE."
        )
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE_BYTES:
        raise FlowError(
            f"Expected at least {LEAST_FREE_BYTES / 1e9:.0f} GB free, got {free / 1e9:.1f} GB. "
            "Make room, or name another directory by PERENNIAL_STATE."
        )
    return f"{'there' if path.exists() else 'will be made'}, {free / 1e9:,.0f} GB free"


def _ledger(url: str) -> str:
    if url.startswith("sqlite"):
        return _file_of(url)
    with tempfile.TemporaryDirectory(prefix="perennial-doctor-") as scratch:
        open_ledger(url, lock_directory=Path(scratch)).close()
    return "answers; it keeps the trials of searches too"


def _tracking(uri: str) -> str:
    if uri.startswith("sqlite"):
        return _file_of(uri)
    if uri.startswith("http"):
        if not is_healthy(f"{uri.rstrip('/')}/health", timeout=_SECONDS):
            raise FlowError(
                f"Expected an MLflow server at {uri}, got no healthy answer. Start it, or correct "
                "PERENNIAL_MLFLOW_TRACKING_URI."
            )
        return "answers"
    _connect(urlsplit(uri).hostname, urlsplit(uri).port or 5432, "PERENNIAL_MLFLOW_TRACKING_URI")
    return "a server listens there"


def _online(url: str) -> str:
    if url == "sqlite":
        return "a file in the state directory"
    ping_redis(url)
    return "answers"


def _prefect(api: str | None) -> str:
    if api is None:
        return "each flow run starts a server of its own; `perennial up` runs one that stays"
    if not is_healthy(f"{api.rstrip('/')}/health", timeout=_SECONDS):
        raise FlowError(
            f"Expected a Prefect server at {api}, got no healthy answer. Start it (`perennial up`, "
            "or `prefect server start`), or correct PERENNIAL_PREFECT_API_URL."
        )
    return "answers"


def _executor(executor: str) -> str:
    if executor == "local":
        return "this machine"
    address = urlsplit(executor)
    _connect(address.hostname, address.port or 8786, "PERENNIAL_EXECUTOR")
    return "a scheduler listens there"


def _memory(limit: str | None) -> str:
    total = machine_memory()
    if limit is None:
        return f"60 % of {total / 1e9:.1f} GB"
    if parse_bytes(limit) > total:
        raise FlowError(
            f"Expected PERENNIAL_MEMORY_LIMIT of at most {total / 1e9:.1f} GB, which the machine "
            f"(or its cgroup) has, got {limit}. Lower it."
        )
    return f"of {total / 1e9:.1f} GB"


def _connect(host: str | None, port: int, variable: str) -> None:
    try:
        socket.create_connection((host or "127.0.0.1", port), timeout=_SECONDS).close()
    except OSError as error:
        raise FlowError(
            f"Expected a server at {host}:{port}, got: {error}. Start it, or correct {variable}."
        ) from error


def _file_of(url: str) -> str:
    path = Path(url.removeprefix("sqlite:///"))
    return _directory(path.parent) if not path.exists() else f"{path.stat().st_size / 1e6:,.1f} MB"
