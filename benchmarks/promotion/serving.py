"""Whether `mlflow models serve` serves an artefact where Perennial cannot be imported.

    python -m benchmarks.promotion.serving --artifact DIRECTORY

A virtual environment is made that has this one's libraries but not Perennial, pickle is forbidden,
and nothing is fetched. The input example is asked for over HTTP; the answers must be those that the
artefact gives here, to the last bit.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

import numpy as np
import pandas as pd

from models.replay import replay

PORT = 50917
PATIENCE = 180.0


def main() -> None:
    """Serve, ask, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True)
    artifact: Path = parser.parse_args().artifact.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "environment")
        _make_environment(place)
        absent = _cannot_import(place)
        with _serve(place, artifact) as server:
            try:
                answer = _ask(artifact)
            finally:
                server.terminate()
    example = json.loads((artifact / "input_example.json").read_text())
    rows = pd.DataFrame(example["data"], columns=example["columns"])
    expected = replay(artifact, rows)
    same = np.array_equal(answer, expected)
    print(json.dumps({"perennial absent": absent, "rows": len(answer), "bit-equal": bool(same)}))


def _make_environment(place: Path) -> None:
    """Make an environment that finds this one's libraries, but no editable installations."""
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    paths = {"base": str(place), "platbase": str(place)}
    site = Path(sysconfig.get_path("purelib", vars=paths))
    (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    uvicorn = place / "bin" / "uvicorn"
    uvicorn.write_text(f'#!/bin/sh\nexec {python} -m uvicorn "$@"\n')
    uvicorn.chmod(0o755)


def _environment(place: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PERENNIAL"))}
    return kept | {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _cannot_import(place: Path) -> bool:
    command = [str(place / "bin" / "python"), "-c", "import models"]
    done = subprocess.run(
        command, cwd=place, env=_environment(place), capture_output=True, check=False
    )
    return b"No module named 'models'" in done.stderr


def _serve(place: Path, artifact: Path) -> "subprocess.Popen[bytes]":
    command = ["-m", "mlflow", "models", "serve", "-m", str(artifact)]
    options = ["--env-manager", "local", "-p", str(PORT)]
    return subprocess.Popen(
        [str(place / "bin" / "python"), *command, *options],
        cwd=place,
        env=_environment(place),
        stdout=sys.stderr,
        stderr=sys.stderr,
    )


def _ask(artifact: Path) -> np.ndarray:
    body = (artifact / "serving_input_example.json").read_bytes()
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/invocations", body, {"Content-Type": "application/json"}
    )
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                told = json.load(answer)["predictions"]
            return np.array([row["prediction"] for row in told])
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(1.0)


if __name__ == "__main__":
    main()
