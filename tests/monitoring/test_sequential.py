import json

import numpy as np
import pytest

from monitoring.errors import SequenceError
from monitoring.sequential import LossMonitor
from tests.monitoring.streams import DAY, START, make_levels


def errors(rng, n_rows, rate):
    return (rng.random(n_rows) < rate).astype(float)


def test_false_alarms_are_as_rare_as_stated():
    n_alarms = n_rows = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = LossMonitor(errors(rng, 3000, 0.1), run_length=2000).update(
            errors(rng, 10_000, 0.1)
        )
        n_alarms += found.alarming
        n_rows += found.alarm_row or found.n_rows
    assert n_alarms / n_rows <= 1 / 2000


def test_a_rise_of_the_error_rate_is_found_soon_and_its_onset_named():
    delays, onsets = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        monitor = LossMonitor(errors(rng, 3000, 0.1), run_length=10_000)
        assert not monitor.update(errors(rng, 2000, 0.1)).alarming
        found = monitor.update(errors(rng, 2000, 0.2))
        delays.append((found.alarm_row or 4000) - 2000)
        onsets.append(found.onset_row - 2000)
        assert found.recent_mean > found.reference_mean
    assert np.median(delays) <= 250
    assert np.median(np.abs(onsets)) <= 100


def test_the_evidence_does_not_depend_on_how_rows_were_handed_over():
    rng = np.random.default_rng(1)
    losses = rng.exponential(size=600) ** 2
    at_once, piecewise = (LossMonitor(losses[:300]) for _ in range(2))
    at_once.update(losses[300:])
    for row in losses[300:]:
        piecewise.update(np.array([row]))
    assert piecewise.evidence.log_evidence == pytest.approx(at_once.evidence.log_evidence)
    assert piecewise.evidence.onset_row == at_once.evidence.onset_row


def made_days(seed, n_days, rows_per_day=50, shared=0.2):
    rng = np.random.default_rng(seed)
    levels = make_levels(rng, n_days, 1, 0.3)[:, 0]
    day = np.repeat(np.arange(n_days), rows_per_day)
    losses = np.sqrt(shared) * levels[day] + rng.normal(size=len(day)) * np.sqrt(1 - shared)
    return losses, START + day * DAY


def test_days_that_share_conditions_do_not_fool_it():
    alarms = {"days": 0, "rows": 0}
    for seed in range(20):
        losses, times = made_days(seed, 100)
        cut = 60 * 50
        timed = LossMonitor(losses[:cut], times[:cut]).update(losses[cut:], times[cut:])
        blind = LossMonitor(losses[:cut]).update(losses[cut:])
        alarms["days"] += timed.alarming
        alarms["rows"] += blind.alarming
    assert alarms["days"] <= 2
    assert alarms["rows"] >= 8


def test_outliers_alone_are_no_alarm():
    rng = np.random.default_rng(2)
    later = rng.normal(size=2000)
    later[[100, 1500]] = 1e9
    assert not LossMonitor(rng.normal(size=2000)).update(later).alarming


def test_evidence_goes_to_a_ledger_and_a_restart_forgets():
    rng = np.random.default_rng(3)
    losses, times = made_days(3, 80)
    monitor = LossMonitor(losses, times)
    found = monitor.update(losses + 5, times)
    assert found.alarm_time is not None
    json.dumps(found.to_dict(), allow_nan=False)
    monitor.restart()
    assert monitor.evidence.n_rows == 0
    assert not monitor.evidence.alarming
    assert not LossMonitor(rng.normal(size=100)).update(np.empty(0)).alarming


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (np.zeros(10), "at least 50 reference losses"),
        (np.full(100, np.nan), "100 of them not finite"),
        (np.zeros((60, 2)), r"got shape \(60, 2\)"),
    ],
)
def test_what_are_no_losses_is_refused(losses, message):
    with pytest.raises(SequenceError, match=message):
        LossMonitor(losses)


def test_times_belong_to_rows():
    losses, times = made_days(4, 30)
    with pytest.raises(SequenceError, match="same rows"):
        LossMonitor(losses, times[1:])
    with pytest.raises(SequenceError, match="needs the time of every row"):
        LossMonitor(losses, times).update(losses)
