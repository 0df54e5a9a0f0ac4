"""Settings: where state lives and which servers are used; the only reader of the environment."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import FeatureError
from features.sizes import parse_bytes
from flows.errors import FlowError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

STATE_NAME = ".perennial"


class Settings(BaseSettings):
    """`PERENNIAL_*` variables; every default runs on one machine without a server.

    Attributes
    ----------
    state
        State directory; by default `.perennial/` beside the spec.
    ledger_url, mlflow_tracking_uri
        SQLAlchemy URL of the ledger and tracking URI of MLflow; by default SQLite files in the
        state directory. A ledger in PostgreSQL keeps the trials of searches too.
    mlflow_artifacts
        Directory for MLflow's artifacts where the tracking URI is a database; by default inside
        the state directory.
    feast_online
        `sqlite`, or the URL of a Redis server.
    prefect_api_url
        Prefect server; by default the one `perennial up` runs, else an embedded one.
    prefect_port, mlflow_port
        Ports on 127.0.0.1 where `perennial up` and `perennial ui` listen.
    orchestrator
        `prefect` records every flow run; `none` runs the same steps as plain functions.
    sources
        Folders, separated as in PATH, that specs may read files from besides their own; then
        nothing else is read, whatever a spec says. Without it a spec reads what is written out
        in it.
    memory_limit
        Of a process that computes features, such as `4GB`; by default 60 % of what the machine, or
        its cgroup, has. `features.memory_limit` of the project counts before it.
    executor
        Where features are computed and trials run: `local`, or a Dask scheduler such as
        `dask://127.0.0.1:8786`, whose workers see the state directory under the same path.
    """

    model_config = SettingsConfigDict(env_prefix="PERENNIAL_", frozen=True, extra="ignore")

    state: Path | None = None
    ledger_url: str | None = None
    mlflow_tracking_uri: str | None = None
    mlflow_artifacts: Path | None = None
    feast_online: str = "sqlite"
    prefect_api_url: str | None = None
    prefect_port: int = Field(4200, ge=1, le=65535)
    mlflow_port: int = Field(5000, ge=1, le=65535)
    orchestrator: Literal["prefect", "none"] = "prefect"
    n_threads: int = Field(2, ge=1)
    sources: str | None = None
    memory_limit: str | None = None
    executor: str = Field("local", pattern=r"^(local|dask://.+:\d+)$")

    @field_validator("memory_limit")
    @classmethod
    def _readable(cls, size: str | None) -> str | None:
        return checked_size(size)

    def state_directory(self, folder: Path) -> Path:
        """Give the state directory of the project in `folder`."""
        return (self.state or folder / STATE_NAME).expanduser().resolve()

    def ledger(self, state: Path) -> str:
        """Give the ledger's SQLAlchemy URL."""
        return self.ledger_url or f"sqlite:///{state / 'ledger.db'}"

    @property
    def source_roots(self) -> tuple[Path, ...] | None:
        """Folders besides a spec's own to which its files are held; None for any."""
        if self.sources is None:
            return None
        return tuple(Path(name) for name in self.sources.split(os.pathsep) if name)

    @property
    def trial_ledger(self) -> str | None:
        """The database that keeps the trials of searches too; None for SQLite beside each."""
        url = self.ledger_url or ""
        return url if url.startswith("postgresql") else None

    def tracking_uri(self, state: Path) -> str:
        """Give MLflow's tracking URI."""
        return self.mlflow_tracking_uri or f"sqlite:///{state / 'mlflow' / 'mlflow.db'}"

    def artifacts(self, state: Path) -> Path:
        """Give the directory of MLflow's artifacts (unused with an MLflow server)."""
        return self.mlflow_artifacts or state / "mlflow" / "artifacts"


def read_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    FlowError
        When a variable does not hold what it should.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_problem(found) for found in error.errors())
        raise FlowError(f"{problems}. Correct the variable, or unset it.") from error


def _problem(found: "ErrorDetails") -> str:
    wanted = found["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    name = f"PERENNIAL_{str(found['loc'][0]).upper()}"
    return f"{name}: expected {wanted}, got {without_password(repr(found['input']))}"


def checked_size(size: str | None) -> str | None:
    """Return a size that `parse_bytes` reads, or None.

    Raises
    ------
    ValueError
        When it does not read it.
    """
    try:
        return size if size is None or parse_bytes(size) else None
    except FeatureError as error:
        raise ValueError(str(error)) from error


def without_password(url: str) -> str:
    """Hide the password in a URL, for messages.

    Examples
    --------
    >>> without_password("postgresql://ann:secret@db/ledger")
    'postgresql://ann:***@db/ledger'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)
