"""How much history candidates learn from: which rows that is, and who asks for it when."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.candidate import Candidate
from models.card_sections.words import history_words, trial_words
from models.dataset import Dataset
from models.ensemble import OutOfFold
from models.families import FAMILIES
from models.leaderboard import TrialRecord, rank
from models.metrics import METRICS
from models.persistence import load_model
from models.preparation import EVERY_ROW, rows_of, weights_of
from models.recency import HISTORY, RECENCIES, history_of, sensible_histories, with_history
from models.search import SearchBudget, SearchOptions, search
from models.sharing import SearchRows
from models.splits import Fold
from models.strategies import Following, Histories, Listed, Proposal
from models.strategies.histories import N_BEFORE, ORIGIN
from models.trial import Bench, RefitRequest, TrialRequest
from models.turning import has_turned
from tests.models.tables import PROBLEMS

HISTORIES = ("all", "newest half", "fading")
AUC = METRICS["roc_auc"]


def any_family(family):
    return True


def make_turned(n_rows=3_000, turned_at=0.5, seed=0):
    """Rows of a rule that turns round: what was true before is false after."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    sign = np.where(np.arange(n_rows) < turned_at * n_rows, -1.0, 1.0)
    y = (sign * X["a"].to_numpy() + rng.normal(scale=0.5, size=n_rows) > 0).astype(np.int8)
    cutoff = np.datetime64("2024-01-01", "us") + np.arange(n_rows) * np.timedelta64(1, "h")
    return Dataset(X=X, y=y, cutoff_time=cutoff)


def rows_of_data(data):
    half = len(data) // 2
    fold = Fold(train=np.arange(half), valid=np.arange(half, len(data)))
    return SearchRows(
        X=data.X,
        y=data.y,
        folds=(fold,),
        problem=PROBLEMS["binary"],
        bagged=False,
        moments=data.cutoff_time,
    )


def trial(number, candidate, newest, origin="portfolio", state="done"):
    return TrialRecord(
        number=number,
        candidate=candidate,
        origin=origin,
        state=state,
        score=0.5,
        fold_scores=(0.9, newest),
    )


def test_rows_of_one_moment_stay_together_and_weights_fall_with_age():
    moments = np.array([1, 2, 2, 2, 3]).astype("datetime64[D]")
    assert RECENCIES["newest half"].keep(moments).tolist() == [1, 2, 3, 4]
    weight = RECENCIES["fading"].weigh(moments)
    assert weight.mean() == pytest.approx(1)
    assert weight[0] < weight[1] == weight[2] == weight[3] < weight[4]
    assert RECENCIES["newest half"].weigh(moments) is None


def test_a_window_is_taken_of_what_a_fold_may_learn_from_and_of_nothing_else():
    rows = rows_of_data(make_turned(1_000))
    fold = rows_of(rows, 0, "newest fifth")
    assert fold.train.tolist() == list(range(400, 500))
    assert fold.valid.tolist() == rows.folds[0].valid.tolist()
    assert rows_of(rows, EVERY_ROW, "newest fifth").train.tolist() == list(range(800, 1_000))
    assert len(rows_of(replace(rows, moments=None), 0, "newest fifth").train) == 500


def test_own_weights_and_recency_are_multiplied():
    rows = rows_of_data(make_turned(1_000))
    heavy = replace(rows, weight=np.where(np.arange(1_000) % 2, 3.0, 1.0))
    train = rows.folds[0].train
    product = weights_of(heavy, train, "fading") / weights_of(rows, train, "fading")
    np.testing.assert_allclose(product[1::2] / product[0::2], 3.0)
    assert weights_of(heavy, train, "fading").mean() == pytest.approx(1)


@pytest.mark.parametrize("family", ["linear", "lightgbm", "neighbours"])
def test_a_candidate_with_a_window_is_the_one_that_never_saw_older_rows(family, tmp_path):
    data = make_turned(1_200)
    rows = rows_of_data(data)
    only = replace(rows, folds=(Fold(train=np.arange(300, 600), valid=rows.folds[0].valid),))
    usual = FAMILIES[family].portfolio(rows.problem, Bench(rows, FAMILIES).shape)[0]
    found = []
    for number, (seen, history) in enumerate([(rows, {HISTORY: "newest half"}), (only, {})]):
        bench = Bench(seen, FAMILIES)
        request = TrialRequest(
            candidate=Candidate(family=family, parameters=usual | history),
            seed=0,
            n_threads=1,
            seconds=60.0,
            oof=tmp_path / f"{number}.npy",
            model=tmp_path / f"model {number}",
        )
        bench.evaluate(request)
        found.append(np.load(request.oof))
    np.testing.assert_array_equal(*found)


