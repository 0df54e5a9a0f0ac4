"""Run as a script in a fresh process: predict with an MLflow model where Perennial is not.

    python -I -B fresh.py MODEL_DIRECTORY ROWS.parquet PREDICTIONS.npy

NOTE: it is started by its path (`models.replay`), so it can import nothing of Perennial; the
guard makes that true even where Perennial is installed.
"""

import sys
from importlib.abc import MetaPathFinder

PERENNIAL = {"features", "models", "monitoring", "flows"}


class Absent(MetaPathFinder):
    """Makes Perennial's packages impossible to import."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse Perennial's packages; leave every other module to the next finder."""
        if name.partition(".")[0] in PERENNIAL:
            raise ModuleNotFoundError(f"{name!r} is Perennial's and absent here", name=name)


def main() -> None:
    """Load, predict, write."""
    sys.meta_path.insert(0, Absent())
    # After the guard, so that nothing they import can lead to Perennial either.
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd

    model, rows, predictions = sys.argv[1:]
    answer = mlflow.pyfunc.load_model(model).predict(pd.read_parquet(rows))
    # Calls are named by their classes, which are no floats.
    np.save(predictions, answer.select_dtypes("float").to_numpy())


if __name__ == "__main__":
    main()
