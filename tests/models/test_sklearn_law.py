"""scikit-learn's own checks, on the search as it is but for processes of its own.

Each check fits several times, and a process costs two seconds; what processes add (limits, crashes)
is no business of scikit-learn's law and is tested in test_workers.py and test_search.py.
"""

from dataclasses import replace

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from models import AutoMLClassifier, AutoMLRegressor
from models.options import SearchOptions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


class InlineClassifier(AutoMLClassifier):
    def _options(self) -> SearchOptions:
        return replace(super()._options(), isolated=False)


class InlineRegressor(AutoMLRegressor):
    def _options(self) -> SearchOptions:
        return replace(super()._options(), isolated=False)


@parametrize_with_checks([InlineClassifier(max_trials=1), InlineRegressor(max_trials=1)])
def test_an_estimator_keeps_the_law(estimator, check):
    check(estimator)
