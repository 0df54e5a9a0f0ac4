"""Servable: a fresh process loads it, its inputs are compatible, and predictions repeat."""

import numpy as np

from models.gates.case import Case, Contender, GateResult, answer
from models.replay import ReplayError, replay


class Servable:
    """A fresh process loads it, its inputs are compatible, and predictions repeat."""

    name = "servable"

    def check(self, case: Case) -> GateResult:
        """Compare signatures, then replay the example in a process without Perennial."""
        conflict = _conflict(case.challenger, case.champion)
        if conflict is not None:
            return answer(self, "fail", conflict)
        challenger = case.challenger
        if (
            challenger.artifact is None
            or challenger.example is None
            or challenger.example_predictions is None
        ):
            return answer(self, "fail", "no stored model and example were given to replay")
        try:
            replayed = replay(
                challenger.artifact, challenger.example, max_seconds=case.policy.max_seconds
            )
        except ReplayError as error:
            return answer(self, "fail", str(error))
        return self._compare(case, replayed, challenger.example_predictions)

    def _compare(self, case: Case, replayed: np.ndarray, expected: np.ndarray) -> GateResult:
        largest = float("inf")
        if replayed.shape == expected.shape and np.isfinite(replayed).all():
            largest = float(np.max(np.abs(replayed - expected), initial=0.0))
        numbers = {"n_example_rows": len(expected), "largest_difference": largest}
        if largest > case.policy.tolerance:
            return answer(
                self,
                "fail",
                f"a fresh process predicts otherwise: largest difference {largest:.3g} on "
                f"{len(expected)} example rows",
                numbers,
            )
        use = "first version, nothing to be compatible with"
        if case.champion is not None:
            shared = len(case.challenger.columns.keys() & case.champion.columns.keys())
            use = f"{shared} of its {len(case.challenger.columns)} columns are the champion's"
        return answer(
            self,
            "pass",
            f"a fresh process loads it and repeats {len(expected)} example predictions; {use}",
            numbers,
        )


def _conflict(challenger: Contender, champion: Contender | None) -> str | None:
    if champion is None:
        return None
    if challenger.classes != champion.classes:
        return (
            f"its predictions are about {challenger.classes!r}, the champion's about "
            f"{champion.classes!r}"
        )
    shared = challenger.columns.keys() & champion.columns.keys()
    changed = sorted(n for n in shared if challenger.columns[n] != champion.columns[n])
    if not changed:
        return None
    first = changed[0]
    return (
        f"column {first!r} is {challenger.columns[first]} for it but {champion.columns[first]} "
        f"for the champion ({len(changed)} such columns): callers would break"
    )
