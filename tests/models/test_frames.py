import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.columns import learn_columns
from models.dataset import Dataset
from models.errors import DatasetError
from models.frames import FrameError, convert, moments, unique_names

N = 40
RNG = np.random.default_rng(0)
WORDS = np.array(["spam", "ham", "egg", "bacon", "toast", "beans", "tea"])


def learn(**columns):
    X = pd.DataFrame(columns)
    learned = learn_columns(X)
    return X, learned, convert(X, learned.columns)


def kinds(learned):
    return {column.name: column.kind for column in learned.columns}


def sentences(n=N):
    return [" ".join(RNG.choice(WORDS, 6)) for _ in range(n)]


def test_every_kind_of_column_becomes_floats_and_strings():
    days = pd.date_range("2024-01-30", periods=N, freq="7h")
    X, learned, converted = learn(
        whole=np.arange(N),
        infinite=[np.inf, -np.inf, *np.arange(N - 2)],
        flag=np.arange(N) % 2 == 0,
        nullable=pd.array([None, True] * (N // 2), dtype="boolean"),
        missing=pd.array([None, 1, 2, 3] * (N // 4), dtype="Int64"),
        objects=pd.Series([1, 2.5, None, Decimal(4)] * (N // 4), dtype=object),
        digits=[f"{i}.5" for i in range(N)],
        codes=[f"0{i}" for i in range(N)],
        level=pd.Categorical([3, 1, 2, None] * (N // 4)),
        city=["Zürich", None, "Bern", "Basel"] * (N // 4),
        mixed=pd.Series([1, "a", (1, 2), "b"] * (N // 4), dtype=object),
        naive=days,
        zoned=days.tz_localize("Asia/Kathmandu") + pd.Timedelta("30min"),
        date=[datetime.date(2024, 1, 1) + datetime.timedelta(3 * i) for i in range(N)],
        iso=[f"2023-0{1 + i % 9}-11" for i in range(N)],
        period=pd.period_range("2001-01", periods=N, freq="M"),
        lasting=pd.to_timedelta(np.arange(N) ** 2, unit="h"),
        text=sentences(),
    )
    assert kinds(learned) == {
        **dict.fromkeys(
            ("whole", "infinite", "flag", "nullable", "missing", "objects", "lasting"), "number"
        ),
        "digits": "digits",
        **dict.fromkeys(("codes", "level", "city", "mixed"), "level"),
        **dict.fromkeys(("naive", "zoned", "date", "iso", "period"), "moment"),
        "text": "text",
    }
    Dataset(X=converted, y=np.arange(N))  # refuses whatever a search could not take
    assert converted["infinite"].isna().tolist() == [True, True] + [False] * (N - 2)
    assert converted["nullable"].tolist()[1] == 1.0
    assert converted["objects"].tolist()[1:4:2] == [2.5, 4.0]
    assert converted["level"].tolist()[:4] == ["3", "1", "2", None]
    assert converted["lasting"].tolist()[5] == pytest.approx(25 / 24)
    assert converted["naive: hour"].tolist()[:4] == [0, 7, 14, 21]
    assert moments(X["zoned"]).dt.hour.tolist()[:3] == [0, 7, 14]
    assert converted["naive: days"].tolist()[0] == (X["naive"][0] - pd.Timestamp(0)).days
    assert len(converted) == len(X)


def test_constant_and_repeated_columns_are_left_out_with_a_note():
    a = RNG.normal(size=N)
    _, learned, converted = learn(
        a=a,
        one=np.ones(N),
        nothing=[None] * N,
        again=a,
        half=[1.0, np.nan] * (N // 2),
        colour=["r", "g"] * (N // 2),
        couleur=["rouge", "vert"] * (N // 2),
    )
    assert list(converted) == ["a", "half", "colour"]
    assert learned.notes == (
        "Column 'one' is constant and not used.",
        "Column 'nothing' is constant and not used.",
        "Column 'again' repeats 'a' and is not used.",
        "Column 'couleur' repeats 'colour' and is not used.",
    )


def test_where_nothing_varies_one_column_stays():
    _, learned, converted = learn(a=np.ones(5), b=np.ones(5))
    assert list(converted) == ["a"]
    assert len(learned.notes) == 2


def test_parts_of_a_moment_that_do_not_vary_are_left_out():
    _, learned, _ = learn(day=pd.date_range("2024-03-01", periods=20))
    assert learned.columns[0].parts == ("days", "day", "weekday")
    aged = learn_columns(pd.DataFrame({"day": pd.date_range("2024-03-01", periods=20)}))
    ageless = learn_columns(
        pd.DataFrame({"day": pd.date_range("2024-03-01", periods=20)}), ageless=["day"]
    )
    assert ageless.columns[0].parts == aged.columns[0].parts[1:]


def test_words_are_counted_whatever_else_the_rows_hold():
    X, learned, converted = learn(text=sentences())
    alone = convert(X.iloc[[7]], learned.columns)
    np.testing.assert_array_equal(alone.to_numpy(), converted.iloc[[7]].to_numpy())
    told = convert(pd.DataFrame({"text": ["spam spam egg", None]}), learned.columns).to_numpy()
    assert told[0, 0] == len("spam spam egg")
    assert 2 < converted.shape[1] <= 1 + len(WORDS)  # what too few rows hold is not counted
    assert sorted(told[0][told[0] > 0])[:2] == pytest.approx(np.log1p([1, 2]))
    assert not told[1].any()


@pytest.mark.parametrize(("n_rows", "n_buckets"), [(40, 4096), (10_000, 1024)])
def test_texts_of_many_rows_have_fewer_buckets(n_rows, n_buckets):
    texts = [f"{row} words are in this text" for row in range(n_rows)]
    (column,) = learn_columns(pd.DataFrame({"text": texts})).columns
    assert column.n_buckets == n_buckets
    assert max(column.buckets) < n_buckets


def test_levels_are_the_same_whichever_number_type_wrote_them():
    X = pd.DataFrame({"c": pd.Categorical([1, 2, 3])})
    learned = learn_columns(X)
    floats = pd.DataFrame({"c": np.array([1.0, 2.0, np.nan])})
    assert convert(floats, learned.columns)["c"].tolist() == ["1", "2", None]


def test_numbers_that_no_single_holds_stay_the_largest():
    _, _, converted = learn(a=[1e300, -1e300, np.inf, 1.0] * 10)
    largest = float(np.finfo(np.float32).max)
    np.testing.assert_array_equal(converted["a"][:4], [largest, -largest, np.nan, 1.0])


def test_rows_of_another_shape_are_refused_once_and_clearly():
    X, learned, _ = learn(a=np.arange(5.0), b=list("abcde"), c=np.arange(5.0) ** 2)
    with pytest.raises(FrameError, match=r"without 2 of them: 'a', 'c'"):
        convert(X[["b"]], learned.columns)
    with pytest.raises(FrameError, match="numbers in column 'a'"):
        convert(X.assign(a="high"), learned.columns)
    shuffled = X[["c", "b", "a"]].assign(more=1)
    pd.testing.assert_frame_equal(convert(shuffled, learned.columns), convert(X, learned.columns))


def test_complex_numbers_are_refused():
    with pytest.raises(DatasetError, match="Complex data not supported"):
        learn(z=np.array([1j, 2.0]))


@given(st.lists(st.one_of(st.text(max_size=3), st.integers(0, 3), st.none()), max_size=8))
def test_names_are_unique_text(labels):
    names = unique_names(labels)
    assert len(set(names)) == len(labels)
    assert all(isinstance(name, str) for name in names)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.datetimes(),
    st.dates(),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=12), st.lists(CELLS, min_size=1, max_size=12))
def test_any_cells_become_a_dataset_and_other_cells_a_dataset_or_a_frame_error(cells, others):
    X = pd.DataFrame({"a": pd.Series(cells, dtype=object)})
    learned = learn_columns(X)
    Dataset(X=convert(X, learned.columns), y=np.zeros(len(X)))
    Y = pd.DataFrame({"a": pd.Series(others, dtype=object)})
    try:
        Dataset(X=convert(Y, learned.columns), y=np.zeros(len(Y)))
    except FrameError:
        assert learned.columns[0].kind == "number"


def test_moments_of_several_zones_are_read():
    values = pd.Series(["2024-01-01T00:00:00+01:00", "2024-06-01T00:00:00+02:00"])
    assert moments(values).notna().all()
