"""The environment the vendors read: telemetry off, their files inside the state directory."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from flows.settings import Settings
from models.threads import THREADS

_QUIET = {
    # NOTE: MLflow compares with the literal "true"; Prefect and Evidently accept it too.
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # A fresh database on a cold, busy machine takes longer than the default 20 seconds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


def prepare_environment(
    settings: Settings, state: Path, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Set what the vendors read, before any of them is imported.

    Telemetry is switched off whatever was set; every other value that is set already stays.

    Parameters
    ----------
    settings
        Chooses servers; embedded files otherwise.
    state
        State directory, absolute.
    environment
        The mapping to change: the process's own by default, a child's otherwise.
    """
    for name, value in _QUIET.items():
        environment[name] = value
    for name, value in (_files(state) | dict(THREADS)).items():
        environment.setdefault(name, value)
    if settings.prefect_api_url:
        environment["PREFECT_API_URL"] = settings.prefect_api_url


def hush_prefect(environment: MutableMapping[str, str] = os.environ) -> None:
    """Keep Prefect's own lines off the terminal, where a narrator speaks; its logs have them."""
    environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL", "CRITICAL")
    environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL", "CRITICAL")


def _files(state: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(state / "prefect"),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(state / "prefect" / "results"),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "MPLCONFIGDIR": str(state / "cache" / "matplotlib"),
        "XDG_CONFIG_HOME": str(state / "cache" / "config"),
        "XDG_CACHE_HOME": str(state / "cache"),
    }
