"""Events on Prefect's server, for people and automations to see; nothing here relies on them."""

from collections.abc import Mapping
from typing import Any

from prefect.events import emit_event


def emit(event: str, *, project: str, facts: Mapping[str, Any]) -> None:
    """Emit `perennial.EVENT` about a project.

    NOTE: only where a server runs: without one, Prefect would start its own for it, which takes
    some 16 seconds.

    Parameters
    ----------
    event
        `decision` or `verdict`.
    facts
        The payload, as JSON.
    """
    emit_event(
        event=f"perennial.{event}",
        resource={
            "prefect.resource.id": f"perennial.project.{project}",
            "prefect.resource.name": project,
        },
        payload=dict(facts),
    )
