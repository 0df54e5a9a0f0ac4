"""Run by a test in a process of its own: compute batches, print what the process held at most.

Arguments: pickled snapshot, number of customers, memory limit or "none".
"""

import json
import pickle
import resource
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.engine.effort import Effort
from features.engine.execute import compute_batches
from features.plan import synthesize
from tests.features.shop import monthly_rows


def peak() -> int:
    """Read the most memory this process has held, in bytes.

    NOTE: `ru_maxrss` begins with what the process that started this one held.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def main(pickled: str, n_customers: str, limit: str) -> None:
    snapshot = pickle.loads(Path(pickled).read_bytes())
    plan = synthesize(snapshot.schema, "customers", depth=2, windows=("30d",))
    rows = monthly_rows(int(n_customers))
    before = peak()
    effort = Effort(memory_limit=None if limit == "none" else limit)
    digest, n_batches = 0, 0
    for batch in compute_batches(plan, snapshot, rows, effort=effort):
        n_batches += 1
        for column in batch.columns:
            if pa.types.is_floating(column.type):
                bits = column.fill_null(-1.5).to_numpy().view(np.uint64)
                digest ^= int(np.bitwise_xor.reduce(bits * np.uint64(0x9E3779B97F4A7C15)))
    after = peak()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "before": before,
                "peak": after,
                "digest": digest,
                "n_batches": n_batches,
                "n_features": len(plan.names),
                "cpu": used.ru_utime + used.ru_stime,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
