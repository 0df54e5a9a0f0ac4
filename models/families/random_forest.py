"""Random forests: trees on bootstrapped rows with the best of random columns at every split.

References
----------
Breiman: Random Forests (Machine Learning 45, 2001). The space is TabRepo's (arXiv 2311.02971,
leaves of 1 to 80 rows, a share of the columns up to all) without its limit on leaves, which is
`models.families.forest.MAX_LEAVES` here; AutoGluon's default has 300 trees, where 100 give nearly
the same in a third of the time.
"""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from models.families.encodings import code_encoding, encoding_space, usual_encoding
from models.families.family import Fit, FitTask, Parameters, Shape
from models.families.forest import MANY_CELLS, grow
from models.preprocessing import Encoding
from models.space import Real, Space, Whole
from models.task import Problem


class RandomForest:
    """Robust without tuning; dearer than extremely randomised trees, which sort nothing."""

    name = "random_forest"
    relative_cost = 4.0
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give small leaves; regression looks at more columns, as is usual."""
        large = shape.n_cells > MANY_CELLS
        share = 0.25 if problem.is_classification else 0.4
        return (
            {
                **usual_encoding(shape),
                "n_trees": 50 if large else 100,
                "min_rows_in_leaf": 5 if shape.n_rows > 5_000 else 2,
                "feature_fraction": 0.15 if large else share,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary leaf size and the share of columns tried at a split."""
        return {
            "min_rows_in_leaf": Whole(low=1, high=80, log=True),
            "feature_fraction": Real(low=0.05, high=0.3 if shape.n_cells > MANY_CELLS else 1.0),
            **encoding_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes; scikit-learn's trees send missing numbers where they fit best."""
        return code_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Grow the trees."""
        classifies = task.problem.is_classification
        kind = RandomForestClassifier if classifies else RandomForestRegressor
        return grow(kind, task, bootstrap=True)
