"""What promotion asks for: the numbers each gate goes by."""

from dataclasses import dataclass
from typing import Literal, get_args

from models.errors import ModelError

FairnessMeasure = Literal["selection_rate", "true_positive_rate", "metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessPolicy:
    """How far groups may be apart.

    Attributes
    ----------
    column
        Whose levels are the groups.
    measure
        Share that is called positive; share of the positives that is; or the problem's metric.
    max_gap
        Greatest difference allowed between two groups, in the measure's own unit.
    """

    column: str
    max_gap: float
    measure: FairnessMeasure = "selection_rate"

    def __post_init__(self) -> None:
        """Refuse an unknown measure, or a gap below zero."""
        if self.measure not in get_args(FairnessMeasure):
            known = ", ".join(get_args(FairnessMeasure))
            raise ModelError(f"Expected fairness.measure of {known}, got {self.measure!r}.")
        if self.max_gap < 0:
            raise ModelError(f"Expected fairness.max_gap of at least 0, got {self.max_gap}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPolicy:
    """What promotion asks for.

    Attributes
    ----------
    margin
        When drift has condemned the champion, the challenger may be worse by this share of what
        the champion gains over a constant prediction, 0 … 1.
    alpha
        Chance, over all tries against one champion, that an equal challenger differs surely from
        it (in either direction); 1 - alpha would be the interval's level if there were one try.
    tolerance
        Greatest difference allowed between stored and replayed predictions of the example.
    max_seconds
        Time for the fresh process to load and predict.
    slices
        Columns by whose slices the challenger must not be worse than the champion.
    max_miscalibration
        Greatest mean distance between probabilities and what happens; None compares with the
        champion alone.
    max_latency_ms
        For one row, median of several calls; None measures without judging.
    max_megabytes
        Of the stored version (10^6 bytes); None measures without judging.
    fairness
        None where no groups are declared.
    trusted
        Columns that may give the label away, because they are known when predictions are asked for.
    approval
        Whether a person has the last word on who has passed.
    """

    margin: float = 0.1
    alpha: float = 0.05
    tolerance: float = 1e-12
    max_seconds: float = 120.0
    slices: tuple[str, ...] = ()
    max_miscalibration: float | None = None
    max_latency_ms: float | None = None
    max_megabytes: float | None = None
    fairness: FairnessPolicy | None = None
    trusted: tuple[str, ...] = ()
    approval: bool = False

    def __post_init__(self) -> None:
        """Refuse shares that are none, and limits that nothing can keep."""
        if not 0 <= self.margin <= 1:
            raise ModelError(f"Expected promotion.margin between 0 and 1, got {self.margin}.")
        if not 0 < self.alpha < 1:
            raise ModelError(f"Expected promotion.alpha between 0 and 1, got {self.alpha}.")
        for name in ("max_miscalibration", "max_latency_ms", "max_megabytes"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise ModelError(f"Expected promotion.{name} above 0, got {limit}.")
