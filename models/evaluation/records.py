"""What an evaluation tells: records only, to JSON and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from models.serving.decision import LIKELIEST, Decision


class Interval(NamedTuple):
    """A score with its 95 % interval (NaN where undefined)."""

    value: float
    low: float
    high: float


class PairedDifference(NamedTuple):
    """How much better a is than b on the same rows; above zero means better.

    For losses the sign is turned, so greater is better for every metric. `p` is two-sided, `level`
    that of the interval.
    """

    difference: float
    low: float
    high: float
    p: float
    level: float = 0.95


class Bin(NamedTuple):
    """Rows with similar predictions: mean prediction, mean outcome and its 95 % interval.

    For multiclass the prediction is the chance of the likeliest class and the outcome whether
    it happened.
    """

    n: int
    predicted: float
    observed: float
    low: float
    high: float


class Decile(NamedTuple):
    """A tenth of the rows, highest predictions first.

    `lift` is its rate of positives over everybody's; `captured` the share of all positives in
    this and the earlier tenths.
    """

    n: int
    rate: float
    lift: float
    captured: float


class Curve(NamedTuple):
    """Points of a line, in the order it is drawn."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Band(NamedTuple):
    """Rows with similar predictions: the mean of those, and label minus prediction.

    Half of the rows are above `middle`; one in ten lies below `low`, one in ten above `high`.
    """

    n: int
    predicted: float
    low: float
    middle: float
    high: float


class Period(NamedTuple):
    """Rows of a span of time: what they score, and the mean of their labels.

    `first` and `last` are the cutoffs at its ends, in ISO format. For multiclass `mean_label` is
    the share of rows whose likeliest class was right.
    """

    first: str
    last: str
    n_rows: int
    score: Interval
    mean_label: float


class SliceScore(NamedTuple):
    """Rows that are alike in one column: what they score, and the mean of their labels.

    For multiclass `mean_label` is the share of rows whose likeliest class was right.
    """

    column: str
    level: str
    n_rows: int
    score: Interval
    mean_label: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What predictions are worth on a set of rows.

    Attributes
    ----------
    metric
        The problem's metric; first in `scores`.
    scores
        Interval by metric name.
    baseline
        The metric's value for the best constant prediction.
    gain
        How much better than that constant, in the metric's better direction.
    blocks
        What was resampled as a whole: `"31 days"`.
    curves
        Of two classes: `roc` (share of negatives and of positives above a threshold) and
        `precision_recall` (recall and precision).
    confusion
        Of several classes: share of the rows of each class (row) that are called each (column).
    bands
        Of a regression: label minus prediction for tenths of the predictions.
    periods
        The metric in spans of time, oldest first; none where rows have no time.
    steady
        Chance of scores that differ so much between periods where nothing differs; None where it
        cannot be told.
    slices
        The metric of groups of rows.
    decision
        Which class the model calls: what metrics of calls were asked about.
    """

    metric: str
    n_rows: int
    blocks: str
    scores: Mapping[str, Interval]
    baseline: float
    gain: PairedDifference
    calibration: tuple[Bin, ...]
    lift: tuple[Decile, ...]
    residuals: Mapping[str, float]
    curves: Mapping[str, Curve]
    confusion: tuple[tuple[float, ...], ...]
    bands: tuple[Band, ...]
    periods: tuple[Period, ...]
    steady: float | None
    slices: tuple[SliceScore, ...] = ()
    decision: Decision = LIKELIEST

    @property
    def score(self) -> Interval:
        """The problem's metric."""
        return self.scores[self.metric]

    def to_dict(self) -> dict[str, Any]:
        """Give the evaluation as JSON."""
        plain = asdict(self)
        plain["scores"] = {name: score._asdict() for name, score in self.scores.items()}
        plain["gain"] = self.gain._asdict()
        for name in ("calibration", "lift", "bands"):
            plain[name] = [each._asdict() for each in getattr(self, name)]
        plain["curves"] = {name: curve._asdict() for name, curve in self.curves.items()}
        for name in ("periods", "slices"):
            plain[name] = [
                each._asdict() | {"score": each.score._asdict()} for each in getattr(self, name)
            ]
        return plain

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Evaluation":
        """Read what `to_dict` gave; what is null there (JSON has no NaN) is NaN."""
        told = {name: _numbers(value) for name, value in content.items()}
        return cls(
            metric=told["metric"],
            n_rows=told["n_rows"],
            blocks=told["blocks"],
            scores={name: Interval(**score) for name, score in told["scores"].items()},
            baseline=told["baseline"],
            gain=PairedDifference(**told["gain"]),
            calibration=tuple(Bin(**each) for each in told["calibration"]),
            lift=tuple(Decile(**each) for each in told["lift"]),
            residuals=told["residuals"],
            curves={
                name: Curve(tuple(curve["x"]), tuple(curve["y"]))
                for name, curve in told.get("curves", {}).items()
            },
            confusion=tuple(tuple(row) for row in told.get("confusion", ())),
            bands=tuple(Band(**each) for each in told.get("bands", ())),
            periods=tuple(Period(**_scored(each)) for each in told.get("periods", ())),
            steady=content.get("steady"),
            slices=tuple(SliceScore(**_scored(each)) for each in told.get("slices", ())),
            decision=_decision(content.get("decision", {})),
        )


def _decision(told: Mapping[str, Any]) -> Decision:
    if not told:  # evaluations were written without it once
        return LIKELIEST
    return Decision(threshold=told["threshold"], factors=tuple(told["factors"]))


def _scored(each: Mapping[str, Any]) -> dict[str, Any]:
    return {**each, "score": Interval(**each["score"])}


def _numbers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    return float("nan") if value is None else value
