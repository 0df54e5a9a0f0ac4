"""The chain of verdicts: each row names the one before by its hash, so none can be changed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.errors import FlowError
from flows.state.records import Promotion

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who serves by a history of verdicts, and who could.

    Attributes
    ----------
    champion
        The version that serves; None when none does yet.
    previous
        The version that served before it; None when there was none.
    served
        Every version that has served, the first one first.
    waiting
        Versions that passed their gates against this champion and wait for a person, oldest first.
    """

    champion: str | None
    previous: str | None
    served: tuple[str, ...]
    waiting: tuple[str, ...] = ()

    def target(self, asked: str | None) -> str:
        """Give the version to go back to: the one asked for, or the previous one.

        Raises
        ------
        FlowError
            When there is none, when it serves already, or when it never passed its gates.
        """
        if self.champion is None:
            raise FlowError("Nothing serves yet, so there is nothing to go back from.")
        target = asked or self.previous
        if target is None:
            raise FlowError(
                f"Version {self.champion} is the first one that serves: there is none to go back "
                "to. Train another with: perennial run"
            )
        if target == self.champion:
            raise FlowError(f"Version {target} serves already; nothing was changed.")
        if target not in self.served:
            known = ", ".join(version for version in self.served if version != self.champion)
            raise FlowError(
                f"Expected a version that has served before ({known or 'there is none'}), got "
                f"{target}. Only what has passed its gates may serve."
            )
        return target


def standing_of(history: Sequence[Promotion]) -> Standing:
    """Read who serves and who did from the verdicts, oldest first."""
    reigns: list[str] = []
    for row in history:
        if row.champion is not None and (not reigns or reigns[-1] != row.champion):
            reigns.append(row.champion)
    champion = reigns[-1] if reigns else None
    last = {row.version: row for row in history if row.action != "rollback"}
    return Standing(
        champion=champion,
        previous=reigns[-2] if len(reigns) > 1 else None,
        served=tuple(dict.fromkeys(reigns)),
        waiting=tuple(
            version
            for version, row in last.items()
            if row.action == "await" and row.champion == champion
        ),
    )


def challengers_of(history: Sequence[Promotion], champion: str | None) -> tuple[str, ...]:
    """Name the versions that were judged against a champion, in whichever of its reigns."""
    found, before = [], None
    for row in history:
        if row.action != "rollback" and before == champion:
            found.append(row.version)
        before = row.champion
    return tuple(dict.fromkeys(found))


def check_waiting(history: Sequence[Promotion], version: str, *, approve: bool) -> None:
    """Refuse to end a wait that is none, or to promote over a champion nobody compared it with.

    Raises
    ------
    FlowError
        When the version does not wait, or was judged against another champion.
    """
    standing = standing_of(history)
    last = next((row for row in reversed(history) if row.version == version), None)
    if last is None or last.action != "await":
        waiting = ", ".join(standing.waiting) or "none does"
        done = "" if last is None else f"; the last verdict on it is {last.sequence}, {last.action}"
        raise FlowError(
            f"Expected a version that waits for approval ({waiting}), got {version}{done}. "
            "See: perennial history"
        )
    if approve and last.champion != standing.champion:
        raise FlowError(
            f"Version {version} was judged against champion {last.champion or 'none'}, but "
            f"{standing.champion} serves now. Nothing was promoted; judge a new one with: "
            f"perennial run (and end this wait with: perennial promote {version} --reject)"
        )


def chained(previous: Promotion | None, **content: Any) -> Promotion:
    """Make the verdict that follows another."""
    link = previous.hash if previous else _GENESIS
    sequence = previous.sequence + 1 if previous else 1
    unsigned = Promotion(**content, sequence=sequence, previous_hash=link, hash="")
    return Promotion(**content, sequence=sequence, previous_hash=link, hash=_digest(unsigned, link))


def broken_link(history: Sequence[Promotion]) -> int | None:
    """Give the number of the first verdict that was changed, or follows one that is gone."""
    previous = None
    for number, row in enumerate(history, start=1):
        link = previous.hash if previous else _GENESIS
        if row.sequence != number or row.hash != _digest(row, link):
            return row.sequence
        previous = row
    return None


def _digest(row: Promotion, previous_hash: str) -> str:
    content = asdict(row)
    content.pop("hash")
    content["previous_hash"] = previous_hash
    content["at"] = row.at.isoformat()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
