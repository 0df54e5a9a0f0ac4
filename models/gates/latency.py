"""Latency: it answers one row within the declared time, on the machine that judges."""

import pandas as pd

from models.figures import figure
from models.gates.case import Case, GateResult, Number, Status, answer
from models.latency import BATCH_ROWS, N_CALLS, milliseconds_per_call, milliseconds_per_row


class Latency:
    """It answers one row within the declared time, on the machine that judges."""

    name = "latency"

    def check(self, case: Case) -> GateResult:
        """Time single rows (the median of several calls counts) and a batch."""
        limit, challenger = case.policy.max_latency_ms, case.challenger
        example = challenger.example
        if challenger.model is None or example is None or not len(example):
            if limit is None:
                return answer(self, "n/a", "no limit is declared; give promotion.max_latency_ms")
            return answer(self, "fail", "no model and example were given to time")
        times = -(-BATCH_ROWS // len(example))
        batch = pd.concat([example] * times, ignore_index=True).head(BATCH_ROWS)
        one_row = milliseconds_per_call(challenger.model, example.head(1))
        in_batch = milliseconds_per_row(challenger.model, batch)
        numbers: dict[str, Number] = {"one_row_ms": one_row, "batch_row_ms": in_batch}
        told = (
            f"{figure(one_row, 3)} ms for one row (median of {N_CALLS} calls), "
            f"{figure(in_batch, 2)} ms a row in a batch of {BATCH_ROWS:,}"
        )
        if limit is None:
            declare = "no limit is declared (promotion.max_latency_ms)"
            return answer(self, "n/a", f"{told}; {declare}", numbers)
        numbers["limit_ms"] = limit
        status: Status = "pass" if one_row <= limit else "fail"
        return answer(self, status, f"{told}; allowed {figure(limit, 3)} ms for one row", numbers)
