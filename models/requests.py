"""Requests to a worker process, as the JSON that goes over its line."""

from pathlib import Path
from typing import Any

from models.candidate import Candidate
from models.trial import RefitRequest, TrialRequest

Message = dict[str, Any]
Request = TrialRequest | RefitRequest


def write_request(request: Request) -> Message:
    """Give a request as JSON."""
    fields = {name: getattr(request, name) for name in request.__slots__}
    paths = {name: str(value) for name, value in fields.items() if isinstance(value, Path)}
    what = "refit" if isinstance(request, RefitRequest) else "evaluate"
    return fields | paths | {"candidate": request.candidate.to_dict(), "do": what}


def read_request(message: Message) -> Request:
    """Read what `write_request` gave."""
    fields = {name: value for name, value in message.items() if name != "do"}
    fields["candidate"] = Candidate(**fields["candidate"])
    fields["model"] = Path(fields["model"])
    if message["do"] == "refit":
        return RefitRequest(**fields)
    tuples = {name: tuple(fields[name]) for name in ("bars", "rounds")}
    return TrialRequest(**fields | tuples | {"oof": Path(fields["oof"])})
