import json
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from monitoring.errors import MetricError
from monitoring.performance import measure_performance
from monitoring.windows import Window
from tests.monitoring.streams import make_pair


def loss(y, prediction):
    return log_loss(y, prediction, labels=[0, 1])


def auc_by_rank(y, prediction):
    order = np.argsort(np.argsort(prediction))
    positive = y == 1
    n_positive = positive.sum()
    ranks = order[positive].sum() - n_positive * (n_positive - 1) / 2
    return ranks / (n_positive * (len(y) - n_positive))


def measure(reference, current, **options):
    return measure_performance(
        reference,
        current,
        **{
            "metric": auc_by_rank,
            "greater_is_better": True,
            "metric_name": "roc_auc",
            "seed": 0,
            "also": {"log_loss": (loss, False)},
            **options,
        },
    )


def criteria(evidence):
    return {c.name: c for c in evidence.criteria}


@pytest.fixture(scope="module")
def quiet() -> tuple[Window, Window]:
    return make_pair(3, n_columns=4)


def test_the_rank_form_used_here_is_the_auc(quiet):
    y, p = quiet[1].labels, quiet[1].scores
    assert auc_by_rank(y, p) == pytest.approx(roc_auc_score(y, p))


def test_an_unchanged_champion_is_not_worse(quiet):
    evidence = measure(*quiet)
    assert [c.name for c in evidence.criteria] == ["roc_auc", "log_loss", "calibration"]
    for criterion in evidence.criteria:
        assert criterion.p_value > 0.01
        assert criterion.difference.low <= 0 <= criterion.difference.high
        assert criterion.reference.low < criterion.reference.value < criterion.reference.high


def test_a_concept_change_is_worse_on_every_count_but_one(quiet):
    rng = np.random.default_rng(0)
    current = quiet[1]
    noise = (rng.random(current.n_rows) < 0.5).astype(float)
    found = criteria(measure(quiet[0], replace(current, labels=noise)))
    assert found["roc_auc"].p_value < 1e-4
    assert found["roc_auc"].worse_by > 0.1
    assert found["log_loss"].p_value < 1e-4
    assert found["log_loss"].difference.value > 0


def test_a_base_rate_change_spares_the_auc_and_not_the_calibration():
    rng = np.random.default_rng(1)

    def made(window, rate):
        signal = rng.normal(size=window.n_rows)
        y = (rng.random(window.n_rows) < rate).astype(float)
        shown = signal + y
        prior = np.log(0.19 / 0.81)
        return replace(window, labels=y, scores=1 / (1 + np.exp(-(prior + shown - 0.5))))

    pair = make_pair(4, n_columns=2, rows_per_day=600)
    found = criteria(measure(made(pair[0], 0.19), made(pair[1], 0.26)))
    assert found["roc_auc"].p_value > 0.05
    assert found["calibration"].p_value < 0.001
    assert found["calibration"].worse_by == pytest.approx(0.07 / 0.39, abs=0.05)
    assert found["calibration"].current.value < found["calibration"].reference.value


def test_intervals_cover_a_difference_of_nothing():
    is_covered = []
    for seed in range(40):
        pair = make_pair(seed, n_columns=2, shared=0.3, rows_per_day=40)
        bias = criteria(measure(*pair, also={}))["calibration"]
        is_covered.append(bias.difference.low <= 0 <= bias.difference.high)
    assert np.mean(is_covered) >= 0.85


def test_unlabelled_rows_are_set_aside(quiet):
    labels = quiet[1].labels.copy()
    labels[300:] = np.nan
    evidence = measure(quiet[0], replace(quiet[1], labels=labels))
    assert (evidence.n_labelled, evidence.n_current) == (300, quiet[1].n_rows)
    assert evidence.criteria


@pytest.mark.parametrize(
    ("labels", "note"),
    [(np.nan, "0 labelled rows in the current window"), (1.0, "all .* labels .* are 1")],
)
def test_too_few_labels_give_a_note(quiet, labels, note):
    current = replace(quiet[1], labels=np.full(quiet[1].n_rows, labels))
    evidence = measure(quiet[0], current, min_labelled=50)
    assert evidence.criteria == ()
    assert re.search(note, evidence.note)


def test_scores_of_several_classes_have_no_calibration_in_the_large(quiet):
    pair = [replace(w, scores=np.column_stack([1 - w.scores, w.scores])) for w in quiet]
    evidence = measure(*pair, metric=lambda y, p: auc_by_rank(y, p[:, 1]), also={})
    assert [c.name for c in evidence.criteria] == ["roc_auc"]


def test_a_broken_metric_is_named(quiet):
    def broken(y, prediction):
        raise ValueError("wrong shape")

    with pytest.raises(MetricError, match=r"'broken' failed .* reference window: wrong shape"):
        measure(*quiet, metric=broken, metric_name="broken")


def test_the_same_seed_gives_the_same_evidence(quiet):
    first, second = measure(*quiet, also={}), measure(*quiet, also={})
    assert first == second
    json.dumps(first.to_dict(), allow_nan=False)


def test_large_windows_are_thinned_without_moving_their_values():
    pair = make_pair(5, n_columns=2, rows_per_day=1700)
    found = criteria(measure(*pair, also={}))["roc_auc"]
    assert pair[0].n_rows > 40_000
    assert found.reference.value == pytest.approx(auc_by_rank(pair[0].labels, pair[0].scores))
    assert found.reference.low < found.reference.value < found.reference.high


def test_rows_without_time_are_resampled_one_by_one(quiet):
    pair = [replace(w, cutoff_time=None) for w in quiet]
    assert len(measure(*pair, also={}).criteria) == 2
