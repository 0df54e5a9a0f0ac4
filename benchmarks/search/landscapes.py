"""Landscapes: what random candidates of three families reach on real rows, and a model of it.

    python -m benchmarks.search.landscapes --data DATASETS --folder landscapes

On at most 500 rows of each development dataset, 110 random candidates are really trained,
once; every fold's score is kept. Extra trees over parameters, all folds at once, then say what any
other candidate would reach (Eggensperger et al.: Efficient Benchmarking of Hyperparameter
Optimizers via Surrogates, AAAI 2015), so that many searches cost seconds.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import cross_val_predict

from benchmarks.search.sources import SOURCES, Source
from models.automl import USUAL_METRICS
from models.candidate import Candidate
from models.dataset import Dataset
from models.errors import ModelError
from models.families import FAMILIES
from models.families.family import Parameters, Shape
from models.metrics import Metric
from models.sharing import SearchRows
from models.space import Space
from models.splits import make_folds
from models.strategies.cube import draw, encode
from models.task import Problem
from models.trial import Bench, TrialRequest

N_CANDIDATES = {"lightgbm": 60, "extra_trees": 25, "linear": 25}
MAX_ROWS = 500
N_FOLDS = 3
N_DRAWN = 4_000
NAMES = ("credit_g", "mlc_churn", "telco_churn", "abalone", "ames")


@dataclass(frozen=True)
class Landscape:
    """What candidates reach on one dataset: measured, and modelled between."""

    name: str
    metric: Metric
    n_folds: int
    spaces: Mapping[str, Space]
    portfolio: Mapping[str, tuple[Parameters, ...]]
    models: Mapping[str, ExtraTreesRegressor]
    best: float
    """Highest modelled gain of the measured candidates and of `N_DRAWN` random ones per family."""
    usual: float
    """Modelled gain of the median LightGBM candidate."""
    agreement: float
    """Rank correlation of modelled and measured LightGBM gains, cross-validated."""

    def fold_gains(self, candidate: Candidate) -> np.ndarray:
        """Give the gains of a candidate, shape `(n_folds,)`."""
        space = self.spaces[candidate.family]
        return self.models[candidate.family].predict(encode(space, [candidate.parameters]))[0]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--share", type=float, default=1.0, help="of the candidates")
    given = arguments.parse_args()
    if given.data is None:
        arguments.error("expected --data or PERENNIAL_DATA: the folder of the datasets")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        start = time.process_time()
        measured = measure(name, given.data, given.share)
        (given.folder / f"{name}.json").write_text(json.dumps(measured))
        print(f"{name}: {len(measured['trials'])} trials, {time.process_time() - start:.0f} CPU s")


def measure(name: str, data: Path, share: float = 1.0) -> dict[str, Any]:
    """Train random candidates of each family, and the portfolio, on a sample of a dataset."""
    dataset, problem = _load(data / name, SOURCES[name])
    rows = SearchRows(
        X=dataset.X, y=dataset.y, folds=make_folds(dataset, N_FOLDS), problem=problem, bagged=True
    )
    bench, shape = Bench(rows, FAMILIES), Shape(n_rows=len(dataset), n_columns=dataset.X.shape[1])
    rng, trials = np.random.default_rng(0), []
    for family, n_candidates in N_CANDIDATES.items():
        space = FAMILIES[family].space(problem, shape)
        defaults = FAMILIES[family].portfolio(problem, shape)
        drawn = [draw(space, rng) for _ in range(round(share * n_candidates))]
        for parameters in (*defaults, *(defaults[0] | point for point in drawn)):
            scores = _evaluate(bench, Candidate(family=family, parameters=parameters))
            if scores is not None:
                trials.append({"family": family, "parameters": parameters, "scores": scores})
    return {"problem": problem.to_dict(), "rows": shape.n_rows, "columns": shape.n_columns} | {
        "trials": trials
    }


def _evaluate(bench: Bench, candidate: Candidate) -> list[float] | None:
    with tempfile.TemporaryDirectory() as scratch:
        request = TrialRequest(
            candidate=candidate,
            seed=0,
            n_threads=1,
            seconds=60.0,
            oof=Path(scratch) / "oof.npy",
            model=Path(scratch) / "model",
        )
        try:
            bench.evaluate(request)
        except ModelError:
            return None
        predictions = np.load(request.oof)
    return list(bench.rows.out_of_fold.scores(bench.rows.problem.scoring, predictions))


def load_landscape(path: Path) -> Landscape:
    """Model what was measured."""
    measured = json.loads(path.read_text())
    problem, trials = Problem(**measured["problem"]), measured["trials"]
    shape = Shape(n_rows=measured["rows"], n_columns=measured["columns"])
    spaces = {family: FAMILIES[family].space(problem, shape) for family in N_CANDIDATES}
    modelled, models, agreement = {}, {}, 0.0
    rng = np.random.default_rng(0)
    for family, space in spaces.items():
        own = [trial for trial in trials if trial["family"] == family]
        X = encode(space, [trial["parameters"] for trial in own])
        folds = np.array([[problem.scoring.gain(s) for s in trial["scores"]] for trial in own])
        unfitted = ExtraTreesRegressor(n_estimators=60, min_samples_leaf=2, random_state=0)
        gains = folds.mean(axis=1)
        if family == "lightgbm":
            agreement = float(spearmanr(cross_val_predict(unfitted, X, gains, cv=10), gains)[0])
        models[family] = unfitted.fit(X, folds)
        anywhere = encode(space, [draw(space, rng) for _ in range(N_DRAWN)])
        everything = np.vstack([X, anywhere])
        modelled[family] = models[family].predict(everything).mean(axis=1)
    return Landscape(
        name=path.stem,
        metric=problem.scoring,
        n_folds=len(trials[0]["scores"]),
        spaces=spaces,
        portfolio={family: FAMILIES[family].portfolio(problem, shape) for family in spaces},
        models=models,
        best=max(float(values.max()) for values in modelled.values()),
        usual=float(np.median(modelled["lightgbm"])),
        agreement=agreement,
    )


def _load(folder: Path, source: Source) -> tuple[Dataset, Problem]:
    frame = pd.read_parquet(folder / "data.parquet").dropna(subset=[source.label])
    frame = frame.sample(min(MAX_ROWS, len(frame)), random_state=0).reset_index(drop=True)
    X = frame.drop(columns=[source.label, *source.dropped])
    for name in X.columns:
        if pd.api.types.is_numeric_dtype(X[name]):
            X[name] = X[name].astype(float)
        else:
            X[name] = X[name].astype(object).where(X[name].notna(), None)
    y, classes = frame[source.label].to_numpy(dtype=object), ()
    if source.task != "regression":
        names, y = np.unique(y.astype(str), return_inverse=True)
        classes = tuple(names.tolist())
    else:
        y = y.astype(float)
    problem = Problem(task=source.task, metric=USUAL_METRICS[source.task], classes=classes)
    return Dataset(X=X, y=y), problem


if __name__ == "__main__":
    main()
