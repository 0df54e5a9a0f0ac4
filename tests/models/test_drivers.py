import json

import numpy as np
import pytest

from models.dependence import partial_dependence
from models.drivers import Drivers, find_drivers
from tests.models.small import NUMERIC, fit_small, make_small

SOURCES = {
    NUMERIC: (("flights", "arr_delay"),),
    "carrier": (("flights", "carrier"), ("carriers", "name")),
    "noise": (("weather", "temp"),),
}


@pytest.fixture(scope="module")
def drivers() -> Drivers:
    data = make_small()
    return find_drivers(fit_small(data, ("lightgbm",)), data.X, SOURCES)


def test_drivers_are_ranked_with_the_way_they_push(drivers):
    first, second = drivers.columns[:2]
    assert {first.column, second.column} == {NUMERIC, "carrier"}
    assert {c.column: c.trend for c in drivers.columns}[NUMERIC] > 0.9
    assert {c.column: c.trend for c in drivers.columns}["carrier"] == 0
    assert (drivers.scale, drivers.exact, drivers.n_rows) == ("log_odds", 1.0, 300)


def test_drivers_are_rolled_up_to_tables_and_columns(drivers):
    strength = {each.column: each.strength for each in drivers.columns}
    shares = {(each.table, each.column): each.share for each in drivers.sources}
    total = sum(strength.values())
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["carriers", "name"] == pytest.approx(strength["carrier"] / 2 / total)
    assert shares["", 'odd "name"'] == pytest.approx(strength['odd "name"'] / total)
    assert dict(drivers.tables)["flights"] == max(dict(drivers.tables).values())


def test_drivers_are_read_as_they_were_written(drivers):
    assert Drivers.from_dict(json.loads(json.dumps(drivers.to_dict(), allow_nan=False))) == drivers


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_answer_rises_with_the_column_that_makes_it_rise(task):
    data = make_small(task)
    model = fit_small(data)
    number, carrier = partial_dependence(model, data.X, [NUMERIC, "carrier"], max_seconds=60)
    answers = [point.answer for point in number.points[:-1]]
    assert abs(np.corrcoef(np.arange(len(answers)), answers)[0, 1]) > 0.8
    assert number.points[-1].value is None
    assert sum(point.share for point in number.points) == pytest.approx(1)
    assert number.of == {"binary": "1", "multiclass": number.of, "regression": ""}[task]
    by_level = {point.value: point.answer for point in carrier.points}
    others = [answer for value, answer in by_level.items() if value != "AA"]
    assert by_level["AA"] > max(others) or by_level["AA"] < min(others)


def test_a_mean_over_rows_is_what_the_rows_would_get():
    data = make_small()
    model = fit_small(data, ("lightgbm",))
    found = partial_dependence(model, data.X.head(50), ["carrier"])[0]
    for point in found.points:
        level = None if point.value is None else point.value
        changed = data.X.head(50).assign(carrier=np.array([level] * 50, dtype=object))
        assert point.answer == pytest.approx(model.predict(changed).mean())


def test_without_time_nothing_is_varied():
    data = make_small(n_rows=60)
    model = fit_small(data, ("lightgbm",))
    found = partial_dependence(model, data.X, list(data.X.columns), max_seconds=-1.0)
    assert found == ()
