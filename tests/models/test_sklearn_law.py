"""scikit-learn's own checks, on the search as it is but for processes of its own.

Each check fits several times, and a process costs two seconds; what processes add (limits, crashes)
is no business of scikit-learn's law and is tested in test_workers.py and test_search.py.
"""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.models.inline import InlineClassifier, InlineRegressor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


def broken(estimator):
    """What does not hold where rows are split: repeated ones are judged in several folds."""
    return {"check_sample_weight_equivalence_on_dense_data": "folds deal repeated rows apart"}


@parametrize_with_checks(
    [InlineClassifier(max_trials=1), InlineRegressor(max_trials=1)],
    expected_failed_checks=broken,
)
def test_an_estimator_keeps_the_law(estimator, check):
    check(estimator)
