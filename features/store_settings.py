"""Where the feature store lives, and the same in Feast's words (without importing Feast)."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from features.errors import StoreError

_REDIS_SCHEMES = ("redis", "rediss")
REDIS_SECONDS = 5
"""How long a Redis server has to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where the store lives.

    Attributes
    ----------
    directory
        Holds the registry, the SQLite online store and spill files.
    project
        Letters, digits, `-` and `_`, beginning with a letter or digit; Feast knows it with `_`
        for `-`, which it refuses where SQLite holds the online store.
    online
        `sqlite`, or a server's URL: `redis://` (`rediss://` with TLS).
    registry
        `sqlite`, or a SQLAlchemy URL such as `postgresql://`.
    online_rows
        How many entities at most are online, at least 0.
    """

    directory: Path
    project: str
    online: str = "sqlite"
    registry: str = "sqlite"
    online_rows: int = 10_000

    def __post_init__(self) -> None:
        scheme = urlsplit(self.online).scheme
        if self.online != "sqlite" and scheme not in _REDIS_SCHEMES:
            raise StoreError(
                "Expected the online store to be 'sqlite' or a URL that begins with redis:// or "
                f"rediss://, got {scheme or self.online!r}."
            )
        if scheme in _REDIS_SCHEMES and find_spec("redis") is None:
            raise StoreError(
                "Expected the Redis client for an online store on Redis, but it is not "
                "installed: pip install 'perennial[services]'."
            )
        if self.online_rows < 0:
            raise StoreError(f"Expected online_rows of at least 0, got {self.online_rows}.")

    @property
    def feast_project(self) -> str:
        """Name of the project in Feast."""
        return self.project.replace("-", "_")

    @property
    def online_path(self) -> Path:
        """File of the SQLite online store."""
        return self.directory / "online.db"

    @property
    def online_address(self) -> str:
        """Where the online store is, without user and password."""
        if self.online == "sqlite":
            return str(self.online_path)
        url = urlsplit(self.online)
        return f"{url.scheme}://{url.hostname}:{url.port or 6379}{url.path}"

    def lock(self, name: str) -> FileLock:
        """Give the lock that processes on this machine take turns by."""
        return FileLock(self.directory / f"{name}.lock")

    def prepare_directory(self) -> None:
        """Make the directory and its databases ready for readers beside one writer.

        NOTE: in SQLite's write-ahead mode, which a file keeps, a materialization of seconds
        does not lock readers out.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in (self.directory / "registry.db", self.online_path):
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")

    def to_feast(self) -> dict[str, Any]:
        """Give the keyword arguments of Feast's `RepoConfig`."""
        return {
            "project": self.feast_project,
            "provider": "local",
            "repo_path": self.directory,
            "registry": {
                "registry_type": "sql",
                "path": self._registry_url(),
                "cache_ttl_seconds": 60,
            },
            "offline_store": {
                "type": "features.asof_store.AsofOfflineStore",
                "materialize_rows": self.online_rows,
                "temporary_directory": str(self.directory / "spill"),
            },
            "online_store": self._online_store(),
            "materialization": {"pull_latest_features": True, "online_write_batch_size": 1000},
            "entity_key_serialization_version": 3,
        }

    def _registry_url(self) -> str:
        if self.registry == "sqlite":
            return f"sqlite:///{self.directory / 'registry.db'}"
        return self.registry.replace("postgresql://", "postgresql+psycopg://", 1)

    def _online_store(self) -> dict[str, Any]:
        if self.online == "sqlite":
            return {"type": "sqlite", "path": str(self.online_path)}
        # NOTE: without skip_dedup Feast leaves a value in place when its event time is not
        # older, so a corrected row would never reach Redis; only one writer materializes.
        return {
            "type": "redis",
            "connection_string": _redis_connection(self.online),
            "skip_dedup": True,
        }


def _redis_connection(url: str) -> str:
    """Translate a Redis URL into Feast's `host:port,name=value,…` (values are JSON)."""
    parts = urlsplit(url)
    given = {"username": parts.username, "password": parts.password}
    options: dict[str, Any] = {name: unquote(value) for name, value in given.items() if value}
    if any("," in value for value in options.values()):
        raise StoreError(
            "Expected a Redis user and password without commas: Feast separates its connection "
            "options by them."
        )
    options["db"] = int(parts.path.strip("/") or 0)
    options["ssl"] = parts.scheme == "rediss"
    options["socket_connect_timeout"] = options["socket_timeout"] = REDIS_SECONDS
    listed = [f"{name}={json.dumps(value)}" for name, value in options.items()]
    return ",".join([f"{parts.hostname}:{parts.port or 6379}", *listed])
