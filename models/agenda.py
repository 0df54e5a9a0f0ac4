"""Agenda: which strategies a search asks, in order."""

from collections.abc import Mapping, Sequence

from models.candidate import Candidate
from models.families.family import Family, Shape
from models.halving import Halving
from models.options import SearchOptions
from models.portfolio import make_portfolio
from models.recency import sensible_histories
from models.sharing import SearchRows
from models.strategies import SAMPLERS, Following, Histories, Listed, Strategy, Tuner, Tuning


def make_agenda(
    rows: SearchRows,
    families: Mapping[str, Family],
    warm: Sequence[Candidate],
    seed: int,
    options: SearchOptions,
) -> tuple[Strategy, ...]:
    """Put the portfolio first, then the strategy of the options, each within what halving says.

    Where rows have time, how much history to learn from is asked once a few trials are done.

    Parameters
    ----------
    warm
        Candidates to try right after the first default, best first.
    """
    shape = Shape.of(rows.X)
    portfolios = {name: f.portfolio(rows.problem, shape) for name, f in families.items()}
    tuning = Tuning(
        spaces={name: family.space(rows.problem, shape) for name, family in families.items()},
        fixed={name: first[0] for name, first in portfolios.items() if first},
        metric=rows.problem.scoring,
        halving=Halving(
            kind=options.halving if rows.bagged and rows.problem.own is None else "none",
            n_folds=len(rows.folds),
            metric=rows.problem.scoring,
        ),
    )
    listed = Listed(make_portfolio(families, rows.problem, shape, warm))
    tuner = Tuner(SAMPLERS[options.strategy], tuning, seed=seed)
    if rows.moments is None:
        return listed, tuner
    smallest = min(len(fold.train) for fold in rows.folds)
    histories = Histories(sensible_histories(smallest), rows.problem.scoring)
    return histories, listed, Following(tuner, histories)
