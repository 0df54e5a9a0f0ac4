"""Export: a fitted estimator as a plain script and data files, which predict without Perennial.

The directory holds `predict.py` (what the ensemble is, to be read and changed), `frames.py` and
`serving/` (how rows are converted and members asked; the very files that serve here), `model/`
(the libraries' own formats, skops, JSON) and `requirements.txt`.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pprint import pformat
from string import Template
from typing import Any

from features.durable import creating_directory
from models.errors import EstimatorError
from models.frames import FramedModel
from models.leaderboard import TrialRecord
from models.persistence import save_model
from models.serving import packages_of
from models.serving.decision import LIKELIEST

_HERE = Path(__file__).parent
_TRAVELLING = (
    "frames.py",
    *(f"serving/{path.name}" for path in sorted((_HERE / "serving").glob("*.py"))),
)
_LINE = 96

_SCRIPT = Template('''\
"""Predicts by an ensemble that was found by search; requirements.txt has all it needs.

    python predict.py rows.csv predictions.csv

task    $task
metric  $metric: $score on out-of-fold rows, $corrected where other folds chose
${finish}made of (weight, family, parameters; members share a trial's weight evenly)

$members
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from frames import Column, FramedModel, unique_names  # noqa: E402
from serving import load_ensemble  # noqa: E402

NAMES = $names
"""The columns that the model was fitted on, in order."""

CLASSES = $classes
"""The labels, in the order of the probabilities; empty for values."""

COLUMNS = $columns
"""What each column becomes before a member sees it; columns that are not here are not used."""

MODEL = FramedModel(columns=COLUMNS, ensemble=load_ensemble(HERE / "model"))


def predict_proba(rows) -> np.ndarray:
    """Predict probabilities of the classes, shape (n_rows, n_classes)."""
    chances = MODEL.predict(named(rows))
    return chances if chances.ndim == 2 else np.column_stack([1 - chances, chances])


def predict(rows) -> np.ndarray:
    """Predict labels or values, shape (n_rows,)."""
    answers = MODEL.predict(named(rows))
    return np.array(CLASSES)[MODEL.ensemble.call(answers)] if CLASSES else answers


def named(rows) -> pd.DataFrame:
    """Give a frame's columns, or those of an array, the names of training."""
    if isinstance(rows, pd.DataFrame):
        return rows.set_axis(unique_names(rows.columns), axis=1)
    return pd.DataFrame(np.asarray(rows), columns=NAMES)


def main(source: str, target: str) -> None:
    """Predict the rows of a CSV or Parquet file into a CSV file."""
    read = pd.read_parquet if source.endswith(".parquet") else pd.read_csv
    rows = read(source)
    answers = pd.DataFrame({"prediction": predict(rows)}, index=rows.index)
    if CLASSES:
        chances = pd.DataFrame(predict_proba(rows), columns=CLASSES, index=rows.index)
        answers = answers.join(chances.add_prefix("probability of "))
    answers.to_csv(target, index=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
''')


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the script says of an ensemble.

    Attributes
    ----------
    names
        All columns given to `fit`, in order.
    chosen
        The trials of the ensemble with their weights.
    score, corrected
        Of the ensemble on out-of-fold rows, and where other folds chose it.
    """

    names: Sequence[str]
    chosen: Sequence[tuple[float, TrialRecord]]
    score: float
    corrected: float


def export(model: FramedModel, described: Described, directory: Path) -> None:
    """Write a directory that predicts without Perennial, to the last bit as here.

    Raises
    ------
    EstimatorError
        When the directory exists.
    """
    if directory.exists():
        raise EstimatorError(
            f"Expected a directory to be made, {directory} exists. Name another one."
        )
    with creating_directory(directory) as fresh:
        save_model(model.ensemble, fresh / "model")
        (fresh / "serving").mkdir()
        for name in _TRAVELLING:
            shutil.copyfile(_HERE / name, fresh / name)
        pins = [f"{name}=={version(name)}\n" for name in packages_of(fresh / "model")]
        (fresh / "requirements.txt").write_text("".join(pins), encoding="utf-8")
        (fresh / "predict.py").write_text(_render(model, described), encoding="utf-8")


def _render(model: FramedModel, described: Described) -> str:
    problem = model.ensemble.problem
    return _SCRIPT.substitute(
        task=problem.task,
        metric=problem.metric,
        score=f"{described.score:.6g}",
        corrected=f"{described.corrected:.6g}",
        finish="".join(f"{line}\n" for line in _finish(model.ensemble)),
        members="\n".join(_member(weight, trial) for weight, trial in described.chosen),
        names=_literal(list(described.names)),
        classes=_literal(tuple(problem.classes)),
        columns=_literal(model.columns),
    )


def _finish(ensemble: Any) -> Iterator[str]:
    """Say what is done with the mean of the members."""
    line, decision = ensemble.calibration, ensemble.decision
    if line is not None:
        yield f"then    {line.formula}"
    if decision != LIKELIEST:
        yield f"calls   {decision.words(ensemble.problem.classes)}"


def _member(weight: float, trial: TrialRecord) -> str:
    parameters = ", ".join(f"{k}={v!r}" for k, v in trial.candidate.parameters.items())
    return f"    {weight:.3f}  {trial.candidate.family:<14} {parameters}".rstrip()


def _literal(value: object) -> str:
    return pformat(value, width=_LINE, compact=True, sort_dicts=False)
