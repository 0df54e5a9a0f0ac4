"""The portfolio: what is tried first, in an order that gives a good ensemble early."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from models.candidate import Candidate
from models.families.family import Family, Parameters, Shape
from models.strategies.strategy import Proposal
from models.task import Problem
from models.variants import learned_variants

N_BEFORE_WARM = 1
"""The linear default comes before warm candidates: it is there within seconds. The LightGBM default
bounds what is possible, but so does the last champion, and a warm search has little time."""


def make_portfolio(
    families: Mapping[str, Family],
    problem: Problem,
    shape: Shape,
    warm: Sequence[Candidate] = (),
) -> tuple[Proposal, ...]:
    """Order candidates: the first default, warm ones, then those of the learned list.

    Families that the list does not know follow the warm candidates in turns, each with what it
    proposes itself. Where cells are many, the first candidate that keeps what it has when its
    time is up leads, and warm candidates come right after it. Those of a family that is not
    there, or does not apply, are dropped. Every second candidate of a family takes whole numbers
    that repeat the other way. Where cells are many, those with constructed columns come last.
    """
    proposed = {name: family.portfolio(problem, shape) for name, family in families.items()}
    applicable = {name: portfolio for name, portfolio in proposed.items() if portfolio}
    listed = _listed(families, applicable, problem, shape)
    known = {candidate.family for candidate in listed}
    unlisted = {name: own for name, own in applicable.items() if name not in known}
    if shape.is_large:
        listed = sorted(_leader_first(listed, families), key=_constructs)
    usual = [Proposal(candidate=candidate, origin="portfolio") for candidate in listed]
    own = [Proposal(candidate=candidate, origin="portfolio") for candidate in _in_turns(unlisted)]
    warmed = [
        Proposal(candidate=candidate, origin="warm")
        for candidate in warm
        if candidate.family in applicable
    ]
    first, n_first = usual[:N_BEFORE_WARM], 1 if shape.is_large else 2
    return (*first, *warmed, *usual[len(first) : n_first], *own, *usual[n_first:])


def _listed(
    families: Mapping[str, Family],
    applicable: Mapping[str, tuple[Parameters, ...]],
    problem: Problem,
    shape: Shape,
) -> list[Candidate]:
    """Give the learned list as candidates for these data, each once."""
    candidates = [
        variant.candidate(
            applicable[variant.family][0], families[variant.family].space(problem, shape)
        )
        for variant in learned_variants(problem.task)
        if variant.family in applicable
    ]
    unlike = _alternate(candidates)
    return list({candidate.fingerprint: candidate for candidate in unlike}.values())


def _alternate(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Let every second candidate of a family take whole numbers that repeat the other way.

    Which way is better depends on what they mean, so both are tried early.
    """
    seen: Counter[str] = Counter()
    for candidate in candidates:
        way = candidate.parameters.get("repeated")
        if way is not None and seen[candidate.family] % 2:
            other = "number" if way == "means" else "means"
            yield replace(candidate, parameters={**candidate.parameters, "repeated": other})
        else:
            yield candidate
        seen[candidate.family] += 1


def _in_turns(proposed: Mapping[str, tuple[Parameters, ...]]) -> list[Candidate]:
    """Let families take turns, so that an early ensemble has unlike members."""
    lists = [[Candidate(family=name, parameters=p) for p in own] for name, own in proposed.items()]
    return [candidate for turn in zip_longest(*lists) for candidate in turn if candidate]


def _constructs(candidate: Candidate) -> bool:
    """Whether columns are constructed for a candidate: where cells are many, that takes long."""
    return bool(candidate.parameters.get("constructed"))


def _leader_first(listed: Iterable[Candidate], families: Mapping[str, Family]) -> list[Candidate]:
    """Put the first candidate that can stop early before the others."""
    ordered = list(listed)
    leader = next((c for c in ordered if families[c.family].can_stop_early), None)
    return ordered if leader is None else [leader, *(c for c in ordered if c is not leader)]
