"""Whether a flipped bit is named, wherever it is below a version.

    python -m benchmarks.promotion.integrity --folder FOLDER [--flips 5]

A small project is trained. In every file that the version stands on, sources, snapshots, labels,
matrix, bundle and what MLflow keeps, so many single bits are flipped in turn, the first and last
byte among them, and everything is verified again. A flip is found when its file is named.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.promotion.shops import FIRST, make_shop, open_shop
from features.errors import FeatureError
from flows.integrity import verify_version
from flows.lineage import Tracer
from flows.narration import Silent
from flows.retrain import retrain_project
from flows.workspace import Workspace

PARTS = ("snapshots", "labels", "matrices", "versions", "mlflow/artifacts")


def main() -> None:
    """Train, flip, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--flips", type=int, default=5)
    asked = parser.parse_args()
    folder = asked.folder / "shop"
    if not folder.exists():
        make_shop(folder)
    workspace = open_shop(folder)
    if not workspace.ledger.promotions("shop"):
        retrain_project(workspace, Silent(), now=FIRST)
    assert _named(workspace) == []
    rng = np.random.default_rng(0)
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    start, cpu = time.monotonic(), time.process_time()
    for part, path in _files(workspace):
        for place in _places(path, asked.flips, rng):
            tried[part] += 1
            names = _with_flip(workspace, path, place, int(rng.integers(8)))
            if any(path.name in name for name in names):
                found[part] += 1
            else:
                print(f"missed: {path.relative_to(workspace.folder)} byte {place}", flush=True)
    seconds, used = time.monotonic() - start, time.process_time() - cpu
    print(json.dumps({"tried": dict(tried), "found": dict(found)}))
    print(f"{tried.total()} flips, {found.total()} named, {seconds:.0f} s, {used:.0f} CPU s")


def _files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    for path in sorted((workspace.folder / "data").iterdir()):
        yield "sources", path
    for part in PARTS:
        for path in sorted(workspace.path(part).rglob("*")):
            copied = part.startswith("mlflow") and path.name.startswith("card.")
            if path.is_file() and not copied and not path.name.endswith(".computed.parquet"):
                yield part, path


def _places(path: Path, n_flips: int, rng: np.random.Generator) -> list[int]:
    n_bytes = path.stat().st_size
    inner = rng.integers(0, n_bytes, max(0, n_flips - 2))
    return sorted({0, n_bytes - 1, *map(int, inner)})


def _with_flip(workspace: Workspace, path: Path, place: int, bit: int) -> list[str]:
    whole = path.read_bytes()
    content = bytearray(whole)
    content[place] ^= 1 << bit
    try:
        path.write_bytes(content)
        return _named(workspace)
    finally:
        path.write_bytes(whole)


def _named(workspace: Workspace) -> list[str]:
    try:
        version = Tracer(workspace).version("1")
    except FeatureError as error:
        return [str(error)]
    return [finding.file for finding in verify_version(workspace, version).findings]


if __name__ == "__main__":
    main()
