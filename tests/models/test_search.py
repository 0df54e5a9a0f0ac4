import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.candidate import Candidate
from models.dataset import Dataset
from models.errors import OptionError, ProblemError, SearchError
from models.families import FAMILIES
from models.ledger import TrialLedger
from models.persistence import load_model, save_model
from models.retracing import retrace
from models.search import SearchBudget, SearchOptions, search
from tests.models.postgres import scratch_database
from tests.models.tables import PROBLEMS, make_table

HERE = Path(__file__).parent
N_TRIALS = 9
HERE_AND_NOW = SearchOptions(families="planted_few", isolated=False)
"""For what does not depend on workers, which take seconds to come up."""


def promise(max_seconds):
    """Give the seconds that a search may take at the most: what is promised, other work beside."""
    return 1.02 * max_seconds + 2.0


@pytest.fixture(scope="module", autouse=True)
def _planted_families_are_found():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield


def run(data, task, directory, *, n_trials=N_TRIALS, max_seconds=200.0, **more):
    more.setdefault("options", SearchOptions(families="planted_few"))
    return search(
        data,
        PROBLEMS[task],
        budget=SearchBudget(max_seconds=max_seconds, max_trials=n_trials),
        seed=0,
        directory=directory,
        **more,
    )


def essence(result):
    return [
        (e.number, e.candidate, e.origin, e.state, e.score, e.fold_scores, e.n_rounds)
        for e in result.leaderboard.entries
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    directory = tmp_path_factory.mktemp("search") / "s"
    events = []
    data = make_table("binary", n_rows=600)
    return data, run(data, "binary", directory, on_event=events.append), events, directory


def test_a_search_ends_with_a_model_that_is_better_than_nothing(found):
    data, result, _, _ = found
    board, metric = result.leaderboard, PROBLEMS["binary"].scoring
    assert len(board.entries) == N_TRIALS + 1
    assert [e.state for e in board.entries] == ["done"] * (N_TRIALS + 1)
    assert result.ensemble_score >= board.best.score > 0.7
    assert metric.score(result.holdout.y, result.holdout.predictions) > 0.7
    assert {e.candidate.family for e in board.entries} == {
        "constant", "linear", "lightgbm", "extra_trees",
    }  # fmt: skip
    assert {e.origin for e in board.entries} == {"baseline", "portfolio", "history"}
    np.testing.assert_array_equal(result.holdout.y, data.y[result.holdout.indices])


def test_the_holdout_is_predicted_by_the_model_that_ships(found, tmp_path):
    data, result, _, _ = found
    save_model(result.model, tmp_path / "model")
    X = data.X.iloc[result.holdout.indices]
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict(X), result.holdout.predictions
    )
    assert result.course.stand_ins == ()
    assert result.course.joined
    assert len(result.model.members) == len(result.weights)


def test_events_tell_every_trial_and_never_a_worse_ensemble(found):
    _, result, events, _ = found
    told = [event.trial for event in events if event.phase == "trial"]
    assert sorted(told, key=lambda t: t.number) == sorted(
        result.leaderboard.entries, key=lambda t: t.number
    )
    assert all(event.ensemble_score >= event.best_score for event in events)
    assert [event.phase for event in events][-1] == "done"
    assert events[-1].elapsed <= result.seconds


def test_trials_leave_predictions_for_every_validation_row(found):
    _, result, _, directory = found
    for entry in result.leaderboard.entries:
        prediction = np.load(directory / entry.oof)
        assert len(prediction) == len(np.load(directory / result.leaderboard.best.oof))
        assert np.isfinite(prediction).all()


def test_the_same_seed_and_trials_give_the_same_leaderboard_and_model(found, tmp_path):
    data, result, _, _ = found
    again = run(data, "binary", tmp_path / "again")
    assert essence(again) == essence(result)
    assert again.weights == result.weights
    np.testing.assert_array_equal(again.holdout.predictions, result.holdout.predictions)


@pytest.mark.slow
def test_a_finished_search_is_not_computed_again_and_goes_on_with_more_trials(found, tmp_path):
    data, _, _, _ = found
    first = run(data, "binary", tmp_path, n_trials=3)
    before = time.monotonic()
    same = run(data, "binary", tmp_path, n_trials=3)
    assert time.monotonic() - before < 10
    assert same.resumed_trials == 4
    assert essence(same) == essence(first)
    np.testing.assert_array_equal(same.holdout.predictions, first.holdout.predictions)
    more = run(data, "binary", tmp_path, n_trials=N_TRIALS)
    assert more.resumed_trials == 4
    assert essence(more) == essence(found[1])