def test_the_final_fit_takes_the_newest_rows_too(tmp_path):
    data = make_turned(1_000, turned_at=0.6)
    rows = rows_of_data(data)
    bench = Bench(rows, FAMILIES)
    usual = FAMILIES["linear"].portfolio(rows.problem, bench.shape)[0]
    scores = []
    for history in ("newest fifth", "all"):
        candidate = with_history(Candidate(family="linear", parameters=usual), history)
        request = RefitRequest(
            candidate=candidate, seed=0, n_threads=1, n_rounds=0, model=tmp_path / history
        )
        bench.refit(request)
        scores.append(AUC.score(data.y[600:], load_model(request.model).predict(data.X[600:])))
    assert scores[0] > 0.9 > 0.2 > scores[1]


def play(strategy, worth, n):
    """Answer every proposal with what it is worth on the newest block; give what was proposed."""
    proposed = []
    for number in range(1, n + 1):
        found = strategy.ask(number, any_family)
        if found is None:
            found = Proposal(
                candidate=Candidate(family=f"kind {number % 3}", parameters={"n": number}),
                origin="portfolio",
            )
        strategy.tell(trial(number, found.candidate, worth(found.candidate), found.origin))
        proposed.append(found)
    return proposed


def test_the_leader_of_the_newest_block_is_tried_with_less_and_the_winner_on_the_next():
    strategy = Histories(HISTORIES, AUC)

    def worth(candidate):
        bonus = {"all": 0.0, "newest half": 0.2, "fading": 0.1}[history_of(candidate)]
        return 0.5 + bonus + 0.01 * candidate.parameters["n"]

    proposed = play(strategy, worth, N_BEFORE + 4)
    assert [found.origin for found in proposed[:N_BEFORE]] == ["portfolio"] * N_BEFORE
    asked = [(f.candidate.parameters["n"], history_of(f.candidate)) for f in proposed[N_BEFORE:]]
    leader, runner_up = N_BEFORE, N_BEFORE - 1
    assert asked == [
        (leader, "newest half"),
        (leader, "fading"),
        (runner_up, "newest half"),
        (N_BEFORE + 4, "all"),
    ]
    assert {found.origin for found in proposed[N_BEFORE:-1]} == {ORIGIN}
    assert strategy.settled == "newest half"


def test_what_the_runner_up_does_not_confirm_is_not_settled_on():
    strategy = Histories(HISTORIES, AUC)

    def worth(candidate):
        lucky = candidate.parameters["n"] == N_BEFORE and history_of(candidate) == "fading"
        return (
            0.9
            if lucky
            else 0.5 + 0.01 * candidate.parameters["n"] * (history_of(candidate) == "all")
        )

    play(strategy, worth, N_BEFORE + 4)
    assert strategy.settled == "all"


def test_nothing_depends_on_the_order_of_telling():
    forwards, backwards = Histories(HISTORIES, AUC), Histories(HISTORIES, AUC)
    proposed = play(forwards, lambda c: 0.5 + 0.01 * c.parameters["n"], 6)
    for number, found in reversed(list(enumerate(proposed, start=1))):
        worth = 0.5 + 0.01 * found.candidate.parameters["n"]
        backwards.tell(trial(number, found.candidate, worth, found.origin))
    assert forwards.ask(7, any_family) == backwards.ask(7, any_family)


def test_every_second_proposal_follows_what_was_settled():
    histories = Histories(HISTORIES, AUC)
    play(histories, lambda c: 0.5 + 0.3 * (history_of(c) == "newest half"), N_BEFORE + 4)
    listed = Listed(
        Proposal(candidate=Candidate(family="boat", parameters={"n": n}), origin="portfolio")
        for n in range(2)
    )
    following = Following(listed, histories)
    first = following.ask(11, any_family).candidate
    assert history_of(first) == "newest half"
    following.tell(trial(11, first, 0.5))
    second = following.ask(12, any_family).candidate
    assert (history_of(second), second.parameters["n"]) == ("all", 1)


