"""The memory limit: how it is read, and that it holds."""

import json
import pickle
import subprocess
import sys

import pytest

from features.engine import memory
from features.engine.memory import free_budget, machine_memory, resident_memory
from features.errors import FeatureError
from features.sizes import parse_bytes
from tests.features.shop import shop_tables, write_shop

MEGABYTE = 10**6


def test_sizes_are_read():
    assert parse_bytes(5_000) == parse_bytes("5kB") == 5_000
    assert parse_bytes("2 GiB") == 2 * 1024**3
    for nonsense in ("", "GB", "-1GB", "4 parsecs", 0):
        with pytest.raises(FeatureError, match="Expected a size such as '4GB'"):
            parse_bytes(nonsense)


def test_the_machine_has_some_memory():
    assert 0 < resident_memory() < machine_memory()


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/a/b\n", {"a/memory.max": "3000", "a/b/memory.max": "max"}, [3000]),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "70"}, [70]),
        ("4:memory:/x\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, []),
        ("9:cpu:/x\n", {"memory.max": "10"}, []),
    ],
)
def test_limits_of_cgroups_are_found(tmp_path, own, files, expected):
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory._cgroup_limits(tmp_path / "own", tmp_path / "root") == expected
    assert memory._cgroup_limits(tmp_path / "none", tmp_path / "root") == []


def test_a_limit_below_what_is_held_is_refused():
    with pytest.raises(FeatureError, match=r"got 20 MB\. Raise the limit"):
        free_budget("20MB")


def measured(pickled, n_customers: int, limit: str) -> dict:
    command = [sys.executable, "-m", "tests.features.measure_memory", str(pickled)]
    done = subprocess.run([*command, str(n_customers), limit], capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_limit_holds_and_changes_nothing(tmp_path):
    """In one piece it takes far more than the limit."""
    n_customers, limit = 20_000, 650
    snapshot = write_shop(shop_tables(n_customers, 3_000_000), tmp_path / "snapshots" / "s")
    pickled = tmp_path / "snapshot.pickle"
    pickled.write_bytes(pickle.dumps(snapshot))
    for way in ("none", f"{limit}MB"):
        measured(pickled, 100, way)  # compiles kernels, which takes memory of its own
    whole = measured(pickled, n_customers, "none")
    assert whole["peak"] > 1.6 * limit * MEGABYTE
    limited = measured(pickled, n_customers, f"{limit}MB")
    assert limited["peak"] < limit * MEGABYTE
    assert limited["digest"] == whole["digest"]
    assert [path.name for path in snapshot.directory.parent.iterdir()] == ["s"]
