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

    Every family's first choice comes before any family's second, so that an early ensemble has
    unlike members. Where cells are many, families that keep what they have when their time is up
    come first, and warm candidates right after the first of them.
    """
    many = shape.is_large
    in_turn = sorted(families.items(), key=lambda item: many and not item[1].can_stop_early)
    lists = [
        [Candidate(family=name, parameters=p) for p in family.portfolio(problem, shape)]
        for name, family in in_turn
    ]
    rounds = zip_longest(*(candidates for candidates in lists if candidates))
    ordered = [candidate for turn in rounds for candidate in turn if candidate is not None]
    usual = [Proposal(candidate=candidate, origin="portfolio") for candidate in ordered]
    warmed = [
        Proposal(candidate=candidate, origin="warm")
        for candidate in warm
        if candidate.family in families
    ]
    n_first = 1 if many else N_BEFORE_WARM
    return (*usual[:n_first], *warmed, *usual[n_first:])
