import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.decision import (
    MAX_REASON,
    DecisionPolicy,
    DriftPolicy,
    Keep,
    PastDecision,
    Retrain,
    Wait,
    decide,
)
from monitoring.drift import measure_drift
from monitoring.evidence import (
    ColumnDrift,
    ColumnTest,
    Criterion,
    DriftEvidence,
    Estimate,
    Evidence,
    PerformanceEvidence,
)
from monitoring.performance import measure_performance
from tests.monitoring.streams import make_pair
from tests.monitoring.test_performance import auc_by_rank

NOW = pd.Timestamp("2026-03-01 12:00")
POLICY = DecisionPolicy()


def past(*alarms: bool) -> list[PastDecision]:
    first = NOW - pd.Timedelta(days=7 * len(alarms))
    return [
        PastDecision(decided_at=first + pd.Timedelta(days=7 * i), alarming=alarming)
        for i, alarming in enumerate(alarms)
    ]


def criterion(worse_by=0.0, p_value=0.5, name="roc_auc", reach=0.02) -> Criterion:
    after = Estimate(value=0.8 * (1 - worse_by), low=0.5, high=0.9)
    return Criterion(
        name=name,
        reference=Estimate(value=0.8, low=0.78, high=0.82),
        current=after,
        difference=Estimate(value=-0.8 * worse_by, low=-0.1, high=0.1),
        worse_by=worse_by,
        worse_by_at_most=worse_by + reach,
        p_value=p_value,
    )


def drift_of(share=0.0, *, scores=False, n_current=1000) -> DriftEvidence:
    test = ColumnTest(
        name="distribution", method="ks", p_value=0.0, effect=0.3, floor=0.1, drifted=scores
    )
    return DriftEvidence(
        n_reference=5000,
        n_current=n_current,
        columns=(),
        scores=(ColumnDrift(column="(score)", kind="numeric", tests=(test,)),),
        share_drifted=share,
        importance_drifted=share,
    )


def evidence_of(*criteria, drift=None, n_labelled=1000) -> Evidence:
    performance = PerformanceEvidence(
        n_reference=5000, n_labelled=n_labelled, n_current=1000, criteria=criteria
    )
    return Evidence(drift=drift or drift_of(), performance=performance if criteria else None)


def climb(evidence, history=(), *, policy=POLICY, last_retrain=None, n_rejected=0):
    return decide(
        evidence,
        list(history),
        policy=policy,
        now=NOW,
        last_retrain=last_retrain,
        n_rejected=n_rejected,
    )


WORSE = criterion(0.05, 0.0015)
SEVERE = criterion(0.10, 1e-6)


def test_nothing_unusual_is_kept():
    decision = climb(evidence_of(criterion()))
    assert isinstance(decision, Keep)
    assert decision.reason == "nothing beyond its limit"
    assert not decision.alarming


def test_too_few_rows_wait():
    decision = climb(evidence_of(SEVERE, drift=drift_of(n_current=5)))
    assert isinstance(decision, Wait)
    assert decision.reason == "5 current and 5,000 reference rows, 200 needed"
    assert len(decision.ladder) == 1
    assert not decision.alarming


def test_worse_performance_waits_for_a_second_window_and_then_retrains():
    first = climb(evidence_of(WORSE), past(False, False))
    assert isinstance(first, Wait)
    assert first.alarming
    second = climb(evidence_of(WORSE), [*past(False), first.to_past()])
    assert isinstance(second, Retrain)
    assert second.reason.startswith("roc_auc 0.8 to 0.76, 5.0% worse")


def test_an_old_alarm_is_forgotten():
    assert isinstance(climb(evidence_of(WORSE), past(True, False, False)), Wait)


def test_alarms_before_do_not_condemn_a_quiet_window():
    assert isinstance(climb(evidence_of(criterion()), past(True, True, True)), Keep)


def test_severe_loss_does_not_wait():
    decision = climb(evidence_of(SEVERE))
    assert isinstance(decision, Retrain)
    assert decision.reason.endswith("severe")


@pytest.mark.parametrize("small", [criterion(0.02, 1e-9), criterion(0.2, 0.2)])
def test_a_loss_within_margin_or_interval_is_kept(small):
    assert isinstance(climb(evidence_of(small), past(True, True)), Keep)


def test_chance_is_shared_among_criteria():
    borderline = criterion(0.05, POLICY.alpha * 0.9)
    assert isinstance(climb(evidence_of(borderline), past(True)), Retrain)
    three = evidence_of(borderline, criterion(name="a"), criterion(name="b"))
    assert isinstance(climb(three, past(True)), Keep)


def test_drift_alarms_by_importance_or_by_the_scores():
    assert isinstance(climb(evidence_of(drift=drift_of(0.5)), past(True)), Retrain)
    assert isinstance(climb(evidence_of(drift=drift_of(0.0, scores=True)), past(True)), Retrain)
    assert isinstance(climb(evidence_of(drift=drift_of(0.1)), past(True)), Keep)
    assert isinstance(climb(evidence_of(drift=drift_of(0.5, scores=True))), Wait)


def test_labels_that_show_performance_to_hold_clear_drift():
    drift = drift_of(0.6, scores=True)
    held = criterion(0.0, 0.5)
    cleared = climb(evidence_of(held, drift=drift), past(True))
    assert isinstance(cleared, Keep)
    assert cleared.reason == "drift without loss of performance"
    assert isinstance(climb(evidence_of(held, drift=drift, n_labelled=300), past(True)), Retrain)
    unsure = criterion(0.0, 0.5, reach=0.2)
    assert isinstance(climb(evidence_of(unsure, drift=drift), past(True)), Retrain)
    strict = DecisionPolicy(labels_may_clear=False)
    assert isinstance(climb(evidence_of(held, drift=drift), past(True), policy=strict), Retrain)


