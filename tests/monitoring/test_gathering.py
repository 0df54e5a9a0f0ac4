import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from monitoring.checks import check_data
from monitoring.decision import DecisionPolicy, Keep, Retrain, Wait, decide
from monitoring.domain import compare_domains
from monitoring.estimation import estimate_performance
from monitoring.gathering import Question, gather_evidence
from monitoring.policy import CheckPolicy, DriftPolicy
from tests.monitoring.streams import make_pair, with_features
from tests.monitoring.test_performance import auc_by_rank

NOW = pd.Timestamp("2026-02-08").to_pydatetime()


@pytest.fixture(scope="module")
def quiet():
    return make_pair(3, n_columns=6)


def gather(reference, current, history=None):
    question = Question(
        metric=auc_by_rank,
        greater_is_better=True,
        metric_name="roc_auc",
        are_probabilities=True,
        importance={"x5": 1.0},
        drift_policy=DriftPolicy(max_evidently_columns=0),
    )
    return gather_evidence(reference, current, history, question=question, now=NOW)


def climb(evidence, **options):
    given = {"policy": DecisionPolicy(), "now": NOW, "last_retrain": None, **options}
    return decide(evidence, [], **given)


def checks(reference, current):
    found = check_data(reference, current, policy=CheckPolicy(), now=NOW)
    return {check.name: check for check in found}


def estimate(reference, current):
    return estimate_performance(
        reference,
        current,
        metric=auc_by_rank,
        metric_name="roc_auc",
        are_probabilities=True,
        domain=compare_domains(reference, current, importance={}, seed=0),
        seed=0,
    )


def test_a_quiet_window_passes_every_check_and_is_kept(quiet):
    evidence = gather(*quiet, history=quiet[1])
    assert all(check.passed for check in evidence.checks)
    assert not evidence.concept.stands
    assert evidence.estimated.is_trusted
    assert evidence.domain.auc == pytest.approx(0.5, abs=0.05)
    assert isinstance(climb(evidence), Keep)
    json.dumps(evidence.to_dict(), allow_nan=False)


def test_broken_data_is_told_in_sentences(quiet):
    broken = with_features(quiet[1], x4=1.0, x5=quiet[1].features["x5"] * 1000)
    broken = replace(broken, n_unknown_classes=3).take(np.arange(0, 40))
    found = checks(quiet[0], replace(broken, n_unknown_classes=3))
    assert "x5" in found["range"].sentence
    assert found["constant"].sentence.endswith("x4 is always 1.0")
    assert "3 labels of the window are of a class" in found["classes"].sentence
    assert not any(found[name].passed for name in ("range", "constant", "classes", "freshness"))


def test_losses_that_rose_since_promotion_alarm_at_once(quiet):
    current = quiet[1]
    flipped = replace(current, labels=1 - current.labels)
    evidence = gather(quiet[0], current, history=flipped)
    assert evidence.concept.stands
    decision = climb(evidence)
    assert isinstance(decision, Retrain)
    assert decision.reason.startswith("loss a row")


def test_budget_and_age_are_kept(quiet):
    evidence = gather(*quiet)
    old = {"trained_at": (pd.Timestamp(NOW) - pd.Timedelta(days=100)).to_pydatetime()}
    policy = DecisionPolicy(max_age_days=90, max_retrains=2)
    assert isinstance(climb(evidence, policy=policy, **old), Retrain)
    spent = climb(evidence, policy=policy, n_retrains=2, **old)
    assert isinstance(spent, Wait)
    assert "2 retrains in the last 30 days, 2 allowed" in spent.reason
    assert isinstance(climb(evidence, policy=replace(policy, max_age_days=120), **old), Keep)


def test_the_estimate_covers_what_is_realised_and_labels_may_contradict_it(quiet):
    reference, current = quiet
    hidden = replace(current, labels=np.full(current.n_rows, np.nan))
    found = estimate(reference, hidden)
    realised = auc_by_rank(current.labels, current.scores)
    assert found.estimate.low - 0.02 <= realised <= found.estimate.high + 0.02
    assert found.estimate.high - found.estimate.low < 0.15
    noise = np.random.default_rng(0).integers(0, 2, current.n_rows).astype(float)
    contradicted = estimate(reference, replace(current, labels=noise))
    assert contradicted.estimate == found.estimate
    assert contradicted.flags[0].startswith("labels contradict it: roc_auc")


def test_inputs_unlike_the_reference_are_flagged(quiet):
    far = with_features(quiet[1], x4=quiet[1].features["x4"] + 9)
    evidence = compare_domains(quiet[0], far, importance={}, seed=0)
    assert evidence.auc > 0.99
    assert "inputs unlike the reference" in estimate(quiet[0], far).flags[0]


def test_errors_of_values_are_estimated(quiet):
    rng = np.random.default_rng(1)
    pair = []
    for window in quiet:
        spread = np.where(window.features["x5"] > 0, 2.0, 0.5)
        pair.append(replace(window, labels=window.scores + spread * rng.normal(size=window.n_rows)))
    wider = pair[1].take(np.flatnonzero(pair[1].features["x5"] > 0))
    found = estimate_performance(
        pair[0],
        wider,
        metric=lambda y, p: float(np.sqrt(np.mean((y - p) ** 2))),
        metric_name="rmse",
        are_probabilities=False,
        domain=None,
        seed=0,
    )
    assert found.estimate.value == pytest.approx(2.0, rel=0.15)
