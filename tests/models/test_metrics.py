import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from models.errors import ProblemError
from models.metrics import METRICS, metrics_of
from models.task import Problem

BINARY = {
    "roc_auc": lambda y, p: reference.roc_auc_score(y, p),
    "average_precision": lambda y, p: reference.average_precision_score(y, p),
    "log_loss": lambda y, p: reference.log_loss(y, p),
    "brier": lambda y, p: reference.brier_score_loss(y, p),
    "accuracy": lambda y, p: reference.accuracy_score(y, p > 0.5),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p > 0.5),
    "f1": lambda y, p: reference.f1_score(y, p > 0.5),
    "mcc": lambda y, p: reference.matthews_corrcoef(y, p > 0.5),
}
MULTICLASS = {
    "roc_auc": lambda y, p: reference.roc_auc_score(y, p, multi_class="ovr"),
    "log_loss": lambda y, p: reference.log_loss(y, p),
    "accuracy": lambda y, p: reference.accuracy_score(y, p.argmax(axis=1)),
    "balanced_accuracy": lambda y, p: reference.balanced_accuracy_score(y, p.argmax(axis=1)),
    "mcc": lambda y, p: reference.matthews_corrcoef(y, p.argmax(axis=1)),
}
REGRESSION = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
    "rmsle": reference.root_mean_squared_log_error,
}


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_binary_metrics_equal_scikit_learns_even_with_ties(name, data):
    n = data.draw(st.integers(4, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    y = rng.integers(0, 2, n)
    y[:2] = [0, 1]
    p = rng.integers(1, data.draw(st.integers(3, 40)), n) / 40
    assert METRICS[name].score(y, p) == pytest.approx(BINARY[name](y, p))


@pytest.mark.parametrize("name", MULTICLASS)
def test_multiclass_metrics_equal_scikit_learns(name):
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200)
    assert METRICS[name].score(y, p) == pytest.approx(MULTICLASS[name](y, p))


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_equal_scikit_learns(name):
    rng = np.random.default_rng(1)
    y, p = rng.exponential(size=200), rng.exponential(size=200)
    assert METRICS[name].score(y, p) == pytest.approx(REGRESSION[name](y, p))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_metric_without_contrast_is_nan(name):
    assert np.isnan(METRICS[name].score(np.zeros(5), np.linspace(0, 1, 5)))


def test_multiclass_area_leaves_out_classes_that_do_not_occur():
    y = np.array([0, 1, 0, 1])
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.3, 0.6, 0.1]])
    assert METRICS["roc_auc"].score(y, p) == 1.0


def test_no_rows_are_nan_everywhere():
    for name, metric in METRICS.items():
        assert np.isnan(metric.score(np.zeros(0), np.zeros(0))), name


def test_rmsle_refuses_labels_without_a_logarithm():
    assert np.isnan(METRICS["rmsle"].score(np.array([-2.0, 1.0]), np.ones(2)))


def test_every_task_has_metrics_of_its_own():
    assert "f1" not in metrics_of("multiclass")
    assert set(metrics_of("regression")) == {"rmse", "mae", "r2", "rmsle"}


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(ProblemError, match=r"got 'rocauc'. Did you mean 'roc_auc'\?"):
        Problem(task="binary", metric="rocauc")
    with pytest.raises(ProblemError, match="rmse"):
        Problem(task="regression", metric="roc_auc")
    with pytest.raises(ProblemError, match="classes"):
        Problem(task="multiclass", metric="log_loss")


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_counts_a_row_so_often(name):
    metric, rng = METRICS[name], np.random.default_rng(3)
    for task in sorted(metric.tasks):
        y = rng.exponential(size=60) if task == "regression" else rng.integers(0, 3, 60)
        p = rng.dirichlet(np.ones(3), 60) if task == "multiclass" else rng.integers(1, 9, 60) / 9
        y = (y > 1).astype(int) if task == "binary" else y
        times = rng.integers(1, 5, 60)
        repeated = metric.score(np.repeat(y, times), np.repeat(p, times, axis=0))
        assert metric.score(y, p, times.astype(float)) == pytest.approx(repeated)
        assert metric.score(y, p, np.ones(60)) == pytest.approx(metric.score(y, p))
