"""Replay: what a stored version predicts in a fresh process, where Perennial is not installed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import ModelError

# NOTE: by path, because importing it would import MLflow here.
SCRIPT = Path(__file__).parent / "tracking" / "fresh.py"


class ReplayError(ModelError):
    """A stored version does not load or does not predict in a fresh process."""


def replay(artifact: Path, rows: pd.DataFrame, *, max_seconds: float = 120.0) -> np.ndarray:
    """Predict rows with the MLflow model in a directory, in a process of its own.

    Parameters
    ----------
    artifact
        Directory with an `MLmodel` file.
    rows
        Columns as in the signature.

    Returns
    -------
    numpy.ndarray
        Shape `(n_rows,)`, or `(n_rows, n_classes)` for multiclass.

    Raises
    ------
    ReplayError
        When the process fails or takes longer than `max_seconds`; the last line it wrote is
        in the message.
    """
    with tempfile.TemporaryDirectory() as directory:
        asked, answered = Path(directory, "rows.parquet"), Path(directory, "predictions.npy")
        rows.reset_index(drop=True).to_parquet(asked)
        command = [sys.executable, "-I", "-B", str(SCRIPT), str(artifact), str(asked)]
        try:
            done = subprocess.run(  # noqa: S603 (our own interpreter and script, no shell)
                [*command, str(answered)],
                cwd=directory,
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
                capture_output=True,
                text=True,
                timeout=max_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ReplayError(
                f"Expected {artifact} to answer within {max_seconds:.0f} s, it did not."
            ) from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["nothing was written to stderr"]
            raise ReplayError(
                f"Expected {artifact} to load and predict in a fresh process, it ended with "
                f"{done.returncode}: {lines[-1][:500]}"
            )
        prediction = np.asarray(np.load(answered), dtype=float)
    return prediction[:, 0] if prediction.shape[1:] == (1,) else prediction