def test_windows_that_leave_too_few_rows_are_not_tried():
    assert sensible_histories(199) == ("all", "fading")
    assert sensible_histories(99) == ()


def run(data, folder, n_trials, warm=()):
    return search(
        data,
        PROBLEMS["binary"],
        budget=SearchBudget(max_seconds=300.0, max_trials=n_trials),
        seed=0,
        directory=folder,
        warm=warm,
        options=SearchOptions(isolated=False, families="tests.models.planted_few"),
    )


def test_after_a_turn_the_search_forgets_and_says_so(tmp_path):
    data = make_turned(1_600, turned_at=0.5)
    found = run(data, tmp_path / "with", N_BEFORE + 5)
    members = {number for number, weight in found.weights.items() if weight > 0}
    by_number = {entry.number: entry for entry in found.leaderboard.entries}
    forgetful = [n for n in members if history_of(by_number[n].candidate) != "all"]
    assert forgetful
    assert found.turned
    newest = {
        kind: max(
            e.fold_scores[-1]
            for e in found.leaderboard.done
            if (history_of(e.candidate) == "all") is kind
        )
        for kind in (True, False)
    }
    assert newest[False] > newest[True] + 0.05
    assert "newest validation block" in history_words(found.leaderboard)
    assert any("rows" in trial_words(by_number[n]) for n in forgetful)
    short = run(data, tmp_path / "without", N_BEFORE)
    y = found.holdout.y
    gained = AUC.score(y, found.holdout.predictions) - AUC.score(y, short.holdout.predictions)
    assert gained > 0.3
    again = run(data, tmp_path / "again", N_BEFORE + 5)
    assert [e.candidate for e in again.leaderboard.entries] == [
        e.candidate for e in found.leaderboard.entries
    ]
    np.testing.assert_array_equal(again.holdout.predictions, found.holdout.predictions)


def test_where_nothing_turns_all_blocks_choose_the_ensemble(tmp_path):
    data = make_turned(1_200, turned_at=0.0)
    found = run(data, tmp_path, N_BEFORE + 5)
    assert {history_of(entry.candidate) for entry in found.leaderboard.done} >= {"fading"}
    assert not found.turned


@pytest.mark.parametrize("n_rows", [100, 400])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_past_misleads_only_if_less_of_it_is_surely_better(task, n_rows):
    rng = np.random.default_rng(0)
    a, b = Candidate(family="linear"), with_history(Candidate(family="linear"), "fading")
    records = [trial(1, a, 0.5), trial(2, b, 0.6)]
    y = rng.normal(size=n_rows) if task == "regression" else rng.integers(0, 2, n_rows)
    noise = rng.uniform(0.3, 0.7, n_rows)
    good, poor = {
        "binary": (noise * 0.2 + 0.8 * y, noise),
        "multiclass": (
            np.eye(3)[np.abs(y).astype(int) % 3] * 0.4 + 0.2,
            np.full((n_rows, 3), 1 / 3),
        ),
        "regression": (y + 0.1 * noise, y + noise),
    }[task]
    newest, order = OutOfFold(y=y, sizes=(n_rows,)), np.arange(n_rows)
    assert has_turned(records, {1: poor, 2: good}, newest, order) is (n_rows == 400)
    assert not has_turned(records, {1: good, 2: poor}, newest, order)
    assert not has_turned(records, {1: good, 2: good}, newest, order)
    assert not has_turned(records[1:], {2: good}, newest, order)


def test_rows_without_time_have_no_history(tmp_path):
    data = make_turned(600)
    found = run(Dataset(X=data.X, y=data.y), tmp_path, N_BEFORE + 3)
    assert {history_of(entry.candidate) for entry in found.leaderboard.entries} == {"all"}
    assert history_words(found.leaderboard) == ""


def test_words_are_empty_where_all_with_less_history_failed():
    a = Candidate(family="linear")
    failed = trial(2, with_history(a, "fading"), 0.5).failed("crashed", 1.0)
    assert history_words(rank([trial(1, a, 0.5), replace(failed, score=None)], AUC)) == ""
