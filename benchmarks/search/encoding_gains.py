"""Encodings: what mean labels, constructed and selected columns are worth, family by family.

    python -m benchmarks.search.encoding_gains --data DATASETS [--rows 6000] [--datasets a,b]
        [--of means|selection|words] [--noise 200]

Prints for every dataset the mean score of three folds of a family's default, without them and with
each, and the processor seconds.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.search.sources import sample
from models.candidate import Candidate, Parameter
from models.families import FAMILIES
from models.families.encodings import SHARES
from models.sharing import SearchRows
from models.splits import make_folds
from models.trial import Bench, TrialRequest

N_FOLDS = 3
FAMILIES_TRIED = {
    "means": ("lightgbm", "extra_trees", "linear"),
    "selection": ("lightgbm", "extra_trees", "linear", "naive_bayes", "neighbours"),
    "words": ("linear", "network", "support_vectors", "naive_bayes", "neighbours"),
}
MEANS: dict[str, dict[str, Parameter]] = {
    "plain": {"means": "none", "constructed": 0},
    "many means": {"means": "many", "constructed": 0},
    "all means": {"means": "all", "constructed": 0},
    "10 constructed": {"means": "none", "constructed": 10},
    "30 constructed": {"means": "none", "constructed": 30},
}
SELECTION: dict[str, dict[str, Parameter]] = {
    "all columns": {"selection": "none"},
    **{
        f"{by} {share}": {"selection": by, "selected": share}
        for by in ("use", "information")
        for share in SHARES
    },
    "correlation": {"selection": "correlation"},
}
WORDS: dict[str, dict[str, Parameter]] = {
    "counts": {"words": "counts"},
    "tfidf": {"words": "tfidf"},
}
VARIANTS = {"means": MEANS, "selection": SELECTION, "words": WORDS}
USUAL = (
    "abalone,california_housing,kc_house,diamonds,wine_quality,fried,ames,nyc_taxis,google_play,"
    "higgs_small,mlc_churn,telco_churn,credit_g,bank_marketing,titanic,hr_job_change,segment,dry_bean"
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    arguments.add_argument("--rows", type=int, default=6_000)
    arguments.add_argument("--datasets", default=USUAL)
    arguments.add_argument("--of", choices=list(VARIANTS), default="means")
    arguments.add_argument("--noise", type=int, default=0, help="columns of noise to add")
    given = arguments.parse_args()
    if given.data is None:
        arguments.error("expected --data or PERENNIAL_DATA: the folder of the datasets")
    print(f"{'':20s} {'':12s} " + " ".join(f"{name:>20s}" for name in VARIANTS[given.of]))
    for name in given.datasets.split(","):
        drawn = sample(given.data, name, max_rows=given.rows, max_cells=100 * given.rows)
        folds, problem = make_folds(drawn.searched, N_FOLDS), drawn.problem
        X = _with_noise(drawn.searched.X, given.noise)
        bench = Bench(
            SearchRows(X=X, y=drawn.searched.y, folds=folds, problem=problem, bagged=True), FAMILIES
        )
        for family in FAMILIES_TRIED[given.of]:
            if not FAMILIES[family].portfolio(problem, bench.shape):
                continue
            cells = [_measured(bench, family, variant) for variant in VARIANTS[given.of].values()]
            print(f"{name:20s} {family:12s} " + " ".join(f"{c:>20s}" for c in cells), flush=True)


def _with_noise(X: pd.DataFrame, n_columns: int) -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(size=(len(X), n_columns))
    named = [f"noise {number}" for number in range(n_columns)]
    return pd.concat([X, pd.DataFrame(noise, columns=named, index=X.index)], axis=1)


def _measured(bench: Bench, family: str, variant: dict[str, Parameter]) -> str:
    """Give the mean score of the folds, and the processor seconds of all."""
    defaults = FAMILIES[family].portfolio(bench.rows.problem, bench.shape)[0]
    start = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        oof = Path(scratch) / "oof.npy"
        request = TrialRequest(
            candidate=Candidate(family=family, parameters=defaults | variant),
            seed=0,
            n_threads=1,
            seconds=120.0,
            oof=oof,
            model=Path(scratch) / "model",
        )
        bench.evaluate(request)
        scores = bench.rows.out_of_fold.scores(bench.rows.problem.scoring, np.load(oof))
    return f"{np.mean(scores):.5g} ({time.process_time() - start:.1f} s)"


if __name__ == "__main__":
    main()
