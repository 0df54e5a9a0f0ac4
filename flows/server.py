"""The servers of `perennial up`: where they listen, and whether they are there."""

import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from features.durable import write_text

_NAME = "up.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What `perennial up` runs at this moment.

    Attributes
    ----------
    pid
        The process of `perennial up` itself.
    """

    pid: int
    prefect_url: str
    mlflow_url: str

    @property
    def prefect_api_url(self) -> str:
        """Where Prefect's clients connect."""
        return f"{self.prefect_url}/api"


def announce(state: Path, servers: Servers) -> None:
    """Write down that these servers run, for the other commands to find."""
    write_text(state / _NAME, json.dumps(asdict(servers), indent=2) + "\n")


def withdraw(state: Path) -> None:
    """Forget the servers."""
    (state / _NAME).unlink(missing_ok=True)


def find_servers(state: Path) -> Servers | None:
    """Give the servers of a `perennial up` that is alive, or `None`."""
    try:
        servers = Servers(**json.loads((state / _NAME).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return servers if lives(servers.pid) else None


def is_healthy(url: str, *, since: datetime | None = None, timeout: float = 2.0) -> bool:
    """Ask a server's health endpoint.

    Parameters
    ----------
    since
        An answer that says when it was `updated` counts only when that was after this moment.
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310
            text = answer.read()
    except (urllib.error.URLError, OSError, TimeoutError):
        return False
    updated = _updated(text)
    return since is None or updated is None or updated > since


def _updated(text: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(text)["updated"])
    except (ValueError, KeyError, TypeError):
        return None


def lives(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
