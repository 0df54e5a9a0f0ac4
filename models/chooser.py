"""Chooser: the best ensemble of the trials that are done, what it is worth, and how it ends."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.ensemble import FEW_CANDIDATES, FEW_ROUNDS, Limits, Selection, select
from models.estimate import corrected_score
from models.finishing import Finish, finish
from models.influence import value_members
from models.leaderboard import TrialRecord
from models.outlook import Outlook
from models.setting import Setting
from models.turning import has_turned, newest_of

ESTIMATE_SHARE, MOST_SHARE = 0.02, 0.1
"""Of the budget, what the corrected estimate may take, or a second where that is no more than the
larger share; it is left out where it would take longer."""

GROWN = 1.5
"""Joining is rehearsed again for so many times the members of the last rehearsal."""

JOINING_CAUTION = 1.2

TIGHTER = 0.9
"""A limit that the loaded ensemble broke is lowered by what it took too long, and so much more."""


class Chooser:
    """Chooses among trials, within what the final fits and the predictions may take.

    Attributes
    ----------
    selection
        The ensemble so far.
    ending
        How its mean becomes an answer.
    turned
        Whether the past misleads (see `models.turning`): then the newest block alone judges.
    chosen
        Numbers of the trials that were chosen last, before their members were joined.
    joined
        Whether there was time to join them.
    corrected
        Its score where each block is answered by an ensemble that the others chose; NaN where
        there was no time to know.
    """

    def __init__(self, setting: Setting, outlook: Outlook) -> None:
        self._given = setting
        self._outlook = outlook
        self._rows = self._all_rows = setting.rows.out_of_fold
        self._metric = setting.rows.problem.scoring
        self._predictions: dict[int, np.ndarray] = {}
        self._max_latency = setting.max_latency_ms
        self._limits = Limits()
        self._seconds = 0.0
        self._n_joined = 1
        budget = setting.clock.budget.max_seconds
        self._most_seconds = max(ESTIMATE_SHARE * budget, min(1.0, MOST_SHARE * budget))
        self.selection = Selection(weights={}, score=float("nan"))
        self.ending = Finish()
        self.turned = False
        self.chosen: tuple[int, ...] = ()
        self.joined = False
        self.corrected = float("nan")

    def score(self, oof: str) -> tuple[float, ...]:
        """Score a trial's predictions, block by block."""
        return self._all_rows.scores(self._metric, np.load(self._given.directory / oof))

    def take(self, number: int, oof: str) -> None:
        """Take a trial's predictions into consideration."""
        self._predictions[number] = np.load(self._given.directory / oof)[-len(self._rows.y) :]

    def choose(self, records: Sequence[TrialRecord], max_cost: float = float("inf")) -> None:
        """Choose the ensemble of what is done; its final fits may take so many seconds."""
        start = time.monotonic()
        self._limits = self._within(records, max_cost)
        self._turn(records)
        self.selection = select(self._predictions, self._rows, self._metric, self._limits)
        self._seconds = time.monotonic() - start
        expected = self._seconds * len(self._rows.sizes)
        self._outlook.estimating = expected if expected <= self._most_seconds else 0.0

    def _turn(self, records: Sequence[TrialRecord]) -> None:
        """Let the newest block alone judge from now on, when the older ones mislead."""
        given = self._given.rows
        if given.moments is None or self.turned or len(self._rows.sizes) == 1:
            return
        newest = newest_of(self._rows)
        order = np.argsort(given.moments[given.folds[-1].valid], kind="stable")
        cut = {number: values[-len(order) :] for number, values in self._predictions.items()}
        if has_turned(records, cut, newest, order):
            self.turned, self._rows, self._predictions = True, newest, cut

    def rehearse(self) -> None:
        """Try how long it takes to join the members, unless about so many were joined before."""
        n_members, outlook = len(self.selection.weights), self._outlook
        is_known = n_members < GROWN * self._n_joined
        if is_known or self._given.clock.is_free or outlook.before_closing <= 0:
            return
        start = time.monotonic()
        finish(self._rows, self._metric, self._predictions, self.selection.weights)
        outlook.joining = JOINING_CAUTION * (time.monotonic() - start)
        self._n_joined = n_members

    def finish(self) -> None:
        """Decide how the ensemble ends, and what it is worth on rows that did not choose it.

        Where there is no time to join its members, their mean stays as it is.
        """
        start = time.monotonic()
        chosen = self.selection.weights
        self.chosen, self.joined = tuple(chosen), self._may_join
        if self.joined:
            self.ending = finish(self._rows, self._metric, self._predictions, chosen)
        else:
            self.ending = Finish(weights=chosen)
        score = self._rows.score(self._metric, self.ending.call(self._predictions))
        self.selection = Selection(weights=self.ending.weights, score=score)
        expected = (self._seconds + time.monotonic() - start) * len(self._rows.sizes)
        if self._given.clock.is_free or expected <= self._most_seconds:
            self.corrected = corrected_score(
                self._predictions, self._rows, self._metric, self._limits
            )

    @property
    def member_values(self) -> Mapping[int, float]:
        """By how much the members' mean scores worse without each (see `models.influence`)."""
        weights = self.selection.weights
        known = {number: self._predictions[number] for number in weights}
        return value_members(known, weights, self._rows, self._metric)

    @property
    def _may_join(self) -> bool:
        if self._given.course is not None:
            return self._given.course.joined
        return self._given.clock.is_free or self._outlook.before_joining >= self._outlook.joining

    def tighten(self, predict_ms: float) -> bool:
        """Lower the limit that the loaded ensemble broke; say whether another may be chosen."""
        limit = self._given.max_latency_ms
        if predict_ms <= limit or len(self._predictions) == 1:
            return False
        self._max_latency *= TIGHTER * limit / predict_ms
        return True

    def _within(self, records: Sequence[TrialRecord], max_cost: float) -> Limits:
        clock, done = self._given.clock, [r for r in records if r.score is not None]
        limits = Limits()
        if self._given.rows.problem.own is not None:
            limits = Limits(max_rounds=FEW_ROUNDS, max_candidates=FEW_CANDIDATES)
        if not clock.is_free and not self._given.rows.bagged:
            costs = {r.number: self._outlook.refit_seconds(r) for r in done}
            most = min(clock.max_refit_seconds, max_cost)
            limits = replace(limits, costs=costs, max_cost=most)
        if np.isfinite(self._max_latency):
            latencies = {r.number: r.predict_ms or 0.0 for r in done}
            limits = replace(limits, latencies=latencies, max_latency=self._max_latency)
        return limits
