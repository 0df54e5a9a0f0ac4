"""Estimators: the search as scikit-learn has it.

No rows are sealed: all of them serve the folds. What an estimator is worth on rows that nobody
chose by is for its caller to measure, as with every other estimator.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, RegressorMixin

from models.automl import AutoML
from models.errors import EstimatorError
from models.rows import read_classes, read_values


class AutoMLClassifier(ClassifierMixin, AutoML):  # type: ignore[misc]
    """Searches for an ensemble that tells classes apart.

    Parameters
    ----------
    max_seconds
        Wall time of `fit`; None for no limit, with `max_trials`.
    max_trials
        Trials after the baseline; with it, data and seed decide the result.
    metric
        Name in `models.metrics.METRICS` or of a scorer of scikit-learn, a scorer by
        `make_scorer`, or a function of true and predicted labels (values); by default `roc_auc`
        for two classes, `log_loss` for more, `rmse` for values.
    strategy, n_jobs
        See `models.search.SearchOptions`.
    max_latency_ms
        Milliseconds per row, in batches of 1,000, that the ensemble may take on this machine.
    seed
        Of folds, strategies and models.
    time_column
        Label (position for arrays) of the column that says when a row was asked: folds go
        forward in time then, and members are fitted once more on all rows.
    group_column
        Label of the column whose equal values are never split between folds; it describes
        nothing, and may be missing when predicting. With `time_column`, a fold learns from the
        earlier rows of groups that are not in its validation block.
    state_dir
        Where searches are kept, each under its own name: `fit` on the same rows with the same
        parameters continues where it was killed.
    strict
        Whether what is strange about the data (see `models.checks`) is an error instead of a
        `DataWarning`.
    greater_is_better
        Of a function given as metric, where it must be said.
    ledger
        With `state_dir`: PostgreSQL database that keeps the trials (see
        `models.search.SearchOptions`), without a password: that is given by `PGPASSWORD` or a
        `.pgpass` file.
    executor
        `local`, or `dask://HOST:PORT` of a Dask cluster's scheduler: trials run on its workers,
        which all see `state_dir` under the same path.

    Attributes
    ----------
    classes_
        The labels, sorted.
    leaderboard_
        All trials, best first; `on_front` marks those that none beats in score, `predict_ms`
        and `model_mb` at once.
    ensemble_
        Weight by trial number.
    ensemble_score_
        On out-of-fold rows, in the metric's own sign. These rows chose it.
    corrected_score_
        Of ensembles that were chosen by other folds than those they are judged on; rather too low
        than too high, as fewer rows chose. NaN where there was no time for it.
    predict_ms_
        Milliseconds per row, in batches of 1,000, that the ensemble took after the search.
    threshold_
        Above this probability `predict` gives the second of two classes: one half, unless
        `metric` looks at classes and gains by another one. None for other problems.
    factors_
        What the probability of each of several classes counts for in `predict`; None where all
        count once, and for other problems.
    calibration_
        How members were joined by a layer, or probabilities calibrated, in one line; None where
        the answer is the members' mean.
    notes_
        What was done with columns that are not used as they are.
    n_features_in_, feature_names_in_
        As scikit-learn has them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = AutoMLClassifier(max_trials=1).fit(X, y)
    >>> model.predict_proba(X).shape
    (150, 3)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search on rows and their labels.

        Parameters
        ----------
        X
            Frame or array, shape `(n_rows, n_columns)`: numbers, booleans, categories, text,
            dates, missing values.
        y
            A label per row, at least two different ones.
        sample_weight
            How much each row counts, from 0, shape `(n_rows,)`: in training, in all scores, and
            in the choice of the ensemble. Only proportions matter; rows of weight 0 are left out.

        Raises
        ------
        ValueError
            When rows, labels or parameters cannot be used.
        """
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict classes, shape `(n_rows,)`: the likeliest, or by `threshold_` or `factors_`."""
        chances = self._predict(X)
        return np.asarray(self.classes_[self._model.ensemble.call(chances)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities, shape `(n_rows, n_classes)`, in the order of `classes_`."""
        chances = self._predict(X)
        return chances if chances.ndim == 2 else np.column_stack([1 - chances, chances])

    def _learn_labels(self, y: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
        self.classes_, codes = read_classes(y)
        return codes, tuple(label.item() for label in self.classes_)

    def _code(self, y: Any) -> np.ndarray:
        codes = pd.Index(self.classes_).get_indexer(pd.Index(np.asarray(y)))
        if (codes < 0).any():
            raise EstimatorError("Expected labels seen in training, got others too.")
        return np.asarray(codes)


class AutoMLRegressor(RegressorMixin, AutoML):  # type: ignore[misc]
    """Searches for an ensemble that predicts values; parameters as for `AutoMLClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> AutoMLRegressor(max_trials=1).fit(X, y).score(X, y) > 0.4
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search on rows and their values; see `AutoMLClassifier.fit`."""
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict values, shape `(n_rows,)`."""
        return self._predict(X)

    def _learn_labels(self, y: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
        return read_values(y), ()

    def _code(self, y: Any) -> np.ndarray:
        return read_values(y)
