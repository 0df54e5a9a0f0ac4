"""scikit-learn's own checks; each fit starts a worker process, so all of them take minutes."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from models import AutoMLClassifier, AutoMLRegressor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@parametrize_with_checks([AutoMLClassifier(max_trials=1), AutoMLRegressor(max_trials=1)])
def test_an_estimator_keeps_the_law(estimator, check):
    check(estimator)
