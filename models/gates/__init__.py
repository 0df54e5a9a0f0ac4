"""Gates: questions a challenger must not answer with no, each with numbers and a sentence.

A gate is a small object with a name and a `check`, in a file of its own; `GATES` lists them in the
order they are asked. A gate whose policy is not declared answers n/a, and says what to declare.
"""

from collections.abc import Mapping

from models.gates.calibration import Calibration
from models.gates.case import Case, Contender, Gate, GateResult, SealedRows
from models.gates.fairness import Fairness
from models.gates.latency import Latency
from models.gates.policy import FairnessPolicy, PromotionPolicy
from models.gates.quality import Quality
from models.gates.servable import Servable
from models.gates.size import Size
from models.gates.slices import Slices

__all__ = [
    "GATES",
    "Case",
    "Contender",
    "FairnessPolicy",
    "Gate",
    "GateResult",
    "PromotionPolicy",
    "SealedRows",
    "Servable",
]

GATES: Mapping[str, Gate] = {
    gate.name: gate
    for gate in (
        Servable(),
        Quality(),
        Slices(),
        Calibration(),
        Latency(),
        Size(),
        Fairness(),
    )
}
