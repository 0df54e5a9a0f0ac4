"""The process of `perennial up` that serves the deployments and runs their flows."""

import sys
from pathlib import Path

from prefect import serve

from flows.deployments import deployments_of
from flows.workspace import open_workspace


def serve_deployments(folder: Path) -> None:
    """Serve the project's deployments on the configured Prefect server until stopped."""
    workspace = open_workspace(folder)
    serve(*deployments_of(workspace.project, workspace.folder), limit=4)


if __name__ == "__main__":
    serve_deployments(Path(sys.argv[1]))
