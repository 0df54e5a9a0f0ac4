"""The pool: how cores are shared out, and answers by the trial they belong to."""

from pathlib import Path

import pytest

from models.candidate import Candidate
from models.errors import OptionError
from models.families.family import Shape
from models.options import SearchOptions
from models.pool import Workforce, open_pool, plan_workforce
from models.sharing import SearchRows, share
from models.splits import make_folds
from models.trial import TrialRequest
from tests.models.tables import PROBLEMS, make_table


def test_few_rows_get_a_worker_per_core_and_many_get_all_cores():
    small, large = Shape(n_rows=1_000, n_columns=20), Shape(n_rows=100_000, n_columns=20)
    assert plan_workforce(small, 2) == Workforce(n_workers=2, n_threads=1)
    assert plan_workforce(large, 2) == Workforce(n_workers=1, n_threads=2)
    assert plan_workforce(small, 1) == Workforce(n_workers=1, n_threads=1)


@pytest.mark.parametrize("field", ["n_jobs", "max_worker_bytes"])
def test_less_than_one_is_refused(field):
    with pytest.raises(OptionError, match=f"Expected {field} of at least 1"):
        SearchOptions(**{field: 0})


@pytest.mark.slow
def test_answers_and_failures_carry_the_number_of_their_trial(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    data = make_table("binary", n_rows=200)
    rows = SearchRows(
        X=data.X, y=data.y, folds=make_folds(data), problem=PROBLEMS["binary"], bagged=False
    )
    share(rows, tmp_path / "data")
    with open_pool(tmp_path, families="planted", n_workers=2) as pool:
        for number, family in ((7, "raiser"), (8, "linear")):
            candidate = Candidate(family=family, parameters={"penalty": 1.0, "scaling": "standard"})
            request = TrialRequest(
                candidate=candidate,
                seed=0,
                n_threads=1,
                seconds=60.0,
                oof=tmp_path / f"{number}.npy",
                model=tmp_path / str(number),
            )
            pool.start(number, request, seconds=60.0, within=120.0)
        assert not pool.has_idle
        ended = {end.number: end for end in (pool.wait(), pool.wait())}
        assert not pool.is_busy
    assert ended[7].answer is None
    assert "MemoryError" in ended[7].error
    assert len(ended[8].answer["fit_seconds"]) == 3
