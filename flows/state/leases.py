"""Leases: at most one run of a flow and project at a time, on whatever machine it goes on.

A lease is a row that its holder renews; one that is not renewed runs out. Each taking raises the
row's fence, a number that the holder shows with what it writes: who was thought dead and wakes up
later holds an old fence, and is refused.

References
----------
Gray & Cheriton (1989), Leases, SOSP 12. Kleppmann (2016), How to do distributed locking.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from flows.errors import FlowError
from flows.state import tables
from flows.state.access import Access
from flows.state.records import FlowName

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may run a flow of a project, and until when.

    Attributes
    ----------
    holder
        Names a process; empty when it was given back.
    fence
        Raised by every taking.
    expires_at
        Naive UTC; without renewal anybody may take the lease from then on.
    """

    project: str
    flow: FlowName
    holder: str
    fence: int
    expires_at: datetime

    def is_held(self, at: datetime) -> bool:
        """Whether somebody held it at this moment."""
        return bool(self.holder) and at < self.expires_at


class Leases(Access):
    """The leases of all projects."""

    def lease(self, project: str, flow: FlowName) -> Lease | None:
        """Give the lease as it is, or `None` when it was never taken."""
        with self._engine.connect() as connection:
            return _read(connection, project, flow)

    def take_lease(
        self,
        project: str,
        flow: FlowName,
        *,
        holder: str,
        at: datetime,
        until: datetime,
        is_dead: Callable[[str], bool],
    ) -> Lease | None:
        """Take the lease, if nobody alive has it.

        Parameters
        ----------
        is_dead
            Says of a holder that its process is surely no more; then its lease is not waited for.

        Returns
        -------
        Lease or None
            None when another holds it, or took it at the same moment.
        """
        table = tables.LEASES
        before = self.lease(project, flow)
        if before is not None and before.is_held(at) and not is_dead(before.holder):
            return None
        lease = Lease(
            project=project,
            flow=flow,
            holder=holder,
            fence=1 if before is None else before.fence + 1,
            expires_at=until,
        )
        try:
            with self._engine.begin() as connection:
                if before is None:
                    connection.execute(insert(table).values(asdict(lease)))
                    return lease
                statement = update(table).where(_is(project, flow), table.c.fence == before.fence)
                is_taken = connection.execute(statement.values(asdict(lease))).rowcount == 1
        except IntegrityError:
            return None
        return lease if is_taken else None

    def renew_lease(self, lease: Lease, *, until: datetime) -> bool:
        """Hold the lease longer; False when another has taken it meanwhile."""
        return self._change(lease, {"expires_at": until})

    def give_lease_back(self, lease: Lease) -> bool:
        """Let the next one take the lease at once; False when another has it already."""
        return self._change(lease, {"holder": ""})

    def _change(self, lease: Lease, values: dict[str, object]) -> bool:
        table = tables.LEASES
        statement = update(table).where(
            _is(lease.project, lease.flow),
            table.c.fence == lease.fence,
            table.c.holder == lease.holder,
        )
        with self._engine.begin() as connection:
            return bool(connection.execute(statement.values(values)).rowcount)


def check_fence(connection: Connection, lease: Lease) -> None:
    """Refuse to write for who no longer holds the lease, within the transaction of the write.

    Raises
    ------
    FlowError
        When another run has taken over.
    """
    now = _read(connection, lease.project, lease.flow, lock=True)
    if now is None or now.fence != lease.fence:
        raise FlowError(
            f"This {lease.flow} run of project {lease.project} was not heard of for so long that "
            "another one took over; nothing more is written by this one. See: perennial status"
        )


def _read(
    connection: Connection, project: str, flow: FlowName, *, lock: bool = False
) -> Lease | None:
    query = select(tables.LEASES).where(_is(project, flow))
    # NOTE: SQLite knows no row locks; its writers stand in line as it is.
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else Lease(**row)


def _is(project: str, flow: FlowName) -> "ColumnElement[bool]":
    return (tables.LEASES.c.project == project) & (tables.LEASES.c.flow == flow)
