"""Sequential evidence of concept drift: the champion's losses, row by row, as labels arrive.

A test per window asks anew every week and spends its chance of error anew. This one may be asked
after every row: it bounds the mean number of rows between two false alarms instead.

Notation
--------
x_i     loss of labelled row i, standardised by the reference and clipped to `CLIP`
lambda  tilt: the alternative multiplies the density of x by exp(lambda x); K of them in `TILTS`
psi     log of the reference mean of exp(lambda x), plus lambda times the error of that mean
w_i     what a row counts for, in (0, 1]: 1 / design effect of its time block
e_i     exp(w_i (lambda x_i - psi)), of mean <= 1 while losses are as in the reference
R_i     (R_i-1 + 1) e_i, the Shiryaev-Roberts e-detector; averaged over the K tilts

R_i - i is a supermartingale while nothing changed, so the mean number of rows until R reaches A
is at least A, whenever one looks. Rows of one time block share conditions: their likelihood is
tempered by w, which keeps the bound for normal block means and costs power, not validity.

References
----------
Shin, Ramdas & Rinaldo (2023), E-detectors, definition 2.6 and theorem 2.4 (run length).
Roberts (1966), Technometrics 8, 411-430. Waudby-Smith & Ramdas (2024), JRSS-B 86, 1-27 (betting).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from monitoring.dependence import BlockEffect, block_effect, effective_sizes, sum_blocks
from monitoring.errors import SequenceError
from monitoring.evidence import SequentialEvidence
from monitoring.windows import block_length, floor_times

TILTS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Tilts of losses in standard deviations: what a small, lasting and a large, sudden rise call for.
0.15 is an error rate of 10 % becoming 15 %."""

CLIP = (-5.0, 5.0)
"""Standardised losses beyond this count as this: one outlier is no concept drift."""

MIN_REFERENCE = 50
DEFAULT_RUN_LENGTH = 10_000.0


