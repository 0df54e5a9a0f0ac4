"""Opens a fresh store and registers one service: `python -m … DIRECTORY SERVICE`."""

import sys
from pathlib import Path

from features.store import StoreSettings, open_store
from tests.features.test_store import make_plan

if __name__ == "__main__":
    root, service = Path(sys.argv[1]), sys.argv[2]
    open_store(StoreSettings(directory=root / "feast", project="demo")).register(
        make_plan(),
        entity="flights",
        key="flight_id",
        key_kind="int",
        matrix=root / "matrix",
        service=service,
    )
