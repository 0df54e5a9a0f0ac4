"""What may go wrong between a matrix and a version, each with one clear message."""

import difflib
from collections.abc import Iterable


class ModelError(Exception):
    """Base of everything `models` refuses: says what was expected, what came, what to do."""


class ProblemError(ModelError, ValueError):
    """The question cannot be asked: task, metric, labels or rows do not fit together."""

    @classmethod
    def unknown_metric(cls, name: str, task: str, known: Iterable[str]) -> "ProblemError":
        """A metric is named that does not exist, or not for this task."""
        names = sorted(known)
        close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else " Choose one of them."
        return cls(f"Expected a metric for {task} ({', '.join(names)}), got {name!r}.{hint}")

    @classmethod
    def too_little(cls, expected: str, got: str, advice: str) -> "ProblemError":
        """There are not enough rows, classes or moments."""
        return cls(f"Expected {expected}, got {got}. {advice}")


class DatasetError(ModelError, ValueError):
    """The matrix given to a search is not one: shapes, types or missing labels."""


class EstimatorError(ModelError, ValueError):
    """What an estimator was asked, or the rows it was given, cannot be served."""

    @classmethod
    def no_column(cls, name: str, label: object, known: Iterable[object]) -> "EstimatorError":
        """A parameter names a column that is not there."""
        names = [str(each) for each in known]
        close = difflib.get_close_matches(str(label), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return cls(f"Expected {name} to be one of {len(names)} columns, got {label!r}.{hint}")


class SearchError(ModelError):
    """A search cannot start, continue or end with a model."""

    @classmethod
    def other_search(cls, directory: object, found: str, asked: str) -> "SearchError":
        """The directory belongs to another search."""
        return cls(
            f"Expected {directory} to be new or to hold search {asked}, got search {found}: data, "
            "problem, seed, warm candidates, families or strategy differ. Choose another directory."
        )

    @classmethod
    def in_use(cls, directory: object) -> "SearchError":
        """Another process searches in the directory."""
        return cls(
            f"Expected {directory} for this search alone, but another process searches there. "
            "Wait until it ends, or choose another directory."
        )

    @classmethod
    def no_ledger(cls, url: str, cause: str) -> "SearchError":
        """The database that is to hold the trials does not answer; `url` has no password."""
        return cls(
            f"Expected a ledger of trials at {url}, got: {cause}. Check that the database runs and "
            "that its URL is right; finished trials are kept, and the search continues from them."
        )

    @classmethod
    def no_worker(cls, cause: str) -> "SearchError":
        """The worker process cannot be started."""
        return cls(
            f"Expected a worker process to start, got: {cause}. Check that "
            "`python -m models.worker_process` runs with this interpreter."
        )


class OptionError(SearchError, ValueError):
    """A search is asked for with a budget, an option or a candidate that cannot be."""

    @classmethod
    def unknown_family(cls, name: str, known: Iterable[str]) -> "OptionError":
        """A warm candidate names a family that does not exist."""
        return cls(
            f"Expected a candidate of one of the families {', '.join(known)}, got {name!r}. "
            "Correct the name or leave the candidate out."
        )

    @classmethod
    def unknown_strategy(cls, name: str, known: Iterable[str]) -> "OptionError":
        """The options name a strategy that does not exist."""
        names = list(known)
        close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else " Choose one of them."
        return cls(f"Expected a strategy ({', '.join(names)}), got {name!r}.{hint}")


class TrialError(ModelError):
    """A trial fails without an exception of its own: not finite, no rows."""