class LossMonitor:
    """A sequential test of whether the champion's loss has risen since it was promoted.

    Feed it every labelled row once, oldest first, in calls of any size; ask it whenever you like.
    It keeps some 40 bytes a row (for the onset) and takes about a second per million rows.

    Parameters
    ----------
    losses
        Loss of each reference row (larger is worse: log-loss, squared error, 0/1 error), rows the
        model was not fitted on, shape (n_rows,), at least `MIN_REFERENCE`, finite.
    times
        Naive UTC of each reference row, or None: rows then count as independent.
    run_length
        Least mean number of rows between two false alarms, > 1. A row counts for no more than
        one however many share its day.
    tolerance
        Rise of the mean loss that does not matter, in standard deviations of the reference's
        losses, >= 0.

    Raises
    ------
    SequenceError
        Too few or not finite losses, lengths that differ, a run length <= 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> monitor = LossMonitor((rng.random(4000) < 0.1).astype(float), run_length=10_000)
    >>> monitor.update((rng.random(2000) < 0.1).astype(float)).alarming
    False
    >>> found = monitor.update((rng.random(1000) < 0.2).astype(float))
    >>> found.alarming, 2000 < found.alarm_row < 2400
    (True, True)
    """

    def __init__(
        self,
        losses: np.ndarray,
        times: np.ndarray | None = None,
        *,
        run_length: float = DEFAULT_RUN_LENGTH,
        tolerance: float = 0.0,
    ) -> None:
        losses = _checked(losses, times)
        if len(losses) < MIN_REFERENCE or not run_length > 1 or not tolerance >= 0:
            raise SequenceError.unusable(len(losses), MIN_REFERENCE, run_length, tolerance)
        self.run_length = float(run_length)
        self.mean_ = float(losses.mean())
        self.deviation_ = float(losses.std()) or max(abs(self.mean_), 1.0)
        self.length_ = None if times is None else block_length(times)
        self.effect_ = BlockEffect(ratio=0.0, phi=0.0)
        scaled = self._scaled(losses)
        error = float(scaled.std() / np.sqrt(len(scaled)))
        if times is not None and self.length_ is not None:
            table = sum_blocks(scaled, floor_times(times, self.length_))
            self.effect_ = block_effect(table)
            error = float(scaled.std() / np.sqrt(effective_sizes(table, table).reference))
        tilts = np.asarray(TILTS)
        self.psi_ = logsumexp(np.outer(tilts, scaled), axis=1) - np.log(len(scaled))
        self.psi_ += tilts * (error + tolerance)
        self.restart()

    def restart(self) -> None:
        """Forget what was seen after the reference, as after a promotion or an alarm acted on."""
        n_tilts = len(TILTS)
        self._log_r = np.full(n_tilts, -np.inf)
        self._total = np.zeros(n_tilts)
        self._totals: list[np.ndarray] = []
        self._losses: list[np.ndarray] = []
        self._times: list[np.ndarray | None] = []
        self._alarm: tuple[int, str | None] | None = None
        self._n_rows = 0

    def update(self, losses: np.ndarray, times: np.ndarray | None = None) -> SequentialEvidence:
        """Take labelled rows, oldest first, and return the evidence so far.

        Parameters
        ----------
        losses
            Shape (n_rows,), finite; may be empty.
        times
            Naive UTC, shape (n_rows,), needed where the reference had times. Rows of one time
            block are best given in one call: a block split over two calls is tempered less.
        """
        losses = _checked(losses, times)
        if len(losses) == 0:
            return self.evidence
        steps = self._steps(losses, times)
        totals = self._total + steps.cumsum(axis=0)
        before = np.vstack([self._total[None, :], totals[:-1]])
        # R_n = exp(S_n) (R_0 exp(-S_0) + sum of exp(-S_j-1)), all in logarithms
        start = (self._log_r - self._total)[None, :]
        log_r = totals + np.logaddexp.accumulate(np.vstack([start, -before]), axis=0)[1:]
        self._remember_alarm(log_r, times)
        self._log_r, self._total = log_r[-1], totals[-1]
        self._totals.append(before)
        self._losses.append(losses)
        self._times.append(times)
        self._n_rows += len(losses)
        return self.evidence

    @property
    def evidence(self) -> SequentialEvidence:
        """Where the e-detector stands now."""
        onset = self._onset()
        recent = np.concatenate(self._losses)[onset:] if self._n_rows else np.empty(0)
        return SequentialEvidence(
            n_rows=self._n_rows,
            log_evidence=_log_mean(self._log_r) if self._n_rows else 0.0,
            log_threshold=float(np.log(self.run_length)),
            reference_mean=self.mean_,
            recent_mean=float(recent.mean()) if len(recent) else self.mean_,
            run_length=self.run_length,
            alarm_row=self._alarm[0] if self._alarm else None,
            alarm_time=self._alarm[1] if self._alarm else None,
            onset_row=onset if self._n_rows else None,
            onset_time=_text(self._times, onset) if self._n_rows else None,
        )

    def _scaled(self, losses: np.ndarray) -> np.ndarray:
        return np.clip((losses - self.mean_) / self.deviation_, *CLIP)

    def _steps(self, losses: np.ndarray, times: np.ndarray | None) -> np.ndarray:
        """Return log e of every row for every tilt, shape (n_rows, n_tilts)."""
        steps = np.outer(self._scaled(losses), TILTS) - self.psi_
        if self.length_ is None or self.effect_.ratio == 0:
            return np.asarray(steps)
        if times is None:
            raise SequenceError.timeless()
        block, _ = pd.factorize(floor_times(times, self.length_))
        sizes = np.bincount(block)[block]
        return np.asarray(steps * self.effect_.weight_of(sizes)[:, None])

    def _remember_alarm(self, log_r: np.ndarray, times: np.ndarray | None) -> None:
        if self._alarm is not None:
            return
        over = np.flatnonzero(
            logsumexp(log_r, axis=1) - np.log(log_r.shape[1]) >= np.log(self.run_length)
        )
        if len(over):
            row = int(over[0])
            self._alarm = (self._n_rows + row + 1, _text([times], row))

    def _onset(self) -> int:
        """Return the number of rows before the likeliest start of a change."""
        if not self._n_rows:
            return 0
        gains = self._total - np.concatenate(self._totals)
        return int(gains.max(axis=1).argmax())


def _checked(losses: np.ndarray, times: np.ndarray | None) -> np.ndarray:
    losses = np.asarray(losses, dtype=float)
    if losses.ndim != 1 or not np.isfinite(losses).all():
        raise SequenceError.not_losses(losses.shape, int((~np.isfinite(losses)).sum()))
    if times is not None and len(times) != len(losses):
        raise SequenceError.unequal(len(losses), len(times))
    return losses


def _log_mean(values: np.ndarray) -> float:
    return float(logsumexp(values) - np.log(len(values)))


def _text(times: Sequence[np.ndarray | None], row: int) -> str | None:
    """Return the time of a row counted over all calls, where times are known."""
    for part in times:
        if part is None:
            return None
        if row < len(part):
            return str(pd.Timestamp(part[row]).isoformat())
        row -= len(part)
    return None
