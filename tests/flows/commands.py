"""The command line in this very process: what a command says and does, without its imports.

`tests.flows.test_cli.perennial` starts a process, for what a process is needed to see.
"""

import contextlib
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from flows.cli import app


def commanded(*arguments: str, cwd: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a project's folder, on 80 columns."""
    runner = CliRunner(env={"COLUMNS": "80", "PERENNIAL_ORCHESTRATOR": "none"} | settings)
    with contextlib.chdir(cwd):
        done = runner.invoke(app, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
