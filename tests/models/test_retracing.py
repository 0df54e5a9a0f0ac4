"""Retracing: recorded trials run again give what they gave, whenever their time was up."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.assembly import final_model
from models.candidate import Candidate
from models.course import Course
from models.errors import SearchError
from models.families import FAMILIES
from models.families.family import Shape
from models.finishing import Finish
from models.retracing import retrace
from models.search import SearchBudget, SearchOptions, search
from models.sharing import SearchRows
from models.splits import make_folds
from models.trial import Bench, TrialRequest
from tests.models.tables import PROBLEMS, make_table

BOOSTED = [
    name
    for name in ("lightgbm", "xgboost", "histograms", "network", "catboost")
    if name in FAMILIES
]


@pytest.mark.filterwarnings("ignore")  # as in a worker
@pytest.mark.parametrize("family", BOOSTED)
@pytest.mark.parametrize("seconds", [1e-6, 0.05, 60.0])
def test_rounds_on_record_give_the_same_predictions_without_a_deadline(
    family: str, seconds: float, tmp_path: Path
) -> None:
    data, problem = make_table(), PROBLEMS["binary"]
    rows = SearchRows(
        X=data.X, y=data.y, folds=make_folds(data, seed=0), problem=problem, bagged=True
    )
    request = TrialRequest(
        candidate=Candidate(family=family, parameters=_defaults(family, rows)),
        seed=3,
        n_threads=1,
        seconds=seconds,
        oof=tmp_path / "first.npy",
        model=tmp_path / "first",
    )
    first = Bench(rows, FAMILIES).evaluate(request)
    again = replace(
        request,
        seconds=600.0,
        oof=tmp_path / "again.npy",
        model=tmp_path / "again",
        rounds=first.n_rounds,
    )
    second = Bench(rows, FAMILIES).evaluate(again)
    assert second.n_rounds == first.n_rounds
    assert np.array_equal(np.load(request.oof), np.load(again.oof))


def _defaults(family: str, rows: SearchRows) -> dict[str, object]:
    found = FAMILIES[family].portfolio(rows.problem, Shape.of(rows.X))
    return dict(found[0]) if found else {}


@pytest.mark.slow
def test_a_search_comes_out_the_same(tmp_path: Path) -> None:
    data, problem = make_table(), PROBLEMS["binary"]
    options = SearchOptions(executor="local")
    found = search(
        data,
        problem,
        budget=SearchBudget(max_seconds=120.0, max_trials=3),
        seed=1,
        directory=tmp_path / "then",
        options=options,
    )
    again = retrace(
        data,
        problem,
        records=found.leaderboard.entries,
        seed=1,
        directory=tmp_path / "now",
        max_seconds=300.0,
        options=options,
    )
    scores = [{e.number: e.score for e in r.leaderboard.done} for r in (found, again)]
    assert scores[0] == scores[1]
    assert dict(found.weights) == dict(again.weights)
    assert np.array_equal(found.holdout.predictions, again.holdout.predictions)


@pytest.mark.slow
def test_what_there_was_no_time_for_is_not_made_up_for(tmp_path: Path) -> None:
    data, problem = make_table(), PROBLEMS["binary"]
    options = SearchOptions(executor="local")
    budget = SearchBudget(max_seconds=300.0, max_trials=2)
    whole = search(
        data, problem, budget=budget, seed=1, directory=tmp_path / "whole", options=options
    )
    assert whole.course == Course(chosen=whole.course.chosen, joined=True)
    given = {"records": whole.leaderboard.entries, "seed": 1, "max_seconds": 300.0}
    hurried = replace(whole.course, joined=False, stand_ins=whole.course.chosen[:1])
    found = [
        retrace(data, problem, directory=tmp_path / name, course=hurried, options=options, **given)
        for name in ("once", "twice")
    ]
    first, second = (each.holdout.predictions for each in found)
    assert found[0].course == hurried
    assert found[0].finish == Finish(weights=found[0].weights)
    assert not final_model(tmp_path / "once", hurried.stand_ins[0]).exists()
    assert np.array_equal(first, second)
    assert not np.array_equal(first, whole.holdout.predictions)
    assert Course.from_dict(json.loads(json.dumps(hurried.to_dict()))) == hurried


def test_nothing_to_run_again_is_refused(tmp_path: Path) -> None:
    data, problem = make_table(), PROBLEMS["binary"]
    with pytest.raises(SearchError, match="trial to run again"):
        retrace(data, problem, records=(), seed=0, directory=tmp_path / "none", max_seconds=10.0)