def test_few_labels_say_nothing():
    decision = climb(evidence_of(SEVERE, n_labelled=20))
    assert isinstance(decision, Keep)
    assert "20 labels" in decision.ladder[2].answer


def test_cooldown_waits_and_rejected_challengers_lengthen_it():
    recent = NOW - pd.Timedelta(days=2)
    waiting = climb(evidence_of(SEVERE), last_retrain=recent)
    assert isinstance(waiting, Wait)
    assert waiting.alarming
    assert "cooldown of 3 days until 2026-03-02 12:00" in waiting.reason
    earlier = NOW - pd.Timedelta(days=5)
    assert isinstance(climb(evidence_of(SEVERE), last_retrain=earlier), Retrain)
    backed_off = climb(evidence_of(SEVERE), last_retrain=earlier, n_rejected=2)
    assert isinstance(backed_off, Wait)
    assert "12 days after 2 rejected" in backed_off.ladder[-1].answer
    long_ago = NOW - pd.Timedelta(days=3 * 16)
    assert isinstance(climb(evidence_of(SEVERE), last_retrain=long_ago, n_rejected=999), Retrain)


def test_decisions_go_to_a_ledger():
    decision = climb(evidence_of(WORSE), past(True))
    written = json.loads(json.dumps(decision.to_dict(), allow_nan=False))
    assert written["decision"] == "retrain"
    assert written["decided_at"] == "2026-03-01T12:00:00"
    assert written["ladder"][-1]["stop"] == "retrain"
    assert json.dumps(past(True)[0].to_dict())
    json.dumps(evidence_of(WORSE).to_dict(), allow_nan=False)


names = st.text(min_size=1, max_size=80)
losses = st.floats(-0.5, 0.5)
chances = st.floats(0, 1)
shares = st.floats(0, 1)
histories = st.lists(st.booleans(), max_size=4)


@settings(deadline=None)
@given(name=names, worse_by=losses, p_value=chances, share=shares, alarms=histories)
def test_every_decision_is_one_short_line_with_a_ladder(name, worse_by, p_value, share, alarms):
    made = evidence_of(criterion(worse_by, p_value, name), drift=drift_of(share, scores=True))
    decision = climb(made, past(*alarms), last_retrain=NOW - pd.Timedelta(days=4), n_rejected=1)
    assert 0 < len(decision.reason) <= MAX_REASON
    assert decision.ladder[-1].stop == decision.name
    assert all(step.stop is None for step in decision.ladder[:-1])
    assert decision.alarming or not isinstance(decision, Retrain)


@settings(deadline=None)
@given(
    worse_by=losses,
    p_value=chances,
    share=shares,
    scores=st.booleans(),
    alarms=histories,
    more=st.tuples(st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1)),
)
def test_more_of_what_alarms_never_turns_retrain_into_keep(
    worse_by, p_value, share, scores, alarms, more
):
    before = evidence_of(criterion(worse_by, p_value), drift=drift_of(share, scores=scores))
    after = evidence_of(
        criterion(worse_by + more[0], p_value * more[1]),
        drift=drift_of(share + (1 - share) * more[2], scores=True),
    )
    decisions = [climb(evidence, past(*alarms)) for evidence in (before, after)]
    if isinstance(decisions[0], Retrain):
        assert isinstance(decisions[1], Retrain)
    if decisions[0].alarming:
        assert decisions[1].alarming


def measured(reference, current) -> Evidence:
    return Evidence(
        drift=measure_drift(
            reference, current, policy=DriftPolicy(max_evidently_columns=0), importance={}
        ),
        performance=measure_performance(
            reference,
            current,
            metric=auc_by_rank,
            greater_is_better=True,
            metric_name="roc_auc",
            seed=0,
        ),
    )


def test_identical_windows_are_kept_whatever_came_before():
    reference, _ = make_pair(1, n_columns=4)
    same = replace(reference, name="current")
    decision = climb(measured(reference, same), past(True, True))
    assert isinstance(decision, Keep)


def test_growing_damage_climbs_from_keep_to_retrain_and_stays_there():
    reference, current = make_pair(2, n_columns=4)
    rng = np.random.default_rng(0)
    order = rng.permutation(current.n_rows)
    rank = {Keep: 0, Wait: 1, Retrain: 2}
    reached = []
    for share in (0.0, 0.3, 0.6, 0.9):
        labels = current.labels.copy()
        damaged = order[: int(share * len(order))]
        labels[damaged] = 1 - (current.scores[damaged] > 0.5)
        decision = climb(measured(reference, replace(current, labels=labels)), past(True))
        reached.append(rank[type(decision)])
    assert reached == sorted(reached)
    assert (reached[0], reached[-1]) == (0, 2)


@pytest.mark.slow
def test_hardly_a_quiet_month_of_a_hundred_retrains():
    n_false = 0
    for seed in range(100):
        reference, current = make_pair(seed, n_columns=10, shared=0.2, phi=0.3, rows_per_day=60)
        first = climb(measured(reference, current))
        _, later = make_pair(1000 + seed, n_columns=10, shared=0.2, phi=0.3, rows_per_day=60)
        second = climb(measured(reference, later), [first.to_past()])
        n_false += isinstance(first, Retrain) or isinstance(second, Retrain)
    assert n_false <= 2