_CHILD = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from pathlib import Path
from models.search import SearchBudget, SearchOptions, search
from tests.models.tables import PROBLEMS, make_table
search(make_table("binary", n_rows=300), PROBLEMS["binary"],
       budget=SearchBudget(max_seconds=200, max_trials=8), seed=0, directory=Path({directory!r}),
       options=SearchOptions(families="planted_slowly", ledger={ledger!r}),
       on_event=lambda e: print(e.trial and e.trial.number, flush=True))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def ledger_url(request):
    with scratch_database() if request.param == "postgresql" else nullcontext() as url:
        yield url


@pytest.mark.slow
def test_a_killed_search_continues_and_ends_as_if_undisturbed(tmp_path, monkeypatch, ledger_url):
    monkeypatch.syspath_prepend(str(HERE))
    data, slow = make_table("binary", n_rows=300), SearchOptions(families="planted_slowly")
    undisturbed = run(data, "binary", tmp_path / "whole", options=slow, n_trials=8)
    slow = dataclasses.replace(slow, ledger=ledger_url)
    script = _CHILD.format(
        here=str(HERE),
        root=str(HERE.parent.parent),
        directory=str(tmp_path / "killed"),
        ledger=ledger_url,
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        ended = set()
        while not ended >= {b"1", b"2", b"3"}:  # two workers: the third may end before the second
            ended.add(child.stdout.readline().strip())
            assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)
    killed = TrialLedger(
        tmp_path / "killed", fingerprint=undisturbed.search_fingerprint, url=ledger_url
    )
    records = {r.number: r for r in killed.records()}
    assert sum(record.state == "done" for record in records.values()) >= 3
    assert (tmp_path / "killed" / "trials.sqlite").exists() == (ledger_url is None)
    events = []
    resumed = run(
        data, "binary", tmp_path / "killed", on_event=events.append, options=slow, n_trials=8
    )
    assert resumed.resumed_trials >= 4
    assert essence(resumed) == essence(undisturbed)
    after = {e.number: e for e in resumed.leaderboard.entries}
    for number, record in records.items():
        if record.state == "done":
            assert after[number] == record  # the very record: nothing was measured again
    told = [e.trial.number for e in events if e.phase == "resumed"]
    assert told == [number for number, record in records.items() if record.state != "running"]
    assert resumed.weights == undisturbed.weights


def test_a_ledger_out_of_reach_ends_a_search_before_it_starts(tmp_path):
    away = SearchOptions(families="planted_few", ledger="postgresql://ann:hush@127.0.0.1:1/x")
    with pytest.raises(SearchError, match=r"ledger of trials at .*ann:\*\*\*@127") as refusal:
        run(make_table("binary", n_rows=100), "binary", tmp_path, options=away)
    assert "hush" not in str(refusal.value)
    assert not (tmp_path / "data").exists()


