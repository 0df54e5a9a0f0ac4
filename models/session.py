"""A running search: trials as workers become free, the best ensemble so far, final fits.

While workers fit the next candidates, this side chooses the ensemble of what is done and tells
the caller, so the cores are not idle in between.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.assembly import assemble, final_model, final_rounds, fold_models, rehearse
from models.briefing import Briefing
from models.candidate import Candidate
from models.chooser import Chooser
from models.course import Course
from models.ensemble import EnsembleModel
from models.errors import TrialError
from models.inline import Inline
from models.latency import BATCH_ROWS, milliseconds_per_row
from models.leaderboard import TrialRecord
from models.outlook import MIN_TRIAL_SECONDS, Outlook, is_first_of_kind
from models.pool import Ended, Pool
from models.progress import Phase, SearchEvent
from models.setting import Setting
from models.trial import Bench, RefitRequest, TrialRequest
from models.worker_process import one_line

if TYPE_CHECKING:
    from models.cluster import Cluster

LAG = 2
"""In trial-budget mode, trial n is proposed by what is known of the trials up to n - LAG (or the
number of workers, if that is more): so one worker and two find the same candidates."""


MAX_CHOICES = 3
"""Ensembles that may be loaded before one is as fast as it has to be."""


class Session:
    """Runs trials until budget or proposals end, then fits and loads the chosen members."""

    def __init__(self, setting: Setting, pool: "Pool | Inline | Cluster") -> None:
        self._given = setting
        self._pool = pool
        self._briefing = Briefing(setting.strategies)
        self._metric = setting.rows.problem.scoring
        self._unreported: list[TrialRecord] = []
        self._running: dict[int, tuple[TrialRecord, float]] = {}
        self._outlook = Outlook(setting, pool)
        self.chooser = Chooser(setting, self._outlook)
        self._rehearsed: tuple[int, ...] = ()
        self._seconds_per_member = 0.0
        self.records: list[TrialRecord] = []
        self.n_resumed = 0
        self._stand_ins: tuple[int, ...] = ()
        self.predict_ms = float("nan")

    def run(self) -> None:
        """Resume what the ledger has, then try candidates as long as the budget lasts."""
        interrupted = list(self._given.ledger.interrupted())
        for record in self._given.ledger.records():
            if record.state != "running":
                self._take(record)
        self.n_resumed = len(self.records)
        if not self.records:
            self._baseline()
        self.chooser.choose(self.records)
        for record in self.records:
            self._tell("resumed" if self.n_resumed else "trial", record)
        while True:
            while self._pool.has_idle and (found := self._next(interrupted)) is not None:
                self._start(found)
            self._report()
            if not self._pool.is_busy:
                break
            ended = self._pool.wait(self._given.stop)
            if ended is None:
                self._pool.abandon()
                break
            self._end(ended)

    def finish(self) -> EnsembleModel:
        """Fit the chosen members for good where folds are chained, and load the ensemble.

        When it predicts more slowly than is allowed, another one is chosen.
        """
        batch = self._given.rows.X.iloc[np.resize(np.arange(len(self._given.rows.y)), BATCH_ROWS)]
        for _ in range(MAX_CHOICES):
            self.chooser.choose(self.records, self._outlook.before_closing)
            self.chooser.finish()
            model = self._assemble()
            self.predict_ms = milliseconds_per_row(model, batch)
            if not self.chooser.tighten(self.predict_ms):
                break
        return model

    @property
    def course(self) -> Course:
        """What the clock had its say in."""
        chooser = self.chooser
        return Course(chosen=chooser.chosen, joined=chooser.joined, stand_ins=self._stand_ins)

    def _assemble(self) -> EnsembleModel:
        given, weights = self._given, self.chooser.selection.weights
        if not given.rows.bagged:
            stood_in = () if given.course is None else given.course.stand_ins
            wanted = [number for number in weights if number not in stood_in]
            self._refit([n for n in wanted if not final_model(given.directory, n).exists()])
            self._stand_ins = tuple(
                number for number in weights if not final_model(given.directory, number).exists()
            )
        return assemble(given.directory, weights, given.rows, self.chooser.ending)

    def _baseline(self) -> None:
        """Evaluate the constant model here: it needs no worker, and something exists at once."""
        record = TrialRecord(number=0, candidate=Candidate(family="constant"), origin="baseline")
        given = self._given
        rows = replace(given.rows, problem=given.rows.problem.trained_as)
        bench = Bench(rows, given.families)
        request = self._request(record, float("inf"))
        result = bench.evaluate(request)
        if not given.rows.bagged:
            bench.refit(self._refit_request(replace(record, n_rounds=result.n_rounds)))
        done = self._judged(
            record,
            fit_seconds=result.fit_seconds,
            n_rounds=result.n_rounds,
            predict_ms=result.predict_ms,
            model_mb=result.model_mb,
        )
        if done.error is not None:
            raise TrialError(done.error)
        given.ledger.write(done)
        self._take(done)

    def _next(self, interrupted: list[TrialRecord]) -> TrialRecord | None:
        """Give what to try next: trials a kill interrupted, then what a strategy proposes."""
        if self._given.stop.is_set() or self._left() <= MIN_TRIAL_SECONDS:
            return None
        if interrupted:
            return interrupted.pop(0)
        clock, number = self._given.clock, self._next_number()
        if clock.is_free:
            newest = number - max(LAG, self._pool.n_workers)
            if (
                number > (clock.budget.max_trials or 0)
                or min(self._running, default=number) <= newest
            ):
                return None
            self._briefing.brief(self._known(), up_to=newest)
        else:
            self._briefing.brief(self._known())
        proposals = (
            strategy.ask(number, self._is_affordable) for strategy in self._given.strategies
        )
        found = next((proposal for proposal in proposals if proposal is not None), None)
        if found is None:
            return None
        return TrialRecord(
            number=number, candidate=found.candidate, origin=found.origin, bars=found.bars
        )

    def _known(self) -> list[TrialRecord]:
        return [*self.records, *(record for record, _ in self._running.values())]

    def _start(self, record: TrialRecord) -> None:
        clock, left = self._given.clock, self._left()
        self._given.ledger.write(record)
        limit = clock.hard_limit(left, is_first=is_first_of_kind(record.candidate, self._known()))
        request = self._request(record, clock.soft_limit(left))
        self._running[record.number] = record, clock.elapsed
        self._pool.start(record.number, request, seconds=limit, within=left)

    def _end(self, end: Ended) -> None:
        record, begun = self._running.pop(end.number)
        answer = end.answer
        if answer is None:
            ended = record.failed(end.error, round(self._given.clock.elapsed - begun, 3))
        elif answer["stopped"]:
            ended = record.stopped(
                tuple(answer["stopped"]), len(self._given.rows.folds), round(answer["seconds"], 3)
            )
        else:
            ended = self._judged(
                record,
                seconds=round(answer["seconds"], 3),
                fit_seconds=tuple(answer["fit_seconds"]),
                n_rounds=tuple(answer["n_rounds"]),
                predict_ms=answer["predict_ms"],
                model_mb=answer["model_mb"],
            )
        self._given.ledger.write(ended)
        self._take(ended)
        self._unreported.append(ended)

    def _judged(self, record: TrialRecord, **measured: Any) -> TrialRecord:
        """Score a trial's predictions here: the metric may be the caller's own, and unknown there.

        A metric that fails, or is undefined on a fold, fails the trial.
        """
        oof = self._oof_name(record)
        try:
            scores = self.chooser.score(oof)
        except Exception as error:  # whatever code of others raises
            return record.failed(one_line(error), measured.get("seconds", 0.0))
        if not np.isfinite(scores).all():
            cause = f"Expected a finite {self._metric.name} on every fold, got {scores}."
            return record.failed(cause, measured.get("seconds", 0.0))
        score = float(np.mean(scores))
        return replace(record, state="done", score=score, fold_scores=scores, oof=oof, **measured)

    def _take(self, record: TrialRecord) -> None:
        self.records.append(record)
        if record.oof is not None:
            self.chooser.take(record.number, record.oof)

    def _report(self) -> None:
        if self._unreported:
            self.chooser.choose(self.records)
            for record in self._unreported:
                self._tell("trial", record)
            self._unreported.clear()
            self._rehearse()

    def _rehearse(self) -> None:
        """Try the last steps once for every choice of members, while a worker fits.

        Late in the search there is no time for it: loading bagged members may take seconds. What
        the last rehearsal took for each member says then how long the last steps will be.
        """
        self.chooser.rehearse()
        given, members = self._given, tuple(sorted(self.chooser.selection.weights))
        if members == self._rehearsed:
            return
        expected = self._seconds_per_member * len(members)
        if expected >= self._outlook.before_closing:
            self._outlook.closing = expected
            return
        self._outlook.closing = rehearse(
            given.directory, self.chooser.selection.weights, given.rows, n_asked=given.n_sealed
        )
        self._seconds_per_member = self._outlook.closing / len(members)
        self._rehearsed = members

    def _refit(self, numbers: Sequence[int]) -> None:
        """Fit members on all search rows; the last fold's model stands in where this fails."""
        waiting = list(numbers)
        while True:
            left = self._outlook.before_closing
            while waiting and self._pool.has_idle and left > 0:
                number = waiting.pop(0)
                request = self._refit_request(self._record(number))
                self._pool.start(number, request, seconds=left, within=left)
            if not self._pool.is_busy:
                return
            ended = self._pool.wait()
            if ended is not None and ended.answer is not None:
                self._tell("refit", self._record(ended.number))

    def _request(self, record: TrialRecord, seconds: float) -> TrialRequest:
        given = self._given
        return TrialRequest(
            candidate=record.candidate,
            seed=self._seed_of(record),
            n_threads=given.n_threads,
            seconds=seconds,
            oof=given.directory / self._oof_name(record),
            model=fold_models(given.directory, record.number),
            bars=record.bars,
            rounds=record.n_rounds,
        )

    def _refit_request(self, record: TrialRecord) -> RefitRequest:
        given = self._given
        return RefitRequest(
            candidate=record.candidate,
            seed=self._seed_of(record),
            n_threads=given.n_threads,
            n_rounds=final_rounds(record, given.rows),
            model=final_model(given.directory, record.number),
        )

    def _is_affordable(self, family: str) -> bool:
        return self._outlook.is_affordable(family, self._known(), self._left())

    def _left(self) -> float:
        return self._outlook.left(self.records, self.chooser.selection.weights)

    def _record(self, number: int) -> TrialRecord:
        return next(record for record in self.records if record.number == number)

    def _next_number(self) -> int:
        return max(record.number for record in self._known()) + 1

    def _seed_of(self, record: TrialRecord) -> int:
        return (self._given.seed * 1009 + record.number) % (2**31)

    def _oof_name(self, record: TrialRecord) -> str:
        return f"oof/{record.number:04d}.npy"

    def _tell(self, phase: Phase, record: TrialRecord | None) -> None:
        clock, scores = self._given.clock, [r.score for r in self.records if r.score is not None]
        best = max(scores, key=self._metric.gain, default=None)
        self._given.on_event(
            SearchEvent(
                phase=phase,
                trial=record,
                n_trials=len(self.records),
                n_failed=sum(r.state == "failed" for r in self.records),
                best_score=best,
                ensemble_score=self.chooser.selection.score
                if self.chooser.selection.weights
                else None,
                elapsed=clock.elapsed,
                remaining=clock.remaining,
            )
        )

    def tell_done(self) -> None:
        """Tell the caller that the model is loaded."""
        self._tell("done", None)
