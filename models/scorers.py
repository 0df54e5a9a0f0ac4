"""Scorers: metrics of scikit-learn and of users, as a search takes them.

Such a metric is asked in the searching process alone, on out-of-fold predictions. Worker processes
never see it, so it may be a lambda, or live in a notebook; models are trained for the metric of
`models.metrics` that is nearest to it.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names

from features.fingerprint import fingerprint
from models.errors import ProblemError
from models.metrics import METRICS, Metric, Weight, decided, metrics_of

Response = Literal["label", "probability", "value"]
Labels = tuple[Any, ...]

USUAL: Mapping[str, str] = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}
"""What models are trained for when nothing nearer is known."""

NEARER: Mapping[str, str] = {
    "mean_absolute_error": "mae",
    "median_absolute_error": "mae",
    "d2_absolute_error_score": "mae",
    "mean_absolute_percentage_error": "mae",
    "mean_squared_log_error": "rmsle",
    "root_mean_squared_log_error": "rmsle",
}
"""By the name of scikit-learn's function."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A function of scikit-learn's kind, asked in its own terms.

    Attributes
    ----------
    sign
        -1 turns a loss into a score, as `make_scorer` does.
    arguments
        Given by name with every call.
    response
        What it is asked about: predicted labels, probabilities (of the second class when there
        are two) or values.
    classes
        The labels behind the codes; none for regression.
    """

    function: Callable[..., Any]
    sign: float
    arguments: Mapping[str, Any]
    response: Response
    classes: Labels

    def __call__(self, y: np.ndarray, prediction: np.ndarray, weight: Weight = None) -> float:
        """Score rows; see `models.metrics` for shapes."""
        given = dict(self.arguments)
        if weight is not None:
            given["sample_weight"] = weight
        labels = np.asarray(self.classes)
        truth = labels[np.asarray(y).astype(np.intp)] if self.classes else y
        answer = labels[decided(prediction)] if self.response == "label" else prediction
        with warnings.catch_warnings():
            # It is asked hundreds of times, of poor predictions too.
            warnings.simplefilter("ignore")
            return self.sign * float(self.function(truth, answer, **given))


def read_metric(
    metric: Any, task: str, classes: Labels, *, greater_is_better: bool | None = None
) -> Metric:
    """Give the metric that a caller means.

    Parameters
    ----------
    metric
        A name in `METRICS` or of a scorer of scikit-learn, what `make_scorer` gives, or a
        function of true and predicted labels (values for regression).
    greater_is_better
        For a function; names and scorers know it. What is reported is the function's own value,
        or the scorer's, which is greater when it is better.

    Raises
    ------
    ProblemError
        When there is no such metric, or it cannot be asked for this task.

    Examples
    --------
    >>> read_metric("f1_macro", "multiclass", ("a", "b", "c")).name
    'f1_macro'
    """
    is_function = callable(metric) and not hasattr(metric, "_score_func")
    if is_function != (greater_is_better is not None):
        raise ProblemError(
            "Expected greater_is_better=True or False beside a function as metric, and None beside "
            f"a name or a scorer, got {greater_is_better!r} beside {_name(metric)}."
        )
    if isinstance(metric, str):
        if metric in METRICS or metric not in get_scorer_names():
            return _builtin(metric, task)
        return _of_scorer(get_scorer(metric), metric, task, classes)
    if hasattr(metric, "_score_func"):
        return _of_scorer(metric, _name(metric), task, classes)
    if not is_function:
        raise ProblemError(f"Expected a metric's name, a scorer or a function, got {metric!r}.")
    response: Response = "label" if classes else "value"
    asked = Asked(function=metric, sign=1.0, arguments={}, response=response, classes=classes)
    return _metric(asked, _name(metric), task, greater_is_better=bool(greater_is_better))


def check_labels(metric: Metric, y: np.ndarray, constant: np.ndarray, weight: Weight) -> None:
    """Refuse a metric that cannot score these labels: it is asked about a constant prediction.

    Raises
    ------
    ProblemError
        When it takes no weights but there are some, fails, or answers what is no finite number.
    """
    if weight is not None and not metric.takes_weight:
        raise ProblemError(
            f"Expected a metric that takes sample_weight beside weights of rows, got {metric.name}."
        )
    try:
        score = metric.score(y, constant, weight)
    except Exception as error:  # whatever code of others raises
        raise ProblemError(
            f"Expected metric {metric.name} to score these labels, got "
            f"{type(error).__name__}: {error}"
        ) from error
    if not np.isfinite(score):
        raise ProblemError(
            f"Expected metric {metric.name} to give these labels and a constant prediction a "
            f"finite score, got {score}. Choose another metric."
        )


def _builtin(name: str, task: str) -> Metric:
    known = metrics_of(task)
    if name not in known:
        raise ProblemError.unknown_metric(name, task, known)
    return known[name]


def _of_scorer(scorer: Any, name: str, task: str, classes: Labels) -> Metric:
    methods = scorer._response_method
    methods = {methods} if isinstance(methods, str) else set(methods)
    response: Response = "value" if not classes else "label"
    if "predict" not in methods:
        response = "probability"
        if not classes:
            raise ProblemError(
                f"Expected a metric of values for regression, got {name}, which asks for "
                f"{' or '.join(sorted(methods))}."
            )
    asked = Asked(
        function=scorer._score_func,
        sign=float(scorer._sign),
        arguments=_arguments(scorer, classes, response),
        response=response,
        classes=classes,
    )
    return _metric(asked, name, task, greater_is_better=True)


def _arguments(scorer: Any, classes: Labels, response: Response) -> dict[str, Any]:
    """Add to a scorer's own arguments which class is positive, and which ones there are."""
    taken, more = _parameters(scorer._score_func), {}
    if len(classes) == 2 and "pos_label" in taken:
        more["pos_label"] = classes[1]
    if response == "probability" and "labels" in taken:
        more["labels"] = list(classes)
    return more | dict(scorer._kwargs)


