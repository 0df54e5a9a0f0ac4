import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from monitoring.columns import MAX_LEVELS, OTHER, compare_column, pair_columns
from monitoring.drift import evaluate, measure_drift, pair_windows
from monitoring.errors import ImportanceError
from monitoring.policy import DriftPolicy
from monitoring.windows import Window
from tests.monitoring.streams import make_pair, with_features

POLICY = DriftPolicy()


@pytest.fixture(scope="module")
def quiet() -> tuple[Window, Window]:
    return make_pair(0, n_columns=8)


def measure(reference, current, importance=None, policy=POLICY):
    return measure_drift(reference, current, policy=policy, importance=importance or {})


def column(evidence, name):
    return next(c for c in evidence.columns if c.column == name)


def test_quiet_windows_do_not_drift(quiet):
    evidence = measure(*quiet)
    assert evidence.drifted == ()
    assert not evidence.score_drifted
    assert evidence.share_drifted == evidence.importance_drifted == 0


def test_identical_windows_never_drift(quiet):
    same = replace(quiet[0], name="current")
    evidence = measure(quiet[0], same)
    assert not evidence.drifted
    assert not evidence.score_drifted
    assert all(test.p_value > 0.99 for c in evidence.columns for test in c.tests)


def test_evidently_and_the_direct_way_agree(quiet):
    scores, features = pair_windows(*quiet, names=list(quiet[0].features.columns))
    by_evidently = evaluate([*scores, *features])
    for pair in [*scores, *features]:
        test = compare_column(pair, POLICY).tests[0]
        assert by_evidently[pair.name] == pytest.approx(test.p_value, rel=1e-9)


def test_evidently_takes_the_important_columns(quiet):
    policy = DriftPolicy(max_evidently_columns=3)
    evidence = measure(*quiet, {"x5": 2.0, "x3": 1.0}, policy)
    assert [c.column for c in evidence.columns[:2]] == ["x5", "x3"]
    by = {c.column: c.measured_by for c in [*evidence.columns, *evidence.scores]}
    assert [name for name, who in by.items() if who == "evidently"] == ["x5", "x3", "(score)"]


def test_a_shift_of_half_a_deviation_in_a_thousand_rows_is_found(quiet):
    current = with_features(quiet[1], x6=quiet[1].features["x6"] + 0.5)
    assert 700 < current.n_rows < 1300
    evidence = measure(quiet[0], current, {"x6": 3.0, "x7": 1.0})
    assert [c.column for c in evidence.drifted] == ["x6"]
    assert evidence.importance_drifted == pytest.approx(0.75)
    effects = {test.name: test.effect for test in column(evidence, "x6").tests}
    assert effects["distribution"] == pytest.approx(0.2, abs=0.06)
    assert effects["location"] == pytest.approx(0.28, abs=0.06)
    assert effects["spread"] < 0.1


def test_a_wider_spread_about_the_same_middle_is_found(quiet):
    values = quiet[1].features["x6"]
    current = with_features(quiet[1], x6=values.mean() + (values - values.mean()) * np.sqrt(1.5))
    found = column(measure(quiet[0], current), "x6")
    assert found.lead.name == "spread"
    assert found.lead.effect == pytest.approx(0.128, abs=0.04)


def test_half_the_values_missing_is_found(quiet):
    is_missing = np.arange(quiet[1].n_rows) % 2 == 0
    current = with_features(quiet[1], x6=quiet[1].features["x6"].mask(is_missing))
    found = column(measure(quiet[0], current), "x6")
    assert found.drifted
    assert found.lead.name == "missing"
    assert found.missing_current == pytest.approx(0.5, abs=0.01)


def test_a_new_level_is_found(quiet):
    is_new = np.arange(quiet[1].n_rows) % 5 == 0
    current = with_features(quiet[1], x0=quiet[1].features["x0"].mask(is_new, "ZZ"))
    found = column(measure(quiet[0], current), "x0")
    assert {"new levels", "distribution"} == {t.name for t in found.tests if t.drifted}
    assert "ZZ" in found.summary


def test_a_change_of_scores_is_told_from_a_change_of_features(quiet):
    current = replace(quiet[1], scores=quiet[1].scores ** 2)
    evidence = measure(quiet[0], current)
    assert evidence.score_drifted
    assert not evidence.drifted


def test_scores_of_several_classes_are_columns_each(quiet):
    two = [np.column_stack([w.scores, 1 - w.scores]) for w in quiet]
    pair = [replace(w, scores=s) for w, s in zip(quiet, two, strict=True)]
    assert [c.column for c in measure(*pair).scores] == ["(score 0)", "(score 1)"]


