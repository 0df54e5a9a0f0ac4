"""Promotion: may a challenger take the champion's place? It may when no gate says no."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import ModelError
from models.gates import (
    GATES,
    Case,
    Contender,
    FairnessPolicy,
    GateResult,
    PromotionPolicy,
    SealedRows,
)

__all__ = [
    "Contender",
    "FairnessPolicy",
    "GateResult",
    "PromotionPolicy",
    "SealedRows",
    "Verdict",
    "judge",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the challenger is promoted, and every gate's answer in order.

    Attributes
    ----------
    waits
        It has passed, and a person has the last word.
    word
        What that person said; empty while there is none.
    """

    promoted: bool
    gates: tuple[GateResult, ...]
    waits: bool = False
    word: str = ""

    @property
    def sentence(self) -> str:
        """Say the verdict and its reason: the gate that failed, or the last that passed."""
        failed = [gate for gate in self.gates if gate.status == "fail"]
        if failed:
            return f"Rejected by gate {failed[0].name}: {failed[0].sentence}"
        # The gate that compares says more than one that found nothing wrong.
        passed = {gate.name: gate for gate in self.gates if gate.status == "pass"}
        reason = passed.get("quality") or next(reversed(passed.values()), None)
        if self.word:
            passing = reason.sentence if reason else "none applies"
            return f"{self.word} (it passed every gate: {passing})"
        said = "Passed every gate and waits for approval" if self.waits else "Promoted"
        return f"{said}: {reason.sentence if reason else 'no gate applies'}"


def judge(
    challenger: Contender,
    champion: Contender | None,
    *,
    rows: SealedRows,
    policy: PromotionPolicy,
    condemned: bool = False,
    attempt: int = 1,
    seed: int = 0,
    gates: Sequence[str] = tuple(GATES),
) -> Verdict:
    """Ask every gate and promote when none fails.

    Parameters
    ----------
    champion
        Scored on the very same sealed rows; None for the first version.
    condemned
        Drift has condemned the champion: the challenger may then be worse by the margin.
    attempt
        Which challenger of this champion it is; every further one has to be more surely better.
    gates
        Names in `GATES`, asked in the catalogue's order.

    Raises
    ------
    ModelError
        When a gate does not exist, or predictions and rows do not fit.
    """
    unknown = sorted(set(gates) - set(GATES))
    if unknown:
        raise ModelError(f"Expected gates out of {', '.join(GATES)}, got {', '.join(unknown)}.")
    case = Case(
        challenger=challenger,
        champion=champion,
        rows=rows,
        policy=policy,
        condemned=condemned,
        attempt=attempt,
        seed=seed,
    )
    results = tuple(gate.check(case) for name, gate in GATES.items() if name in gates)
    passed = all(result.status != "fail" for result in results)
    return Verdict(
        promoted=passed and not policy.approval, gates=results, waits=passed and policy.approval
    )
