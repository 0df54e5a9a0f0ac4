"""Findings: what is strange about data, one line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import DatasetError

FindingKind = Literal[
    "constant",
    "duplicate",
    "identifier",
    "leak",
    "pair leak",
    "repeated rows",
    "shift",
    "contradicting labels",
    "doubtful labels",
]

MAX_SHOWN = 10


class DataWarning(UserWarning):
    """Data can be searched on, but something about them is strange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is strange.

    Attributes
    ----------
    column
        The column it is about; None when it is about rows.
    message
        What was seen and what to do.
    other
        The second column of a pair.
    """

    kind: FindingKind
    column: str | None
    message: str
    other: str | None = None


def refuse(findings: Sequence[Finding]) -> None:
    """Raise when there is any finding.

    Raises
    ------
    DatasetError
        With one line for each of the first `MAX_SHOWN`.
    """
    if not findings:
        return
    lines = [f"- {finding.message}" for finding in findings[:MAX_SHOWN]]
    more = len(findings) - len(lines)
    lines += [f"… and {more} more."] if more else []
    head = f"Expected data without findings (strict=True), got {len(findings)}:"
    raise DatasetError("\n".join([head, *lines]))