_INTERRUPTED = (
    _CHILD.replace("max_trials=8", "max_trials=None")
    .replace(
        'SearchOptions(families="planted_slowly", ledger={ledger!r})',
        'SearchOptions(families="planted_slowly", finish_on_interrupt=True)',
    )
    .replace("search(make", "found = search(make")
    + "print('best', found.ensemble_score, flush=True)"
)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_gives_the_best_so_far(tmp_path, number):
    script = _INTERRUPTED.format(
        here=str(HERE), root=str(HERE.parent.parent), directory=str(tmp_path)
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        while child.stdout.readline().strip() != "3":
            assert child.poll() is None
        begun = time.monotonic()
        child.send_signal(number)
        told = child.stdout.read().splitlines()
        assert child.wait() == 0
    assert time.monotonic() - begun < 60, "of the 200 s it was given"
    assert float(told[-1].removeprefix("best ")) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(task, tmp_path):
    data = make_table(task, n_rows=400, timed=task == "multiclass")
    result = run(data, task, tmp_path, n_trials=4, options=HERE_AND_NOW)
    metric = PROBLEMS[task].scoring
    baseline = next(e for e in result.leaderboard.entries if e.origin == "baseline")
    held = metric.score(result.holdout.y, result.holdout.predictions)
    assert metric.gain(held) > metric.gain(baseline.score)
    if task == "multiclass":
        assert result.holdout.predictions.shape == (len(result.holdout.y), 3)


@pytest.mark.slow
def test_all_families_are_tried_before_any_is_tuned(tmp_path):
    data = make_table("multiclass", n_rows=300)
    n_trials = 2 * len(FAMILIES)
    here = SearchOptions(isolated=False)
    result = run(data, "multiclass", tmp_path, n_trials=n_trials, options=here)
    entries = sorted(result.leaderboard.entries, key=lambda entry: entry.number)
    assert [entry.error for entry in entries if entry.state != "done"] == []
    tried = {entry.candidate.family for entry in entries if entry.origin != "tpe"}
    assert tried == set(FAMILIES)
    assert [entry.candidate.family for entry in entries[1:3]] == ["linear", "lightgbm"]


def test_without_time_members_are_their_fold_models(tmp_path):
    data = make_table("binary", timed=False)
    result = run(data, "binary", tmp_path, n_trials=2, options=HERE_AND_NOW)
    assert len(result.model.members) == 5 * len(result.weights)
    assert not list((tmp_path / "models").glob("*-final"))


def test_warm_candidates_are_tried_after_the_first_default(tmp_path):
    warm = Candidate(family="linear", parameters={"penalty": 3.0, "scaling": "quantile"})
    data = make_table(n_rows=200)
    result = run(data, "binary", tmp_path, n_trials=3, warm=[warm], options=HERE_AND_NOW)
    by_number = {e.number: e for e in result.leaderboard.entries}
    assert by_number[2].candidate == warm
    assert by_number[2].origin == "warm"


@pytest.mark.slow
def test_failures_of_every_kind_are_failed_trials_and_the_search_goes_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    result = run(
        make_table(n_rows=200),
        "binary",
        tmp_path,
        n_trials=6,
        options=SearchOptions(families="planted"),
    )
    failed = {e.candidate.family: e.error for e in result.leaderboard.entries if e.error}
    assert failed["crasher"] == "crashed with signal 11"
    assert failed["raiser"].startswith("MemoryError")
    assert "finite" in failed["nans"]
    assert {e.candidate.family for e in result.leaderboard.done} >= {"linear", "printer"}


@pytest.mark.slow
def test_a_family_that_eats_memory_is_a_failed_trial(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    options = SearchOptions(families="planted_memory", n_jobs=1, max_worker_bytes=900_000_000)
    result = run(make_table(n_rows=200), "binary", tmp_path, n_trials=3, options=options)
    failed = {e.candidate.family: e.error for e in result.leaderboard.entries if e.error}
    assert list(failed) == ["eater"]
    assert failed["eater"].startswith("memory limit")
    assert failed["eater"].endswith(" of 900 MB")


@pytest.mark.slow
def test_one_worker_and_two_find_the_same(found, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    data, result, _, _ = found
    one = run(
        data, "binary", tmp_path / "1", options=SearchOptions(families="planted_few", n_jobs=1)
    )
    two = run(
        data, "binary", tmp_path / "2", options=SearchOptions(families="planted_few", n_jobs=2)
    )
    assert essence(one) == essence(two) == essence(result)
    assert one.weights == two.weights
    np.testing.assert_array_equal(one.holdout.predictions, two.holdout.predictions)


def test_without_isolation_the_same_is_found_in_this_process(found, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    data, result, _, _ = found
    inline = run(
        data, "binary", tmp_path, options=SearchOptions(families="planted_few", isolated=False)
    )
    assert essence(inline) == essence(result)
    np.testing.assert_array_equal(inline.holdout.predictions, result.holdout.predictions)
    assert not list(tmp_path.glob("worker_*.log"))


@pytest.mark.alone
@pytest.mark.slow
def test_two_workers_are_at_work_at_once(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    options = SearchOptions(families="planted_slowly", n_jobs=2)
    data = make_table("binary", n_rows=300)
    result = run(data, "binary", tmp_path, n_trials=8, options=options)
    assert (tmp_path / "worker_0.log").exists()
    assert (tmp_path / "worker_1.log").exists()
    slow = [e for e in result.leaderboard.done if e.origin != "baseline"]
    began = sorted((tmp_path / e.oof).stat().st_mtime - e.seconds for e in slow)
    ended = sorted((tmp_path / e.oof).stat().st_mtime for e in slow)
    assert any(start < end for start, end in zip(began[1:], ended, strict=False))


@pytest.mark.alone
@pytest.mark.slow
def test_a_hanging_family_does_not_break_the_limit(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    result = run(
        make_table(n_rows=200),
        "binary",
        tmp_path,
        n_trials=None,
        max_seconds=20.0,
        options=SearchOptions(families="planted_hang"),
    )
    assert result.seconds < promise(20.0)
    slept = [e for e in result.leaderboard.entries if e.candidate.family == "sleeper"]
    assert [(e.state, e.error) for e in slept] == [("failed", "time limit")]
    assert result.leaderboard.best.candidate.family == "linear"


@pytest.mark.alone
@pytest.mark.slow
def test_a_hanging_final_fit_is_stood_in_for_by_the_last_fold(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    result = run(
        make_table(n_rows=200),
        "binary",
        tmp_path,
        n_trials=None,
        max_seconds=15.0,
        options=SearchOptions(families="planted_refit"),
    )
    assert result.seconds < promise(15.0)
    assert result.course.stand_ins == (1,)
    assert len(set(result.holdout.predictions)) > 10
    # Gone again, the member that stood in does so again: it is not fitted, or this would hang.
    again = retrace(
        make_table(n_rows=200),
        PROBLEMS["binary"],
        records=result.leaderboard.entries,
        seed=0,
        directory=tmp_path / "again",
        max_seconds=600.0,
        course=result.course,
        options=SearchOptions(families="planted_refit"),
    )
    assert again.seconds < 120
    assert again.course == result.course
    assert np.array_equal(again.holdout.predictions, result.holdout.predictions)


@pytest.mark.alone
def test_no_time_for_anything_still_gives_the_baseline(tmp_path):
    result = run(make_table(n_rows=200), "binary", tmp_path, n_trials=None, max_seconds=0.5)
    assert result.weights == {0: 1.0}
    assert len(set(result.holdout.predictions)) == 1


@pytest.mark.slow
def test_sealed_rows_do_not_matter_to_the_search(found, tmp_path):
    data, result, _, _ = found
    X, y = data.X.copy(), data.y.copy()
    X.loc[result.holdout.indices, "size"] = 1e6
    y[result.holdout.indices] = 1 - y[result.holdout.indices]
    changed = dataclasses.replace(data, X=X, y=y)
    other = run(changed, "binary", tmp_path, n_trials=3, options=HERE_AND_NOW)
    mine = [row for row in essence(result) if row[0] <= 3]
    assert sorted(essence(other), key=str) == sorted(mine, key=str)


def test_another_search_in_the_directory_is_refused(found):
    directory = found[3]
    with pytest.raises(SearchError, match="Choose another directory"):
        run(make_table("binary", n_rows=601), "binary", directory)


def test_a_directory_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    begun, data = threading.Event(), make_table(n_rows=200)
    slow = {"options": SearchOptions(families="planted_slowly"), "n_trials": 3}
    first = threading.Thread(
        target=lambda: run(data, "binary", tmp_path, on_event=lambda e: begun.set(), **slow)
    )
    first.start()
    begun.wait(30)
    with pytest.raises(SearchError, match="another process searches there"):
        run(data, "binary", tmp_path, **slow)
    first.join()


def test_the_portfolio_is_followed_up_by_the_strategy_asked_for(tmp_path):
    options = SearchOptions(families="planted_few", strategy="evolution", isolated=False)
    data = make_table("binary", n_rows=200)
    result = run(data, "binary", tmp_path, n_trials=9, options=options)
    origins = [e.origin for e in sorted(result.leaderboard.entries, key=lambda e: e.number)]
    assert origins[-1] == "evolution"
    assert set(origins) == {"baseline", "portfolio", "evolution"}
    other = SearchOptions(families="planted_few", strategy="random", n_jobs=1)
    with pytest.raises(SearchError, match="to hold search"):
        run(data, "binary", tmp_path, n_trials=9, options=other)


def test_nonsense_is_refused_before_anything_is_tried(tmp_path):
    data = make_table(n_rows=200)
    with pytest.raises(OptionError, match="one of the families"):
        run(data, "binary", tmp_path, warm=[Candidate(family="oracle")])
    with pytest.raises(OptionError, match=r"strategy \(grid, .*'tpee'. Did you mean 'tpe'"):
        SearchOptions(strategy="tpee")
    one_class = dataclasses.replace(data, y=np.zeros(200, dtype=int))
    with pytest.raises(ProblemError, match="two classes"):
        run(one_class, "binary", tmp_path)
    few = Dataset(X=pd.DataFrame({"a": np.zeros(12)}), y=np.arange(12) % 2)
    with pytest.raises(ProblemError, match="30 labelled rows"):
        run(few, "binary", tmp_path)
