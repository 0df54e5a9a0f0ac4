"""Notices for people: a POST to the webhook that the spec names, and a line in the log about it.

A notice is a courtesy: when the webhook does not answer in time, or refuses, that is said and
nothing else changes. The body is JSON, with `text` as chat services expect it.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from flows.narration import Narrator
from flows.workspace import Workspace

TIMEOUT_SECONDS = 3.0

Event = Literal["decision", "verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What people should know.

    Attributes
    ----------
    text
        One sentence.
    at
        The moment it is about, naive UTC.
    facts
        What a program would look at, as JSON.
    """

    event: Event
    text: str
    at: pd.Timestamp
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self, project: str) -> dict[str, Any]:
        """Give the body of the POST."""
        return {
            "project": project,
            "event": self.event,
            "text": self.text,
            "at": f"{self.at.isoformat()}Z",
            **self.facts,
        }


def notify(workspace: Workspace, narrator: Narrator, notice: Notice) -> bool:
    """Tell people.

    Returns
    -------
    bool
        Whether the webhook took it; False where there is none, too.
    """
    url = workspace.project.monitoring.webhook
    if url is None:
        return False
    # The path of such a URL is often a secret, so only the host is named.
    host = urllib.parse.urlsplit(url).hostname
    try:
        _post(url, notice.to_dict(workspace.name))
    except (urllib.error.URLError, OSError, ValueError) as error:
        cause = getattr(error, "reason", None) or error
        narrator.say(f"The webhook at {host} did not take the notice: {cause}.")
        return False
    narrator.say(f"Told the webhook at {host}: {notice.text}")
    return True


def _post(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 (the spec refuses other schemes)
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "perennial"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        answer.read(1)
