"""Quality: Perennial among its peers, each in an environment of its own, on the same splits.

    python -m benchmarks.search.quality --harness HARNESS --data DATASETS --out runs.jsonl \
        --budget 60 --systems lgbm_default,optuna_lgbm,flaml_ens,h2o,mljar,autogluon_medium

HARNESS is a folder with the bench that builds the peers' environments, runs one system on one
outer fold in a fresh process (`run_all.py`), and makes the tables (`summarise.py`): score, wall
time and how far it goes beyond the budget, peak memory, time to predict, mean rank, normalised
error. What is in the file of runs already is not run again. `--smoke` takes two small datasets,
10 s and the floor.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.search.sources import SOURCES

PEERS = "lgbm_default,optuna_lgbm,flaml_ens,h2o,mljar,autogluon_medium"
ADAPTER = f"{Path(__file__).with_name('peer.py')}:fit_predict"
SMOKE = "credit_g,abalone"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--harness", type=Path, required=True)
    arguments.add_argument("--data", type=Path, default=os.environ.get("PERENNIAL_DATA"))
    arguments.add_argument("--out", type=Path, required=True, help="runs, a line of JSON each")
    arguments.add_argument("--budget", type=float, default=60.0, help="seconds")
    arguments.add_argument("--systems", default=PEERS, help="peers, by the harness's names")
    arguments.add_argument("--datasets", default=",".join(SOURCES))
    arguments.add_argument("--folds", default="0", help="outer folds of 0 to 4")
    arguments.add_argument("--name", default="perennial", help="what this code is called")
    arguments.add_argument("--smoke", action="store_true")
    given = arguments.parse_args()
    if given.data is None:
        arguments.error("expected --data or PERENNIAL_DATA: the folder of the datasets")
    if given.smoke:
        given.datasets, given.systems, given.budget = SMOKE, "lgbm_default", 10.0
    with tempfile.NamedTemporaryFile("w", suffix=".json") as manifest:
        json.dump(_tasks(given.data, given.datasets.split(",")), manifest)
        manifest.flush()
        same = ["--budget", str(given.budget)]
        _run(
            [given.harness / "run_all.py", "--manifest", manifest.name, "--out", given.out, *same],
            ["--systems", given.systems, "--folds", given.folds],
            ["--extra", f"{given.name}={sys.executable}={ADAPTER}"],
        )
    _run([given.harness / "summarise.py", given.out, *same, "--focus", given.name, "--common"])


def _tasks(data: Path, names: Iterable[str]) -> list[dict[str, object]]:
    """Describe datasets as the harness wants them."""
    return [
        {
            "name": name,
            "path": str((data / (SOURCES[name].folder or name) / "data.parquet").resolve()),
            "target": SOURCES[name].label,
            "task": SOURCES[name].task,
            "drop": ",".join(SOURCES[name].dropped),
        }
        for name in names
    ]


def _run(*parts: Iterable[object]) -> None:
    """Run a script of the harness."""
    subprocess.run([sys.executable, *(str(part) for some in parts for part in some)], check=True)


if __name__ == "__main__":
    main()
