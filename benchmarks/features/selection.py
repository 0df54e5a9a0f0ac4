"""Sixty features of the flights example, chosen in two ways from the same candidates.

    python -m benchmarks.features.selection [--quick]

By what a feature saves on rows that a model has not seen (`features.usefulness`), and, as the
baseline, by the gain of the same models on the rows they learned from. One LightGBM of default
parameters learns the search rows of each matrix and is judged on the sealed rows.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.engine.cost import describe_machine
from features.plan import FeaturePlan, own_features
from features.relevance import choose, encode
from features.usefulness import N_ROUNDS, N_STRETCHES, parameters_of
from flows.narration import LogNarrator
from flows.project import load_project
from flows.runs import Run, running
from flows.settings import Settings
from flows.start import start_project
from flows.steps.data import compute_rows, labels, snapshot
from flows.steps.planning import Considered, consider
from flows.workspace import plain_workspace
from models.dataset import Dataset
from models.splits import sealed_split

MOMENTS = ("2013-04-01", "2013-05-01", "2013-06-15", "2013-08-01", "2013-10-01")
QUICK = ("2013-04-01", "2013-05-01")
N_CHOSEN = 60
WAYS = ("held out", "gain", "all candidates", "own columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Candidates and their values at every second labelled row.

    Attributes
    ----------
    values
        One column for each candidate, categories as pandas has them.
    search, sealed
        Positions of the rows to learn from and of those to be judged on.
    """

    considered: Considered
    values: pd.DataFrame
    labels: np.ndarray
    search: np.ndarray
    sealed: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two moments only")
    arguments = parser.parse_args()
    print(describe_machine(("lightgbm", "numpy", "pandas", "scikit-learn")))
    print(f"\n{'now':12}{'candidates':>12}{'sealed rows':>13}", *(f"{way:>16}" for way in WAYS))
    differences = []
    with tempfile.TemporaryDirectory() as directory:
        start_project(Path(directory), example="flights")
        for moment in QUICK if arguments.quick else MOMENTS:
            task = _prepare(Path(directory), pd.Timestamp(moment))
            scores = [_score(task, names) for names in _selections(task)]
            differences.append(scores[0] - scores[1])
            sizes = f"{len(task.considered.plan.names):12,}{len(task.sealed):13,}"
            print(f"{moment:12}{sizes}", *(f"{score:16.4f}" for score in scores), flush=True)
    print(f"\nheld out - gain, mean of {len(differences)}: {np.mean(differences):+.4f}")


def _prepare(folder: Path, now: pd.Timestamp) -> Task:
    with _running(folder, now) as run:
        taken = snapshot(run)
        known = labels(run, taken)
        considered = consider(run, taken, known)
        rows = pd.read_parquet(known.path).iloc[::2].reset_index(drop=True)
        matrix = compute_rows(run, considered.plan, considered.tables, rows, stage="matrix")
    values = pd.DataFrame(
        {
            feature.name: matrix[feature.name].astype("category")
            if feature.kind == "categorical"
            else matrix[feature.name]
            for feature in considered.plan.features
        }
    )
    data = Dataset(
        X=pd.DataFrame(index=range(len(rows))),
        y=rows["label"].to_numpy(),
        cutoff_time=rows["cutoff_time"].to_numpy("datetime64[us]"),
        label_time=rows["label_time"].to_numpy("datetime64[us]"),
    )
    search, sealed = sealed_split(data)
    return Task(considered=considered, values=values, labels=data.y, search=search, sealed=sealed)


@contextmanager
def _running(folder: Path, now: pd.Timestamp) -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as state:
        workspace = plain_workspace(folder, load_project(folder), Settings(), Path(state))
        narrator = LogNarrator(logging.getLogger(__name__))
        try:
            with running(workspace, "retrain", now=now, narrator=narrator) as run:
                yield run
        finally:
            workspace.ledger.close()


def _selections(task: Task) -> Iterator[Sequence[str]]:
    """Name the features of each of `WAYS`."""
    considered = task.considered
    own = own_features(considered.tables.schema, "flights")
    yield _chosen(considered, N_CHOSEN).names
    yield _by_gain(_chosen(considered, len(considered.plan.names)), considered)
    yield considered.plan.names
    yield [name for name in considered.plan.names if name in own]


def _chosen(considered: Considered, max_features: int) -> FeaturePlan:
    return choose(
        considered.plan,
        considered.frame,
        labels=considered.rows["label"].to_numpy(),
        max_features=max_features,
        cutoff_time=considered.rows["cutoff_time"].to_numpy(),
        n_threads=1,
    )


def _by_gain(plan: FeaturePlan, considered: Considered) -> list[str]:
    """Name the features of the highest gain, the smaller of two models' counting most."""
    values, categorical = encode(plan, considered.frame)
    answers = considered.rows["label"].to_numpy()
    stretch = np.arange(len(answers)) * N_STRETCHES // len(answers) % 2
    shares = []
    for half in (0, 1):
        rows = stretch == half
        data = lgb.Dataset(
            values[rows].astype(np.float32), answers[rows], categorical_feature=[*categorical]
        )
        parameters = parameters_of(answers, n_threads=1) | {"seed": half}
        booster = lgb.train(parameters, data, num_boost_round=N_ROUNDS)
        gain = booster.feature_importance("gain")
        shares.append(gain / gain.sum())
    use = np.minimum(*shares) + 0.1 * np.maximum(*shares)
    return [plan.names[place] for place in np.argsort(-use, kind="stable")[:N_CHOSEN]]


def _score(task: Task, names: Sequence[str]) -> float:
    """Give the ROC AUC on the sealed rows of a default LightGBM with some of the features."""
    values = task.values[list(names)].set_axis(range(len(names)), axis="columns")
    model = lgb.LGBMClassifier(n_jobs=1, deterministic=True, force_row_wise=True, verbosity=-1)
    model.fit(values.iloc[task.search], task.labels[task.search])
    scores = model.predict_proba(values.iloc[task.sealed])[:, 1]
    return float(roc_auc_score(task.labels[task.sealed], scores))


if __name__ == "__main__":
    main()
