"""Promotion: may a challenger take the champion's place? It may when no gate says no."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import ModelError
from models.gates import GATES, Case, Contender, GateResult, PromotionPolicy, SealedRows

__all__ = ["Contender", "GateResult", "PromotionPolicy", "SealedRows", "Verdict", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the challenger is promoted, and every gate's answer in order."""

    promoted: bool
    gates: tuple[GateResult, ...]

    @property
    def sentence(self) -> str:
        """Say the verdict and its reason: the gate that failed, or the last that passed."""
        failed = [gate for gate in self.gates if gate.status == "fail"]
        if failed:
            return f"Rejected by gate {failed[0].name}: {failed[0].sentence}"
        reason = next((g for g in reversed(self.gates) if g.status == "pass"), None)
        return f"Promoted: {reason.sentence}" if reason else "Promoted: no gate applies"


def judge(
    challenger: Contender,
    champion: Contender | None,
    *,
    rows: SealedRows,
    policy: PromotionPolicy,
    condemned: bool = False,
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
        seed=seed,
    )
    results = tuple(gate.check(case) for name, gate in GATES.items() if name in gates)
    return Verdict(promoted=all(r.status != "fail" for r in results), gates=results)
