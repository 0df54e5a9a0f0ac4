import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.metrics import fbeta_score, get_scorer, get_scorer_names, make_scorer

from models.errors import ModelError
from models.metrics import METRICS
from models.scorers import read_metric
from models.task import Problem
from tests.models.inline import InlineClassifier, InlineRegressor

pytestmark = pytest.mark.filterwarnings("ignore")
CLASSES = {"binary": (0, 1), "multiclass": (0, 1, 2), "regression": ()}


class Foretold(BaseEstimator):
    """Predicts what it was given: what scikit-learn's scorers ask."""

    def __init__(self, answer):
        self.answer = answer

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def __sklearn_is_fitted__(self):
        return True


class ForetoldClassifier(ClassifierMixin, Foretold):
    def predict_proba(self, X):
        p = self.answer
        return p if p.ndim == 2 else np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class ForetoldRegressor(RegressorMixin, Foretold):
    def predict(self, X):
        return self.answer


def make_answers(task, classes):
    rng = np.random.default_rng(0)
    if task == "regression":
        y = rng.exponential(size=80)
        return y, y, ForetoldRegressor(y + rng.exponential(size=80))
    codes = rng.integers(0, len(classes), 80)
    chances = rng.dirichlet(np.ones(len(classes)), 80)
    chances[np.arange(80), codes] += 0.5
    chances /= chances.sum(axis=1, keepdims=True)
    labels = np.array(classes)[codes]
    answer = chances[:, 1] if task == "binary" else chances
    return codes, labels, ForetoldClassifier(answer).fit(None, labels)


@pytest.mark.parametrize("task", CLASSES)
def test_a_scorer_of_scikit_learn_gives_what_it_gives_there(task):
    codes, labels, estimator = make_answers(task, CLASSES[task])
    weight, n_compared = np.random.default_rng(1).uniform(0.5, 2, 80), 0
    for name in get_scorer_names():
        scorer = get_scorer(name)
        try:
            expected = scorer(estimator, np.empty((80, 1)), labels)
            metric = read_metric(scorer, task, CLASSES[task])
        except (ValueError, AttributeError):
            continue
        assert metric.score(codes, estimator.answer) == pytest.approx(expected), name
        assert metric.greater_is_better
        if metric.takes_weight and not name.startswith("roc_auc_ovo"):
            expected = scorer(estimator, np.empty((80, 1)), labels, sample_weight=weight)
            assert metric.score(codes, estimator.answer, weight) == pytest.approx(expected), name
        assert (
            Problem(
                task=task, metric=metric.name, classes=CLASSES[task], own=metric
            ).trained_as.scoring
            in METRICS.values()
        )
        n_compared += 1
    assert n_compared > 15


def test_the_second_class_is_the_positive_one_whatever_it_is_called():
    codes, labels, _ = make_answers("binary", ("no", "yes"))
    metric = read_metric("precision", "binary", ("no", "yes"))
    assert metric.score(codes, np.where(codes, 0.9, 0.1)) == 1.0
    assert metric.score(codes, np.full(80, 0.9)) == pytest.approx((labels == "yes").mean())
    beta = read_metric(make_scorer(fbeta_score, beta=2), "binary", ("no", "yes"))
    assert beta.name == "fbeta_score(beta=2)"
    assert beta.score(codes, np.where(codes, 0.9, 0.1)) == 1.0


def test_names_known_here_are_ours_and_others_are_scikit_learns():
    assert read_metric("f1", "binary", (0, 1)) is METRICS["f1"]
    assert read_metric("neg_median_absolute_error", "regression", ()).trained_as == "mae"
    assert read_metric("recall", "binary", (0, 1)).trained_as == "log_loss"


def test_a_function_is_known_by_name_and_text():
    def make(power):
        return lambda y, p: np.mean(np.abs(y - p) ** power)

    one, two, again = (
        read_metric(make(power), "regression", (), greater_is_better=False) for power in (1, 2, 1)
    )
    assert one.source == again.source != two.source
    assert (one.name, one.greater_is_better) == ("<lambda>", False)


def within_ten_percent(y_true, y_pred):
    return np.mean(np.abs(y_true - y_pred) < 0.1 * np.abs(y_true))


def make_rows(n_rows=90):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2))
    return X, np.exp(X[:, 0] + rng.normal(scale=0.05, size=n_rows))


def test_a_search_follows_a_lambda_that_no_worker_can_import(tmp_path):
    from models import AutoMLRegressor

    X, y = make_rows()
    near = lambda y, p: np.mean(np.abs(y - p) < 0.2 * y)  # noqa: E731
    given = {"max_trials": 3, "metric": near, "greater_is_better": True, "state_dir": tmp_path}
    model = AutoMLRegressor(**given).fit(X, y)
    board = model.leaderboard_
    assert board["score"].is_monotonic_decreasing
    assert 0 < board["score"].iloc[0] <= model.ensemble_score_ <= 1
    again = AutoMLRegressor(**given).fit(X, y)
    assert again.resumed_trials_ == 4
    nearer = lambda y, p: np.mean(np.abs(y - p) < 0.1 * y)  # noqa: E731
    other = clone(model).set_params(metric=nearer, max_trials=1).fit(X, y)
    assert other.resumed_trials_ == 0
    assert clone(model).get_params()["metric"] is near


def test_labels_are_given_to_a_function_as_they_were_given():
    X, y = make_rows()
    seen = set()

    def accuracy(y_true, y_pred):
        seen.update(y_true, y_pred)
        return np.mean(y_true == y_pred)

    labels = np.where(y > np.median(y), "much", "little")
    InlineClassifier(max_trials=1, metric=accuracy, greater_is_better=True).fit(X, labels)
    assert seen == {"much", "little"}


def test_a_trial_fails_whose_score_is_none():
    X, y = make_rows()

    def picky(y_true, y_pred):
        if np.ptp(y_pred) > 0 and len(y_pred) < 90:
            raise ZeroDivisionError("nothing to share")
        return 0.0

    model = InlineRegressor(max_trials=1, metric=picky, greater_is_better=True).fit(X, y)
    failed = model.leaderboard_.iloc[-1]
    assert (failed["state"], failed["error"]) == ("failed", "ZeroDivisionError: nothing to share")
    assert model.ensemble_ == {0: 1.0}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": within_ten_percent}, "greater_is_better=True or False beside a function"),
        ({"metric": "mae", "greater_is_better": False}, "None beside a name"),
        ({"metric": 3}, "name, a scorer or a function"),
        ({"metric": lambda model, X, y: 0, "greater_is_better": True}, r"\(y_true, y_pred\)"),
        ({"metric": "neg_log_loss"}, "metric of values for regression"),
        ({"metric": "f1_macro"}, "got ValueError: "),
        ({"metric": lambda y, p: "good", "greater_is_better": True}, "got ValueError"),
        ({"metric": lambda y, p: np.nan, "greater_is_better": True}, "finite score, got nan"),
    ],
)
def test_what_cannot_be_asked_is_refused(parameters, message):
    X, y = make_rows()
    with pytest.raises(ValueError, match=message) as refused:
        InlineRegressor(**parameters).fit(X, y)
    assert isinstance(refused.value, ModelError)


def test_a_metric_without_weights_is_refused_beside_weights():
    X, y = make_rows()
    model = InlineRegressor(metric=within_ten_percent, greater_is_better=True)
    with pytest.raises(ValueError, match="takes sample_weight"):
        model.fit(X, y, sample_weight=np.arange(1.0, 91.0))
