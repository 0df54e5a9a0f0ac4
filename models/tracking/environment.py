"""MLflow, imported quietly: no telemetry, little noise, short patience."""

import importlib
import logging
import os
import warnings

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    # MLflow's own seven retries of 120 seconds keep a caller waiting for a quarter of an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

NOISY = ("alembic", "mlflow.store.db.utils", "mlflow.utils.environment")


def import_mlflow() -> None:
    """Import MLflow after setting what is not set already.

    NOTE: it starts its telemetry when it is imported, and warns about its own type hints and its
    dependencies' deprecations, which nobody here can act on.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    for logger in NOISY:
        logging.getLogger(logger).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("mlflow.pyfunc")