def test_an_effect_below_the_floor_is_not_drift(quiet):
    current = with_features(quiet[1], x6=quiet[1].features["x6"] + 0.5)
    evidence = measure(quiet[0], current, policy=DriftPolicy(min_distance=0.5, min_rank_shift=0.5))
    assert not evidence.drifted
    assert column(evidence, "x6").lead.p_adjusted < 1e-4


def test_awkward_columns_give_evidence_instead_of_errors(quiet):
    reference, current = quiet
    n, m = reference.n_rows, current.n_rows
    rng = np.random.default_rng(1)
    reference = with_features(
        reference,
        empty=np.full(n, np.nan),
        emptied=rng.normal(size=n),
        objects=pd.Series(rng.normal(size=n), dtype=object),
        infinite=np.where(np.arange(n) == 3, np.inf, rng.normal(size=n)),
        constant=np.ones(n),
        moved=np.ones(n),
        gone=np.ones(n),
        flags=rng.random(n) < 0.3,
        nullable=pd.array(rng.integers(0, 50, n), dtype="Int64"),
        retyped=rng.integers(0, 5, n),
        identity=np.array([f"r{i}" for i in range(n)], dtype=object),
        category=pd.Categorical(rng.choice(["a", "b"], n)),
    )
    current = with_features(
        current,
        empty=np.full(m, np.nan),
        emptied=np.full(m, np.nan),
        objects=pd.Series(rng.normal(size=m), dtype=object),
        infinite=np.where(np.arange(m) == 5, -np.inf, rng.normal(size=m)),
        constant=np.ones(m),
        moved=np.full(m, 2.0),
        fresh=np.ones(m),
        flags=rng.random(m) < 0.3,
        nullable=pd.array(rng.integers(0, 50, m), dtype="Int64"),
        retyped=rng.integers(0, 5, m).astype(str).astype(object),
        identity=np.array([f"c{i}" for i in range(m)], dtype=object),
        category=pd.Categorical(rng.choice(["a", "b"], m)),
    )
    evidence = measure(reference, current)
    drifted = {c.column: c.lead.name for c in evidence.drifted}
    assert drifted == {
        "emptied": "missing",
        "moved": "distribution",
        "gone": "presence",
        "fresh": "presence",
    }
    assert column(evidence, "empty").tests == ()
    assert column(evidence, "objects").kind == "numeric"
    json.dumps(evidence.to_dict(), allow_nan=False)


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_tiny_windows_give_evidence(quiet, n_rows):
    reference, current = quiet
    tiny = Window(
        features=current.features.iloc[:n_rows],
        scores=current.scores[:n_rows],
        labels=current.labels[:n_rows],
        cutoff_time=current.cutoff_time[:n_rows],
        name="current",
    )
    evidence = measure(reference, tiny)
    assert evidence.n_current == n_rows
    assert not evidence.drifted


def test_windows_without_time_are_measured(quiet):
    pair = [replace(w, cutoff_time=None) for w in quiet]
    evidence = measure(*pair)
    assert evidence.rows_per_day_current is None
    assert not evidence.drifted


def test_windows_are_left_as_they_were(quiet):
    before = quiet[1].features.copy()
    measure(*quiet)
    pd.testing.assert_frame_equal(quiet[1].features, before)


def test_weights_must_be_weights(quiet):
    with pytest.raises(ImportanceError, match=r"x1 -0.5"):
        measure(*quiet, {"x1": -0.5})


def test_unused_columns_are_reported_but_weigh_nothing(quiet):
    current = with_features(quiet[1], x6=quiet[1].features["x6"] + 2)
    evidence = measure(quiet[0], current, {"x7": 1.0})
    assert [c.column for c in evidence.drifted] == ["x6"]
    assert evidence.importance_drifted == 0
    assert evidence.share_drifted == pytest.approx(1 / 8)


def test_levels_beyond_the_most_frequent_are_joined():
    many = pd.Series([f"k{i}" for i in range(300)] * 2, dtype=object)
    pair = pair_columns("many", many, many)
    assert pair.reference.nunique() == MAX_LEVELS + 1
    assert (pair.reference == OTHER).any()


@pytest.mark.parametrize(("shared", "phi"), [(0.0, 0.0), (0.1, 0.3), (0.3, 0.0), (0.3, 0.5)])
def test_quiet_weeks_with_shared_days_hardly_ever_show_drift(shared, phi):
    n_windows = 30
    policy = replace(POLICY, max_evidently_columns=0)
    found = []
    for seed in range(n_windows):
        pair = make_pair(seed, shared=shared, phi=phi, rows_per_day=60)
        found.append(bool(measure(*pair, policy=policy).drifted))
    assert sum(found) <= 0.07 * n_windows
