"""Extremely randomised trees: many random trees, averaged."""

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from models.families.encodings import code_encoding, encoding_space, usual_encoding
from models.families.family import Fit, FitTask, Parameters, Shape
from models.families.forest import MANY_CELLS, grow
from models.preprocessing import Encoding
from models.space import Real, Space, Whole
from models.task import Problem


class ExtraTrees:
    """Little to tune, errors unlike boosting's."""

    name = "extra_trees"
    relative_cost = 2.0
    can_stop_early = False

    def portfolio(self, problem: Problem, shape: Shape) -> tuple[Parameters, ...]:
        """Give trees whose leaves hold a few rows."""
        large = shape.n_cells > MANY_CELLS
        return (
            {
                **usual_encoding(shape),
                "n_trees": 60 if large else 100,
                "min_rows_in_leaf": 5 if shape.n_rows > 5_000 else 2,
                "feature_fraction": 0.15 if large else 0.3,
            },
        )

    def space(self, problem: Problem, shape: Shape) -> Space:
        """Vary leaf size and the share of columns tried at a split."""
        return {
            "min_rows_in_leaf": Whole(low=1, high=60, log=True),
            "feature_fraction": Real(low=0.05, high=0.5 if shape.n_cells > MANY_CELLS else 1.0),
            **encoding_space(shape),
        }

    def encoding(self, parameters: Parameters) -> Encoding:
        """Take codes; scikit-learn's trees send missing numbers where they fit best."""
        return code_encoding(parameters)

    def fit(self, task: FitTask) -> Fit:
        """Grow the trees."""
        classifies = task.problem.is_classification
        kind = ExtraTreesClassifier if classifies else ExtraTreesRegressor
        return grow(kind, task, bootstrap=False)
