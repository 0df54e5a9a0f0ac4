"""The verdicts on versions: appended one after another, each if the champion is as expected."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from flows.errors import FlowError
from flows.state import tables
from flows.state.access import Access
from flows.state.chain import broken_link, chained, check_waiting, standing_of
from flows.state.records import Action, Promotion


class Promotions(Access):
    """The promotion ledger: who serves, by which chain of verdicts."""

    def promotions(self, project: str) -> list[Promotion]:
        """Give every verdict, oldest first."""
        table = tables.PROMOTIONS
        query = select(table).where(table.c.project == project).order_by(table.c.sequence)
        return self._rows(Promotion, query)

    def champion(self, project: str) -> str | None:
        """Give the version that serves, or `None`."""
        return standing_of(self.promotions(project)).champion

    def judge(
        self,
        project: str,
        *,
        action: Action,
        version: str,
        expected_champion: str | None,
        run_id: str,
        reason: str,
        at: datetime,
    ) -> Promotion:
        """Append a verdict if the champion is still the expected one (compare-and-set).

        A run that has its verdict already gets that one back, so a killed run may ask again,
        whatever it would say now.

        Raises
        ------
        FlowError
            When another verdict came between: the champion is not `expected_champion` any more; or
            when the chain of verdicts is broken.
        """
        history = self.promotions(project)
        for row in history:
            if row.run_id == run_id:
                return row
        _refuse_broken(history, version)
        champion = standing_of(history).champion
        if champion != expected_champion:
            raise FlowError(
                f"Version {version} was compared with champion {expected_champion}, but "
                f"{champion} serves now. Nothing was promoted; run the retrain again."
            )
        return self._append(
            history,
            project=project,
            action=action,
            version=version,
            champion=version if action == "promote" else champion,
            run_id=run_id,
            reason=reason,
            at=at,
        )

    def settle(
        self,
        project: str,
        *,
        version: str,
        approve: bool,
        run_id: str,
        reason: str,
        at: datetime,
    ) -> Promotion:
        """Append the word of a person on a version that waits for it.

        Parameters
        ----------
        approve
            It is to serve, in place of the champion that it was judged against.
        run_id
            Names this word, as a run's id names its verdict.

        Raises
        ------
        FlowError
            When it does not wait, when another champion serves by now, when another verdict came
            at the same moment, or when the chain of verdicts is broken.
        """
        history = self.promotions(project)
        _refuse_broken(history, version)
        check_waiting(history, version, approve=approve)
        return self._append(
            history,
            project=project,
            action="promote" if approve else "reject",
            version=version,
            champion=version if approve else standing_of(history).champion,
            run_id=run_id,
            reason=reason,
            at=at,
        )

    def roll_back(
        self, project: str, *, to: str | None, run_id: str, reason: str, at: datetime
    ) -> Promotion:
        """Append that an earlier champion serves again.

        Parameters
        ----------
        to
            A version that has served; by default the one before the present one.
        run_id
            Names this rollback, as a run's id names its verdict.

        Raises
        ------
        FlowError
            When there is no such version, or another verdict came at the same moment.
        """
        history = self.promotions(project)
        target = standing_of(history).target(to)
        return self._append(
            history,
            project=project,
            action="rollback",
            version=target,
            champion=target,
            run_id=run_id,
            reason=reason,
            at=at,
        )

    def _append(
        self, history: Sequence[Promotion], *, project: str, version: str, **content: Any
    ) -> Promotion:
        """Append a verdict to the history that was read; another's number is taken only once."""
        last = history[-1] if history else None
        row = chained(last, project=project, version=version, **content)
        try:
            self._insert(tables.PROMOTIONS, asdict(row))
        except IntegrityError as error:
            raise FlowError(
                f"Another verdict on project {project} was written at the same moment. "
                f"Nothing was decided about version {version}; ask again."
            ) from error
        return row

    def broken_link(self, project: str) -> int | None:
        """Give the sequence number of the first verdict whose hash is wrong, or `None`."""
        return broken_link(self.promotions(project))


def _refuse_broken(history: Sequence[Promotion], version: str) -> None:
    broken = broken_link(history)
    if broken is not None:
        raise FlowError(
            f"The promotion ledger of {history[0].project} was changed at verdict {broken}, or "
            f"before it. Version {version} was not judged; see perennial history, and restore the "
            "ledger."
        )
