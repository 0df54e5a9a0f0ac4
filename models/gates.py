"""Gates: questions a challenger must not answer with no, each with numbers and a sentence.

A gate is a small object with a name and a `check`; `GATES` lists them in the order they are
asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from models import figures
from models.errors import ModelError
from models.evaluation import PairedDifference, constant_prediction, paired_difference
from models.figures import figure
from models.metrics import METRICS
from models.replay import ReplayError, replay
from models.task import Problem

Status = Literal["pass", "fail", "n/a"]
Number = float | int | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy:
    """What promotion asks for.

    Attributes
    ----------
    margin
        When drift has condemned the champion, the challenger may be worse by this share of what
        the champion gains over a constant prediction, 0 … 1.
    tolerance
        Greatest difference allowed between stored and replayed predictions of the example.
    max_seconds
        Time for the fresh process to load and predict.
    """

    margin: float = 0.1
    tolerance: float = 1e-12
    max_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Refuse a margin that is no share."""
        if not 0 <= self.margin <= 1:
            raise ModelError(f"Expected promotion.margin between 0 and 1, got {self.margin}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SealedRows:
    """The rows both models are judged on: neither was fitted or chosen on them."""

    problem: Problem
    y: np.ndarray
    cutoff_time: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contender:
    """A model as promotion sees it.

    Attributes
    ----------
    predictions
        On the sealed rows, as the metrics take them.
    columns
        Kind (`numeric`, `categorical`) of each column it uses.
    classes
        What its predictions are about, in order; empty for regression.
    artifact
        Directory of the MLflow model; needed of the challenger only.
    example, example_predictions
        A few rows and what the model predicts for them in this process.
    """

    name: str
    predictions: np.ndarray
    columns: Mapping[str, str]
    classes: tuple[object, ...] = ()
    artifact: Path | None = None
    example: pd.DataFrame | None = None
    example_predictions: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate's answer: one plain sentence and the numbers behind it."""

    name: str
    status: Status
    sentence: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """All a gate may look at."""

    challenger: Contender
    champion: Contender | None
    rows: SealedRows
    policy: PromotionPolicy
    condemned: bool
    seed: int


class Gate(Protocol):
    """One question that must not be answered with no."""

    name: str

    def check(self, case: Case) -> GateResult:
        """Answer the question."""


class Servable:
    """A fresh process loads it, its inputs are compatible, and predictions repeat."""

    name = "servable"

    def check(self, case: Case) -> GateResult:
        """Compare signatures, then replay the example in a process without Perennial."""
        conflict = _conflict(case.challenger, case.champion)
        if conflict is not None:
            return _answer(self, "fail", conflict)
        challenger = case.challenger
        if (
            challenger.artifact is None
            or challenger.example is None
            or challenger.example_predictions is None
        ):
            return _answer(self, "fail", "no stored model and example were given to replay")
        try:
            replayed = replay(
                challenger.artifact, challenger.example, max_seconds=case.policy.max_seconds
            )
        except ReplayError as error:
            return _answer(self, "fail", str(error))
        return self._compare(case, replayed, challenger.example_predictions)

    def _compare(self, case: Case, replayed: np.ndarray, expected: np.ndarray) -> GateResult:
        largest = float("inf")
        if replayed.shape == expected.shape and np.isfinite(replayed).all():
            largest = float(np.max(np.abs(replayed - expected), initial=0.0))
        numbers = {"n_example_rows": len(expected), "largest_difference": largest}
        if largest > case.policy.tolerance:
            return _answer(
                self,
                "fail",
                f"a fresh process predicts otherwise: largest difference {largest:.3g} on "
                f"{len(expected)} example rows",
                numbers,
            )
        use = "first version, nothing to be compatible with"
        if case.champion is not None:
            shared = len(case.challenger.columns.keys() & case.champion.columns.keys())
            use = f"{shared} of its {len(case.challenger.columns)} columns are the champion's"
        return _answer(
            self,
            "pass",
            f"a fresh process loads it and repeats {len(expected)} example predictions; {use}",
            numbers,
        )


class Quality:
    """It is better than the champion (the first: than a constant) on the sealed rows."""

    name = "quality"

    def check(self, case: Case) -> GateResult:
        """Compare on the same rows by a paired block bootstrap."""
        rows, metric = case.rows, case.rows.problem.metric
        constant = constant_prediction(np.asarray(rows.y, dtype=float), rows.problem)
        rival = constant if case.champion is None else case.champion.predictions
        difference = paired_difference(
            rows.y, case.challenger.predictions, rival, metric, rows.cutoff_time, case.seed
        )
        allowance = self._allowance(case, constant)
        better = is_better(difference.low, allowance)
        score = METRICS[metric].score
        scores = score(rows.y, case.challenger.predictions), score(rows.y, rival)
        numbers: dict[str, Number] = {
            "challenger": scores[0],
            "rival": scores[1],
            **difference._asdict(),
            "allowance": allowance,
            "n_rows": len(rows.y),
        }
        sentence = _compared(case, scores, difference, allowance, better)
        return _answer(self, "pass" if better else "fail", sentence, numbers)

    def _allowance(self, case: Case, constant: np.ndarray) -> float:
        # NOTE: a share of the champion's own gain suits every metric and unit, and does not
        # depend on the challenger, so a better challenger never meets a stricter gate.
        if case.champion is None or not case.condemned:
            return 0.0
        metric, y = METRICS[case.rows.problem.metric], case.rows.y
        gain = metric.gain(metric.score(y, case.champion.predictions))
        gain -= metric.gain(metric.score(y, constant))
        return case.policy.margin * max(0.0, gain) if np.isfinite(gain) else 0.0


GATES: Mapping[str, Gate] = {gate.name: gate for gate in (Servable(), Quality())}


def is_better(low: float, allowance: float) -> bool:
    """Say whether an interval's lower bound clears zero, or minus the allowance.

    Examples
    --------
    >>> is_better(0.0, 0.0), is_better(-0.01, 0.02), is_better(float("nan"), 0.1)
    (False, True, False)
    """
    return low > -allowance


def _conflict(challenger: Contender, champion: Contender | None) -> str | None:
    if champion is None:
        return None
    if challenger.classes != champion.classes:
        return (
            f"its predictions are about {challenger.classes!r}, the champion's about "
            f"{champion.classes!r}"
        )
    shared = challenger.columns.keys() & champion.columns.keys()
    changed = sorted(n for n in shared if challenger.columns[n] != champion.columns[n])
    if not changed:
        return None
    first = changed[0]
    return (
        f"column {first!r} is {challenger.columns[first]} for it but {champion.columns[first]} "
        f"for the champion ({len(changed)} such columns): callers would break"
    )


def _compared(
    case: Case,
    scores: tuple[float, float],
    difference: PairedDifference,
    allowance: float,
    better: bool,
) -> str:
    metric = METRICS[case.rows.problem.metric]
    direction = "" if metric.greater_is_better else " (lower is better)"
    rival = "the best constant" if case.champion is None else "champion"
    verdict = "better" if difference.low > 0 else "not surely better"
    if difference.high < 0:
        verdict = "worse"
    if difference.low <= 0 and better:
        verdict = f"good enough, as drift condemned the champion (allowance {figure(allowance, 3)})"
    return (
        f"challenger {figure(scores[0])} vs {rival} {figure(scores[1])} in "
        f"{metric.name}{direction} on the same {len(case.rows.y):,} rows: "
        f"{figures.difference(*difference[:3])}: {verdict}"
    )


def _answer(
    gate: Gate, status: Status, sentence: str, numbers: Mapping[str, Number] | None = None
) -> GateResult:
    return GateResult(name=gate.name, status=status, sentence=sentence, numbers=numbers or {})
