"""The case: all that a gate may look at, and the form of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from models.decisions import asked
from models.errors import ModelError
from models.findings import Finding
from models.gates.policy import PromotionPolicy
from models.latency import Predictor
from models.metrics import Metric
from models.sampling import Origin
from models.serving.decision import LIKELIEST, Decision
from models.slices import Slice, slice_rows
from models.task import Problem

Status = Literal["pass", "fail", "n/a"]
Number = float | int | str | bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SealedRows:
    """The rows both models are judged on: neither was fitted or chosen on them.

    Attributes
    ----------
    entity
        What each row is about; where some repeat, rows are drawn again by entity as well.
    described
        Columns to slice and to group by, row by row; None where none are declared.
    """

    problem: Problem
    y: np.ndarray
    cutoff_time: np.ndarray | None
    entity: np.ndarray | None = None
    described: pd.DataFrame | None = None

    @property
    def origin(self) -> Origin:
        """What the rows share with one another."""
        return Origin(cutoff_time=self.cutoff_time, entity=self.entity)

    def sliced(self, columns: tuple[str, ...]) -> tuple[Slice, ...]:
        """Cut the rows by declared columns.

        Raises
        ------
        ModelError
            When these were not given with the rows.
        """
        frame = pd.DataFrame(index=range(len(self.y))) if self.described is None else self.described
        if len(frame) != len(self.y):
            raise ModelError(
                f"Expected columns for each of {len(self.y)} sealed rows, got {len(frame)} rows."
            )
        return slice_rows(frame, columns)


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
        Directory of the MLflow model; needed of the challenger only, as is what follows.
    example, example_predictions
        A few rows and what the model predicts for them in this process.
    model
        What predicts in this process, to be timed.
    decision
        Which class it calls.
    giveaways
        Columns it uses that give the label of sealed rows away, each alone or with another.
    """

    name: str
    predictions: np.ndarray
    columns: Mapping[str, str]
    classes: tuple[object, ...] = ()
    artifact: Path | None = None
    example: pd.DataFrame | None = None
    example_predictions: np.ndarray | None = None
    model: Predictor | None = None
    decision: Decision = LIKELIEST
    giveaways: tuple[Finding, ...] = ()

    def answers(self, metric: Metric) -> np.ndarray:
        """Give what a metric is asked about on the sealed rows: predictions, or its own calls."""
        return asked(metric, self.predictions, self.decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate's answer: one plain sentence and the numbers behind it."""

    name: str
    status: Status
    sentence: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """All a gate may look at.

    Attributes
    ----------
    condemned
        Drift has condemned the champion.
    attempt
        Which challenger of this champion it is, from 1 on.
    """

    challenger: Contender
    champion: Contender | None
    rows: SealedRows
    policy: PromotionPolicy
    condemned: bool = False
    attempt: int = 1
    seed: int = 0


class Gate(Protocol):
    """One question that must not be answered with no."""

    name: str

    def check(self, case: Case) -> GateResult:
        """Answer the question."""


def answer(
    gate: Gate, status: Status, sentence: str, numbers: Mapping[str, Number] | None = None
) -> GateResult:
    """Make a gate's answer."""
    return GateResult(name=gate.name, status=status, sentence=sentence, numbers=numbers or {})
