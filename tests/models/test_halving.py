from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.candidate import Candidate
from models.families import FAMILIES
from models.halving import Halving
from models.leaderboard import TrialRecord
from models.metrics import METRICS
from models.options import SearchOptions
from models.search import SearchBudget, search
from models.sharing import SearchRows
from models.splits import Fold
from models.trial import Bench, TrialRequest
from tests.models.tables import PROBLEMS, make_table

# An empty column: a worker runs with `-W ignore`.
pytestmark = [
    pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning"),
]

AUC, LOSS = METRICS["roc_auc"], METRICS["log_loss"]


def halving(kind="asha", n_folds=5, metric=AUC):
    return Halving(kind=kind, n_folds=n_folds, metric=metric)


def done(number, *fold_scores, family="boat"):
    return TrialRecord(
        number=number,
        candidate=Candidate(family=family),
        origin="tpe",
        state="done",
        score=float(np.mean(fold_scores)),
        fold_scores=fold_scores,
    )


def stopped(number, *fold_scores):
    begun = TrialRecord(number=number, candidate=Candidate(family="boat"), origin="tpe")
    return begun.stopped(fold_scores, 5, 1.0)


FOUR = [done(n, *(score,) * 5) for n, score in enumerate([0.6, 0.9, 0.7, 0.8])]


def test_the_better_half_of_a_rung_passes():
    assert halving().bars("boat", FOUR) == pytest.approx((0.8, 0.8, None, 0.8))


def test_less_is_better_where_the_metric_says_so():
    assert halving(metric=LOSS).bars("boat", FOUR)[0] == pytest.approx(-0.7)


def test_stopped_trials_are_rivals_on_the_rungs_they_reached():
    known = [*FOUR, stopped(4, 0.95), stopped(5, 0.96)]
    bars = halving().bars("boat", known)
    assert bars[0] == pytest.approx(0.9)  # the third best of six
    assert bars[1] == pytest.approx(0.8)


def test_few_rivals_and_other_families_set_no_bar():
    assert halving().bars("boat", FOUR[:2]) == (None,) * 4
    assert halving().bars("cart", FOUR) == (None,) * 4
    assert halving("none").bars("boat", FOUR) == (None,) * 4


def test_brackets_of_hyperband_take_turns():
    first = [
        [n + 1 for n, bar in enumerate(halving("hyperband").bars("boat", known)) if bar is not None]
        for known in ([*FOUR, *(stopped(4 + n, 0.5) for n in range(more))] for more in range(4))
    ]
    assert first == [[1, 2, 4], [2, 4], [4], []]


def test_what_a_stopped_trial_would_gain_is_expected_from_the_folds_it_missed():
    hard = [done(0, 0.6, 0.8, 0.8, 0.8, 0.8), done(1, 0.5, 0.7, 0.7, 0.7, 0.7)]
    behind = stopped(2, 0.4)
    assert halving().gain(behind, [*hard, behind]) == pytest.approx(0.4 + 0.16)
    assert halving().gain(hard[0], hard) == pytest.approx(0.76)
    assert halving().gain(replace(behind, state="failed"), hard) is None


def request(folder, bars, penalty=1.0):
    return TrialRequest(
        candidate=Candidate(
            family="linear", parameters={"penalty": penalty, "scaling": "standard"}
        ),
        seed=0,
        n_threads=1,
        seconds=30.0,
        oof=folder / "oof.npy",
        model=folder / "model",
        bars=bars,
    )


def test_a_trial_that_is_behind_ends_and_leaves_nothing(tmp_path):
    data, order = make_table("binary", n_rows=300), np.arange(300)
    folds = tuple(Fold(train=order[order % 4 != k], valid=order[order % 4 == k]) for k in range(4))
    rows = SearchRows(X=data.X, y=data.y, folds=folds, problem=PROBLEMS["binary"], bagged=True)
    bench = Bench(rows, FAMILIES)
    for name, bars, n_done in (("first", (1.0, None, None), 1), ("third", (0.0, None, 1.0), 3)):
        (tmp_path / name).mkdir()
        result = bench.evaluate(request(tmp_path / name, bars))
        assert len(result.stopped) == n_done
        assert all(0.5 < score < 1 for score in result.stopped)
        assert list((tmp_path / name).iterdir()) == []
    (tmp_path / "whole").mkdir()
    assert bench.evaluate(request(tmp_path / "whole", (0.0, None, 0.0))).stopped == ()
    assert (tmp_path / "whole" / "oof.npy").exists()


def run(directory, **options):
    return search(
        make_table("binary", n_rows=400, timed=False),
        PROBLEMS["binary"],
        budget=SearchBudget(max_seconds=300, max_trials=14),
        seed=0,
        directory=directory,
        options=SearchOptions(families="planted_linear", strategy="random", **options),
    )


def essence(result):
    return [(e.number, e.candidate, e.state, e.fold_scores) for e in result.leaderboard.entries]


def test_a_search_stops_some_and_finds_the_same_when_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    result = run(tmp_path / "s", isolated=False)
    by_state = {state: [e for e in result.leaderboard.entries if e.state == state]
                for state in ("done", "stopped", "failed")}  # fmt: skip
    assert by_state["stopped"]
    assert not by_state["failed"]
    assert {e.origin for e in by_state["stopped"]} == {"random"}
    assert all(len(e.fold_scores) < 5 and "behind after" in e.error for e in by_state["stopped"])
    assert not {e.number for e in by_state["stopped"]} & set(result.weights)
    again = run(tmp_path / "s", isolated=False)
    assert again.resumed_trials == 15
    assert essence(again) == essence(result)
    whole = run(tmp_path / "whole", isolated=False, halving="none")
    assert {e.state for e in whole.leaderboard.entries} == {"done"}
