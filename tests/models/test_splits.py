import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.dataset import Dataset
from models.errors import ProblemError
from models.splits import make_folds, sealed_split
from tests.models.tables import make_table

DAY = np.timedelta64(1, "D")


def timed(days, horizon=0, y=None, key=None):
    cutoff = np.datetime64("2024-01-01", "us") + np.asarray(days) * DAY
    y = np.arange(len(days)) % 2 if y is None else y
    return Dataset(
        X=pd.DataFrame(index=range(len(days))),
        y=y,
        cutoff_time=cutoff,
        label_time=cutoff + horizon * DAY,
        key=key,
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n_days=st.integers(2, 60), horizon=st.integers(0, 20))
def test_nothing_is_learnt_from_labels_unknown_when_a_block_begins(seed, n_days, horizon):
    days = np.random.default_rng(seed).integers(0, n_days, 300)
    data = timed(days, horizon)
    try:
        search, holdout = sealed_split(data)
        seen = data.take(search)
        folds = make_folds(seen)
    except ProblemError:
        assume(False)
    assume(seen.has_time)  # one moment left to learn from: nothing to chain
    first = data.cutoff_time[holdout].min()
    assert (data.label_time[search] <= first).all()
    assert (data.cutoff_time[search] < first).all()
    for fold in folds:
        start = seen.cutoff_time[fold.valid].min()
        assert (seen.label_time[fold.train] <= start).all()
        assert (seen.cutoff_time[fold.train] < start).all()
    for before, after in itertools.pairwise(folds):
        assert seen.cutoff_time[before.valid].max() < seen.cutoff_time[after.valid].min()
        assert set(before.train) < set(after.train)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_days=st.integers(5, 60),
    horizon=st.integers(0, 5),
    span=st.integers(1, 40),
)
def test_grouped_rows_learn_from_earlier_rows_of_other_keys(seed, n_days, horizon, span):
    rng = np.random.default_rng(seed)
    days = rng.integers(0, n_days, 300)
    key = np.array([f"k{k}" for k in (days + rng.integers(0, span, 300)) // span])
    data = dataclasses.replace(timed(days, horizon, key=key), is_grouped=True)
    try:
        search, holdout = sealed_split(data)
        seen = data.take(search)
        folds = make_folds(seen)
    except ProblemError:
        assume(False)
    assume(seen.has_time)
    assert not set(data.key[search]) & set(data.key[holdout])
    for fold in folds:
        start = seen.cutoff_time[fold.valid].min()
        assert (seen.label_time[fold.train] <= start).all()
        assert (seen.cutoff_time[fold.train] < start).all()
        assert not set(seen.key[fold.train]) & set(seen.key[fold.valid])
        before = (seen.label_time <= start) & (seen.cutoff_time < start)
        judged = np.isin(seen.key, seen.key[fold.valid])
        assert np.array_equal(fold.train, np.flatnonzero(before & ~judged))


def test_groups_that_are_all_judged_later_are_refused_in_one_sentence():
    days = np.repeat(np.arange(100), 10)
    data = dataclasses.replace(timed(days, key=np.arange(1000) % 7), is_grouped=True)
    with pytest.raises(ProblemError, match=r"20 earlier rows of other groups.*only one of time"):
        make_folds(data)
    assert len(make_folds(dataclasses.replace(data, is_grouped=False))) == 3


def test_the_holdout_is_the_newest_slice_in_whole_cutoffs():
    data = timed(np.repeat(np.arange(100), 10))
    search, holdout = sealed_split(data)
    assert len(holdout) == 150
    assert len(search) == 850
    assert not set(data.cutoff_time[search]) & set(data.cutoff_time[holdout])


def test_search_rows_whose_label_came_after_the_seal_are_dropped():
    data = timed(np.repeat(np.arange(100), 10), horizon=5)
    search, _ = sealed_split(data)
    assert len(search) == 850 - 40  # known at day 85: cutoffs up to day 80


def test_three_blocks_lie_in_the_later_part_and_histories_grow():
    folds = make_folds(timed(np.repeat(np.arange(100), 10)))
    assert [len(fold.train) for fold in folds] == [400, 600, 800]
    assert [len(fold.valid) for fold in folds] == [200, 200, 200]


def test_blocks_without_contrast_make_fewer_folds():
    days = np.repeat(np.arange(100), 10)
    y = np.where(days < 75, np.arange(1000) % 2, 0)
    folds = make_folds(timed(days, y=y))
    assert 1 <= len(folds) < 3
    assert all(len(np.unique(y[fold.valid])) == 2 for fold in folds)


def test_two_moments_are_enough_for_one_fold():
    folds = make_folds(timed([0] * 60 + [1] * 40))
    assert [(len(fold.train), len(fold.valid)) for fold in folds] == [(60, 40)]


@pytest.mark.parametrize("keyed", [False, True])
def test_without_time_folds_are_stratified_or_grouped(keyed):
    data = dataclasses.replace(make_table(timed=False), key=np.arange(400) // 4 if keyed else None)
    search, holdout = sealed_split(data)
    seen = data.take(search)
    folds = make_folds(seen)
    assert len(folds) == 5
    assert sorted(np.concatenate([fold.valid for fold in folds])) == list(range(len(seen)))
    assert 0.1 < len(holdout) / 400 < 0.2
    for fold in folds:
        if keyed:
            assert not set(seen.key[fold.train]) & set(seen.key[fold.valid])
        else:
            assert abs(seen.y[fold.valid].mean() - seen.y.mean()) < 0.02


def test_splits_repeat():
    data = make_table(timed=False)
    once, again = sealed_split(data, seed=3), sealed_split(data, seed=3)
    assert np.array_equal(once[1], again[1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (timed(np.arange(15)), "at least 30 labelled rows"),
        (timed(np.arange(100), y=np.zeros(100, int)), "two classes"),
        (timed(np.arange(100), y=(np.arange(100) < 85).astype(int)), "two classes among"),
        (timed(np.arange(100), horizon=90), "rows to learn from"),
    ],
)
def test_too_little_is_refused_with_advice(data, message):
    with pytest.raises(ProblemError, match=message):
        sealed_split(data)


def test_no_usable_fold_is_refused():
    with pytest.raises(ProblemError, match="Expected a fold with 20 rows"):
        make_folds(timed(np.arange(60), horizon=58))
