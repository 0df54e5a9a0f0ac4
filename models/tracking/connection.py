"""The connection to MLflow: opened once, its database made under a lock, its failures named."""

import re
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from features.fingerprint import fingerprint
from models.errors import ModelError
from models.tracking.moved import follow_artifacts

REACH_SECONDS = 5.0
LOCK_SECONDS = 120.0
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}


class TrackingError(ModelError):
    """MLflow cannot be reached, or refuses what it was asked."""

    @classmethod
    def unreachable(cls, uri: str, cause: object) -> "TrackingError":
        """Nobody listens at the address."""
        return cls(
            f"Expected an MLflow tracking store at {without_password(uri)}, but it cannot be "
            f"reached: {cause}. Start it, or correct the tracking URI."
        )

    @classmethod
    def failed(cls, action: str, cause: BaseException) -> "TrackingError":
        """MLflow answered with an error, or stopped answering."""
        return cls(f"Expected MLflow to {action}, got {type(cause).__name__}: {_short(cause)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingSettings:
    """Where runs and versions are kept.

    Attributes
    ----------
    uri
        `sqlite:///…/mlflow.db`, `postgresql://…`, or a tracking server's `http(s)://…`.
    experiment
        One per project.
    artifacts
        Directory or object store for artifacts. None: with SQLite `artifacts/` beside the
        database, with a tracking server the server's own choice.
    """

    uri: str
    experiment: str
    artifacts: str | Path | None = None

    def __post_init__(self) -> None:
        """Refuse an address without a scheme, and a database without a place for artifacts."""
        if urlsplit(self.uri).scheme.split("+")[0] not in {"sqlite", *_PORTS}:
            raise TrackingError(
                "Expected a tracking URI that starts with sqlite:///, postgresql:// or http://, "
                f"got {without_password(self.uri)!r}."
            )
        if self.artifacts is None and not self.uri.startswith(("sqlite", "http")):
            raise TrackingError(
                f"Expected a place for artifacts beside {without_password(self.uri)}, got none. "
                "Set a directory or an object store that every machine can reach."
            )

    @property
    def artifact_location(self) -> str | None:
        """Where the experiment's artifacts go; None leaves it to the tracking server."""
        place = self.artifact_directory
        if place is not None:
            return place.as_uri()
        return f"{str(self.artifacts).rstrip('/')}/{self.experiment}" if self.artifacts else None

    @property
    def artifact_directory(self) -> Path | None:
        """The local directory of the experiment's artifacts; None where they are elsewhere."""
        root = self.artifacts
        if root is None and self.uri.startswith("sqlite"):
            root = _sqlite_file(self.uri).parent / "artifacts"
        if root is None or (isinstance(root, str) and "://" in root):
            return None
        return Path(root, self.experiment).resolve()


def connect(settings: TrackingSettings) -> tuple[MlflowClient, str]:
    """Open the store, making database and experiment when they do not exist.

    NOTE: several processes that create MLflow's tables at once leave the database half-migrated
    (3 of 4 crashed when measured), so the first contact is made under a file lock.

    Returns
    -------
    tuple
        The client and the experiment's id.

    Raises
    ------
    TrackingError
        When nobody listens at the address (within about 5 seconds) or the store refuses.
    """
    with locked(settings), asking("open the tracking store"):
        _reach(settings.uri)
        if settings.uri.startswith("sqlite") and settings.artifact_directory is not None:
            follow_artifacts(
                _sqlite_file(settings.uri), settings.experiment, settings.artifact_directory
            )
        client = MlflowClient(tracking_uri=settings.uri, registry_uri=settings.uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is not None:
            return client, str(experiment.experiment_id)
        made = client.create_experiment(settings.experiment, settings.artifact_location)
        return client, str(made)


@contextmanager
def locked(settings: TrackingSettings) -> Iterator[None]:
    """Hold the lock of this store on this machine."""
    path = _lock_file(settings.uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise TrackingError(
            f"Expected the lock {path} within {LOCK_SECONDS:.0f} s, but another process holds "
            "it. Wait for that process or end it."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def asking(action: str) -> Iterator[None]:
    """Turn what MLflow, its database or the network raise into one clear error."""
    try:
        yield
    except (
        MlflowException,
        SQLAlchemyError,
        sqlite3.Error,
        requests.RequestException,
        OSError,
    ) as error:
        raise TrackingError.failed(action, error) from error


def without_password(uri: str) -> str:
    """Hide the password of an address."""
    return re.sub(r"(://[^/:@]*):[^@/]*@", r"\1:***@", uri)


def _reach(uri: str) -> None:
    # NOTE: MLflow retries a database that is absent, or no database, for two minutes before it
    # says so, and a server for as long as its timeouts add up to.
    parts = urlsplit(uri)
    try:
        if parts.scheme.startswith("http"):
            port = parts.port or _PORTS[parts.scheme]
            socket.create_connection((str(parts.hostname), port), REACH_SECONDS).close()
            return
        patience = {} if parts.scheme == "sqlite" else {"connect_timeout": int(REACH_SECONDS)}
        engine = create_engine(uri, connect_args=patience)
        inspect(engine).has_table("experiments")
        engine.dispose()
    except (OSError, SQLAlchemyError) as error:
        raise TrackingError.unreachable(uri, _short(error)) from error


def _lock_file(uri: str) -> Path:
    if uri.startswith("sqlite"):
        file = _sqlite_file(uri)
        return file.with_name(f"{file.name}.lock")
    return Path(tempfile.gettempdir(), f"perennial-mlflow-{fingerprint(uri)}.lock")


def _sqlite_file(uri: str) -> Path:
    return Path(urlsplit(uri).path[1:] if uri.startswith("sqlite:///") else ".")


def _short(cause: BaseException, limit: int = 400) -> str:
    text = without_password(" ".join(str(cause).split()))
    return text if len(text) <= limit else f"{text[:limit]} …"
