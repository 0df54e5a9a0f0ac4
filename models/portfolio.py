"""The portfolio: what is tried first, in an order that gives a good ensemble early."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from models.candidate import Candidate
from models.families.family import Family, Shape
from models.strategies.strategy import Proposal
from models.task import Problem

N_BEFORE_WARM = 2
"""The linear and the LightGBM default come before warm candidates: they bound what is possible
on the new data, and the first of them is there within seconds."""


def make_portfolio(
    families: Mapping[str, Family],
    problem: Problem,
    shape: Shape,
    warm: Sequence[Candidate] = (),
) -> tuple[Proposal, ...]:
    """Order candidates: the first defaults, warm ones, then the families in turn.

    Families take turns, so that an early ensemble has unlike members; one that seldom wins joins
    a turn later. Where cells are many, the first family that keeps what it has when its time is
    up leads, and warm candidates come right after it. Those of a family without a portfolio,
    which does not apply, are dropped.
    """
    many = shape.is_large
    lists = {
        name: [None] * families[name].first_turn
        + [Candidate(family=name, parameters=p) for p in portfolio]
        for name in _in_turn(families, many=many)
        if (portfolio := families[name].portfolio(problem, shape))
    }
    rounds = zip_longest(*lists.values())
    ordered = [candidate for turn in rounds for candidate in turn if candidate is not None]
    usual = [Proposal(candidate=candidate, origin="portfolio") for candidate in ordered]
    warmed = [
        Proposal(candidate=candidate, origin="warm")
        for candidate in warm
        if candidate.family in lists
    ]
    n_first = 1 if many else N_BEFORE_WARM
    return (*usual[:n_first], *warmed, *usual[n_first:])


def _in_turn(families: Mapping[str, Family], *, many: bool) -> list[str]:
    names = list(families)
    leaders = [name for name in names if families[name].can_stop_early]
    if many and leaders:
        names.remove(leaders[0])
        names.insert(0, leaders[0])
    return names
