"""The prediction problem: what kind of answer is wanted and how an answer is scored."""

from dataclasses import dataclass
from typing import Literal

from models.errors import ProblemError
from models.metrics import METRICS, Metric, metrics_of

Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A task and its metric.

    Parameters
    ----------
    task
        `binary` (labels 0 and 1), `multiclass` (codes 0 … k-1) or `regression`.
    metric
        Name in `models.metrics.METRICS`, valid for the task, or that of `own`.
    classes
        The labels behind the codes, in the order of the codes; required for multiclass.
    own
        A metric from elsewhere (`models.scorers`), which worker processes never see.

    Raises
    ------
    ProblemError
        When task or metric is unknown, or classes are missing.

    Examples
    --------
    >>> Problem(task="binary", metric="roc_auc").n_outputs
    1
    >>> Problem(task="binary", metric="auc")
    Traceback (most recent call last):
    ...
    models.errors.ProblemError: Expected a metric for binary (accuracy, average_precision, \
balanced_accuracy, brier, f1, log_loss, mcc, roc_auc), got 'auc'. Did you mean 'roc_auc'?
    """

    task: Task
    metric: str
    classes: tuple[str | int | bool, ...] = ()
    own: Metric | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown task or metric, and classes that do not fit the task."""
        if self.task not in TASKS:
            raise ProblemError(f"Expected a task of {', '.join(TASKS)}, got {self.task!r}.")
        known = metrics_of(self.task) if self.own is None else {self.own.name: self.own}
        if self.metric not in known:
            raise ProblemError.unknown_metric(self.metric, self.task, known)
        if self.task == "multiclass" and len(self.classes) < 2:
            raise ProblemError(
                f"Expected the classes of a multiclass problem, got {self.classes!r}. "
                "Give the labels in the order of their codes."
            )
        if self.task == "binary" and len(self.classes) not in (0, 2):
            raise ProblemError(
                f"Expected two classes (the second is positive) or none, got {self.classes!r}."
            )

    @property
    def scoring(self) -> Metric:
        """The metric itself."""
        return METRICS[self.metric] if self.own is None else self.own

    @property
    def trained_as(self) -> "Problem":
        """The problem that models are trained for: of a metric that they know."""
        if self.own is None:
            return self
        metric = self.own.trained_as or self.metric
        return Problem(task=self.task, metric=metric, classes=self.classes)

    @property
    def is_classification(self) -> bool:
        """Whether answers are probabilities of classes."""
        return self.task != "regression"

    @property
    def n_outputs(self) -> int:
        """Columns of a prediction: one per class for multiclass, else one (shape `(n,)`)."""
        return len(self.classes) if self.task == "multiclass" else 1

    def to_dict(self) -> dict[str, object]:
        """Give the problem as JSON."""
        told: dict[str, object] = {
            "task": self.task,
            "metric": self.metric,
            "classes": list(self.classes),
        }
        return told if self.own is None else told | {"source": self.own.source}
