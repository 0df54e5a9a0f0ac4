import shutil
import threading
from dataclasses import replace

import pytest

from models.candidate import Candidate
from models.errors import OptionError, SearchError
from models.leaderboard import TrialRecord, rank
from models.ledger import MAX_ATTEMPTS, TrialLedger
from models.metrics import METRICS
from models.options import SearchOptions
from tests.models.postgres import allow, closed, scratch_database

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


class LedgerContract:
    """What a ledger promises, wherever it keeps its trials."""

    def test_records_come_back_as_they_were(self, tmp_path, url):
        ledger = TrialLedger(tmp_path, fingerprint="f", url=url)
        bars = (float("-inf"), None)
        written = [done(0, 0.1 + 0.2), record(1, state="failed", error="time limit"), record(2)]
        written[0] = replace(written[0], bars=bars)
        for one in written:
            ledger.write(one)
        assert TrialLedger(tmp_path, fingerprint="f", url=url).records() == tuple(written)

    def test_an_end_replaces_a_start(self, tmp_path, url):
        ledger = TrialLedger(tmp_path, fingerprint="f", url=url)
        ledger.write(record(1))
        ledger.write(done(1, 0.7))
        assert ledger.records() == (done(1, 0.7),)
        assert ledger.interrupted() == ()

    def test_another_search_is_refused(self, tmp_path, url):
        TrialLedger(tmp_path, fingerprint="f", url=url)
        with pytest.raises(SearchError, match="Choose another directory"):
            TrialLedger(tmp_path, fingerprint="g", url=url)

    def test_what_kills_its_search_again_and_again_is_given_up(self, tmp_path, url):
        ledger = TrialLedger(tmp_path, fingerprint="f", url=url)
        ledger.write(record(1))
        for attempt in range(2, MAX_ATTEMPTS + 1):
            (again,) = ledger.interrupted()
            assert again.attempts == attempt
            ledger.write(again)
        assert ledger.interrupted() == ()
        assert ledger.records()[0].state == "failed"
        assert f"{MAX_ATTEMPTS} attempts" in ledger.records()[0].error

    def test_trials_go_where_their_directory_goes(self, tmp_path, url):
        TrialLedger(tmp_path / "a", fingerprint="f", url=url).write(done(1, 0.7))
        (tmp_path / "a").rename(tmp_path / "b")
        assert TrialLedger(tmp_path / "b", fingerprint="f", url=url).records() == (done(1, 0.7),)
        assert TrialLedger(tmp_path / "a", fingerprint="f", url=url).records() == ()
        shutil.rmtree(tmp_path / "b")  # and with it the predictions
        assert TrialLedger(tmp_path / "b", fingerprint="f", url=url).records() == ()


class TestOnSQLite(LedgerContract):
    @pytest.fixture
    def url(self):
        return None


@pytest.mark.services
class TestOnPostgreSQL(LedgerContract):
    @pytest.fixture
    def url(self):
        with scratch_database() as url:
            yield url

    def test_searches_that_begin_at_once_share_a_database(self, tmp_path, url):
        failures = []

        def begin(number):
            try:
                ledger = TrialLedger(tmp_path / str(number), fingerprint="f", url=url)
                ledger.write(done(number, 0.5))
                assert [one.number for one in ledger.records()] == [number]
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures

    def test_a_server_that_is_away_for_a_moment_loses_nothing(self, tmp_path, url):
        ledger = TrialLedger(tmp_path, fingerprint="f", url=url)
        with closed(url):
            back = threading.Timer(0.7, allow, (url, True))
            back.start()
            ledger.write(done(0, 0.5))
            back.join()
        assert ledger.records() == (done(0, 0.5),)

    def test_a_server_that_stays_away_ends_the_search(self, tmp_path, url, monkeypatch):
        monkeypatch.setattr("models.ledger.RETRY_SECONDS", (0.01,))
        ledger = TrialLedger(tmp_path, fingerprint="f", url=url)
        ledger.write(done(0, 0.5))
        with closed(url), pytest.raises(SearchError, match="ledger of trials"):
            ledger.write(done(1, 0.5))
        assert ledger.records() == (done(0, 0.5),)


@pytest.mark.parametrize("extra", ["", "?password=hush"])
def test_a_database_out_of_reach_is_named_without_its_password(tmp_path, extra):
    with pytest.raises(
        SearchError, match=r"ledger of trials at .*ann:\*\*\*@127.0.0.1:1/x, got"
    ) as no:
        TrialLedger(tmp_path, fingerprint="f", url=f"postgresql://ann:secret@127.0.0.1:1/x{extra}")
    assert "secret" not in str(no.value)
    assert "hush" not in str(no.value)


@pytest.mark.parametrize("url", ["mysql://ann:secret@h/x", "secret", "sqlite:///x.db"])
def test_another_kind_of_database_is_refused_without_its_password(url):
    with pytest.raises(OptionError, match="Expected ledger as postgresql://") as no:
        SearchOptions(ledger=url)
    assert "secret" not in str(no.value)


def test_options_do_not_show_a_password():
    options = SearchOptions(ledger="postgresql://ann:secret@h/x")
    assert "secret" not in repr(options)


@pytest.mark.parametrize(("metric", "order"), [("roc_auc", [2, 0, 3, 1]), ("rmse", [0, 3, 2, 1])])
def test_the_leaderboard_is_best_first_with_failures_last(metric, order):
    records = [done(0, 0.5), record(1, state="failed"), done(2, 0.9), done(3, 0.5)]
    board = rank(records, METRICS[metric])
    assert [entry.number for entry in board.entries] == order
    assert board.best.number == order[0]
    assert len(board.done) == 3
