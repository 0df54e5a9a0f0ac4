"""Wording shared by error messages: names listed, the nearest one suggested, reasons bounded."""

import difflib
from collections.abc import Sequence


def hint(name: str, known: Sequence[str]) -> str:
    """End a message with the nearest known name, if one is near."""
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), list(folded), n=1)
    return f". Did you mean {folded[close[0]]!r}?" if close else ". Correct the name."


def listed(names: Sequence[object], limit: int = 8) -> str:
    """List what there is, quoted, and count what does not fit."""
    shown = ", ".join(repr(name) for name in names[:limit])
    hidden = len(names) - limit
    return f"{shown} … and {hidden} more" if hidden > 0 else shown


def shortened(reason: object, limit: int = 400) -> str:
    """Bound what another library says to one line without a full stop; `__cause__` has it whole."""
    line = " ".join(str(reason).split()).rstrip(".")
    return line if len(line) <= limit else f"{line[:limit]}…"
