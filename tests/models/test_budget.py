from dataclasses import replace

import pytest

from models.budget import Clock, SearchBudget, expected_seconds, refit_seconds
from models.candidate import Candidate
from models.errors import OptionError
from models.families import FAMILIES
from models.leaderboard import TrialRecord
from models.outlook import is_first_of_kind


def clock(elapsed, max_seconds=100.0, max_trials=None):
    budget = SearchBudget(max_seconds=max_seconds, max_trials=max_trials)
    return Clock(budget=budget, start=0.0, now=lambda: elapsed)


def took(family, seconds, state="done"):
    return TrialRecord(
        number=1, candidate=Candidate(family=family), origin="tpe", state=state, seconds=seconds
    )


@pytest.mark.parametrize("wrong", [{"max_seconds": 0}, {"max_seconds": -1}, {"max_trials": 0}])
def test_a_budget_for_nothing_is_refused(wrong):
    with pytest.raises(OptionError, match="Expected max_"):
        SearchBudget(**wrong)


def test_limits_fit_into_what_is_left():
    assert clock(10).remaining == 90
    assert clock(10).closing_seconds(0.1) == 3
    assert clock(10).closing_seconds(4.0) == 6
    assert clock(0).soft_limit(50) == 20
    assert clock(0).hard_limit(50) == 31
    assert clock(0).hard_limit(8) == 8
    assert clock(0).soft_limit(-1) == 0
    assert clock(0).soft_limit(8) < 8
    assert clock(0, max_seconds=10).soft_limit(9) == 5


def test_costs_choose_nothing_when_trials_are_counted():
    assert clock(0).max_refit_seconds == 30
    assert clock(0, max_trials=3).max_refit_seconds == float("inf")


def test_costs_are_learned_from_what_was_measured():
    told = [took("linear", 2.0), took("lightgbm", 100.0, "failed")]
    assert expected_seconds("lightgbm", [], FAMILIES) == 0
    assert expected_seconds("lightgbm", told, FAMILIES) == 4
    told += [took("lightgbm", 8.0), took("lightgbm", 10.0)]
    assert expected_seconds("lightgbm", told, FAMILIES) == 9


def test_a_final_fit_costs_more_on_more_rows():
    record = TrialRecord(
        number=1, candidate=Candidate(family="linear"), origin="tpe", fit_seconds=(1.0, 2.0)
    )
    assert refit_seconds(record, 80, 100) == pytest.approx(0.2 + 2.0 * 1.2 * 1.25)


def test_the_first_of_a_family_and_the_first_that_constructs_have_to_prepare():
    known = [took("linear", 1.0), took("lightgbm", 2.0)]
    plain, constructing = (
        Candidate(family="lightgbm", parameters={"constructed": number}) for number in (0, 30)
    )
    assert is_first_of_kind(Candidate(family="xgboost"), known)
    assert not is_first_of_kind(plain, known)
    assert is_first_of_kind(constructing, known)
    assert not is_first_of_kind(constructing, [*known, replace(known[0], candidate=constructing)])
