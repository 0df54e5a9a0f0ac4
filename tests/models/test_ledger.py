import pytest

from models.candidate import Candidate
from models.errors import SearchError
from models.leaderboard import TrialRecord, rank
from models.ledger import TrialLedger
from models.metrics import METRICS

CANDIDATE = Candidate(family="linear", parameters={"penalty": 0.1, "scaling": "standard"})


def record(number, **changes):
    return TrialRecord(number=number, candidate=CANDIDATE, origin="portfolio", **changes)


def done(number, score):
    return record(
        number,
        state="done",
        score=score,
        fold_scores=(score, score),
        seconds=1.25,
        oof=f"oof/{number}.npy",
        fit_seconds=(0.5, 0.25),
        n_rounds=(3, 4),
    )


def test_records_come_back_as_they_were(tmp_path):
    ledger = TrialLedger(tmp_path, fingerprint="f")
    written = [done(0, 0.5), record(1, state="failed", error="time limit"), record(2)]
    for one in written:
        ledger.write(one)
    assert TrialLedger(tmp_path, fingerprint="f").records() == tuple(written)


def test_an_end_replaces_a_start(tmp_path):
    ledger = TrialLedger(tmp_path, fingerprint="f")
    ledger.write(record(1))
    ledger.write(done(1, 0.7))
    assert ledger.records() == (done(1, 0.7),)
    assert ledger.interrupted() == ()


def test_another_search_is_refused(tmp_path):
    TrialLedger(tmp_path, fingerprint="f")
    with pytest.raises(SearchError, match="Choose another directory"):
        TrialLedger(tmp_path, fingerprint="g")


def test_what_kills_its_search_again_and_again_is_given_up(tmp_path):
    ledger = TrialLedger(tmp_path, fingerprint="f")
    ledger.write(record(1))
    for attempt in (2, 3):
        (again,) = ledger.interrupted()
        assert again.attempts == attempt
        ledger.write(again)
    assert ledger.interrupted() == ()
    assert ledger.records()[0].state == "failed"
    assert "3 attempts" in ledger.records()[0].error


@pytest.mark.parametrize(("metric", "order"), [("roc_auc", [2, 0, 3, 1]), ("rmse", [0, 3, 2, 1])])
def test_the_leaderboard_is_best_first_with_failures_last(metric, order):
    records = [done(0, 0.5), record(1, state="failed"), done(2, 0.9), done(3, 0.5)]
    board = rank(records, METRICS[metric])
    assert [entry.number for entry in board.entries] == order
    assert board.best.number == order[0]
    assert len(board.done) == 3
