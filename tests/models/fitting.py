"""One trial, fitted here, and rows in three folds for it."""

import numpy as np

from models.candidate import Candidate
from models.families import FAMILIES
from models.persistence import load_model
from models.sharing import SearchRows
from models.splits import Fold
from models.trial import Bench, TrialRequest
from tests.models.tables import PROBLEMS


def rows_for(X, y):
    order = np.arange(len(y))
    folds = tuple(Fold(train=order[order % 3 != k], valid=order[order % 3 == k]) for k in range(3))
    return SearchRows(X=X, y=y, folds=folds, problem=PROBLEMS["binary"], bagged=True)


def evaluate(rows, folder, family="linear", **parameters):
    """Fit a family's default with some parameters changed; give fold scores and the model."""
    bench = Bench(rows, FAMILIES)
    usual = FAMILIES[family].portfolio(rows.problem, bench.shape)[0]
    request = TrialRequest(
        candidate=Candidate(family=family, parameters=usual | parameters),
        seed=0,
        n_threads=1,
        seconds=30.0,
        oof=folder / "oof.npy",
        model=folder / "model",
    )
    bench.evaluate(request)
    scores = rows.out_of_fold.scores(rows.problem.scoring, np.load(folder / "oof.npy"))
    return scores, load_model(folder / "model")