def _metric(asked: Asked, name: str, task: str, *, greater_is_better: bool) -> Metric:
    try:
        inspect.signature(asked.function).bind(None, None, **asked.arguments)
    except TypeError as error:
        raise ProblemError(
            f"Expected a metric of true and predicted labels, (y_true, y_pred), got {name}: "
            f"{error}. Wrap it in such a function."
        ) from error
    except ValueError:
        pass  # a function without a signature: asking it will tell
    return Metric(
        name=name,
        tasks=frozenset({task}),
        greater_is_better=greater_is_better,
        needs="probability" if asked.classes else "value",
        score=asked,
        trained_as=_nearest(asked, task),
        decides=asked.response == "label",
        takes_weight="sample_weight" in _parameters(asked.function),
        source=_source(asked),
    )


def _nearest(asked: Asked, task: str) -> str:
    name = getattr(asked.function, "__name__", "")
    return USUAL[task] if asked.classes else NEARER.get(name, USUAL[task])


def _parameters(function: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        return set()


def _name(metric: Any) -> str:
    """Name a scorer by its function and arguments, a function by itself, a string by its text."""
    if hasattr(metric, "_score_func"):
        given = ", ".join(f"{name}={value!r}" for name, value in metric._kwargs.items())
        return f"{_name(metric._score_func)}({given})"
    return str(getattr(metric, "__name__", None) or repr(metric))


def _source(asked: Asked) -> str:
    """Tell a function from another of its name: by its text, its defaults and what it encloses."""
    function = asked.function
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = repr(function) if code is None else f"{code.co_code!r}{code.co_consts!r}"
    enclosed = [repr(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ()]
    defaults = repr(getattr(function, "__defaults__", None))
    arguments = sorted(f"{name}={value!r}" for name, value in asked.arguments.items())
    return fingerprint([text, enclosed, defaults, arguments, asked.sign, asked.response])
