import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.dataset import Dataset
from models.errors import DatasetError
from tests.models.tables import make_table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": pd.DataFrame({"a": [1, 2, 3]})}, "float64 and object"),
        ({"X": pd.DataFrame({"a": [1.0, np.inf, 3.0]})}, "infinite"),
        ({"X": pd.DataFrame({"a": ["x", 1, None]}, dtype=object)}, "str and None"),
        ({"X": pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"])}, "unique"),
        ({"y": np.array([1.0, np.nan, 0.0])}, "missing"),
        ({"y": np.array(["a", "b", "c"])}, "numeric labels"),
        ({"y": np.zeros(4)}, r"shape \(3,\)"),
        ({"label_time": np.zeros(3, "M8[us]")}, "cutoff_time beside"),
        ({"cutoff_time": np.zeros(3)}, "datetime64"),
        ({"weight": np.array([1.0, 0.0, 2.0])}, "weights above zero"),
        ({"weight": np.array([1.0, np.nan, 2.0])}, "weights above zero"),
        ({"cutoff_time": np.array(["NaT"] * 3, "M8[us]")}, "without missing"),
    ],
)
def test_nonsense_is_refused(change, message):
    good = {"X": pd.DataFrame({"a": [1.0, 2.0, np.nan]}), "y": np.array([0, 1, 0])}
    Dataset(**good)
    with pytest.raises(DatasetError, match=message):
        Dataset(**good | change)


def test_the_fingerprint_follows_every_part_of_the_content():
    data = make_table(n_rows=50)
    assert data.fingerprint == make_table(n_rows=50).fingerprint
    moved = data.X.copy()
    moved.loc[3, "noise"] += 1e-9
    renamed = data.X.rename(columns={"noise": "hum"})
    other_level = data.X.copy()
    other_level.loc[3, "maker"] = "someone else"
    changed = [
        dataclasses.replace(data, X=moved),
        dataclasses.replace(data, X=renamed),
        dataclasses.replace(data, X=other_level),
        dataclasses.replace(data, y=1 - data.y),
        dataclasses.replace(data, label_time=data.cutoff_time),
        dataclasses.replace(data, key=np.arange(50)),
        dataclasses.replace(data, key=np.arange(50), is_grouped=True),
        dataclasses.replace(data, weight=np.arange(1.0, 51.0)),
        data.take(np.arange(50)[::-1]),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in changed)}) == 10


def test_only_proportions_of_weights_matter():
    data = make_table(n_rows=50)
    even = dataclasses.replace(data, weight=np.full(50, 7.0))
    assert even.weight is None
    assert even.fingerprint == data.fingerprint
    one, two = (dataclasses.replace(data, weight=f * np.arange(1.0, 51.0)) for f in (1, 64))
    assert one.fingerprint == two.fingerprint
    assert one.weight.mean() == pytest.approx(1)


def test_taking_rows_keeps_everything_aligned():
    weight = np.arange(1.0, 51.0)
    data = dataclasses.replace(make_table(n_rows=50), key=np.arange(50), weight=weight)
    part = data.take(np.array([7, 3]))
    assert part.weight[0] / part.weight[1] == pytest.approx(2)
    assert part.key.tolist() == [7, 3]
    assert part.X.index.tolist() == [0, 1]
    assert part.X["noise"].tolist() == data.X["noise"].iloc[[7, 3]].tolist()
    assert part.label_time[0] == data.label_time[7]
