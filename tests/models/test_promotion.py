import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.promotion import Contender, PromotionPolicy, SealedRows, judge
from models.task import Problem

POLICY = PromotionPolicy()
METRICS_TRIED = ("roc_auc", "average_precision", "log_loss", "brier", "f1")


def make_rows(metric="roc_auc", n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < 0.3).astype(int)
    days = np.sort(rng.integers(0, 30, n_rows)).astype("timedelta64[D]")
    problem = Problem(task="binary", metric=metric)
    return SealedRows(problem=problem, y=y, cutoff_time=np.datetime64("2013-01-01", "us") + days)


def guess(rows, strength, seed=1):
    noise = np.random.default_rng(seed).normal(size=len(rows.y))
    return 1 / (1 + np.exp(-(strength * (rows.y - 0.5) + noise - 0.8)))


def contender(predictions, **more):
    return Contender(name="1", predictions=predictions, columns={"a": "numeric"}, **more)


def quality(challenger, champion, rows, **more):
    verdict = judge(challenger, champion, rows=rows, policy=POLICY, gates=["quality"], **more)
    return verdict, verdict.gates[0]


@pytest.mark.parametrize("metric", METRICS_TRIED)
def test_a_clearly_better_challenger_is_promoted_and_a_worse_one_is_not(metric):
    rows = make_rows(metric)
    good, poor = contender(guess(rows, 2.5)), contender(guess(rows, 0.5))
    verdict, gate = quality(good, poor, rows)
    assert verdict.promoted
    assert gate.numbers["low"] > 0
    assert gate.sentence.endswith(": better")
    assert "on the same 600 rows" in gate.sentence
    verdict, gate = quality(poor, good, rows)
    assert not verdict.promoted
    assert gate.sentence.endswith(": worse")
    assert verdict.sentence.startswith("Rejected by gate quality: challenger 0.")


def test_an_equal_challenger_is_not_promoted_unless_the_champion_is_condemned():
    rows = make_rows()
    same = contender(guess(rows, 1.5))
    verdict, gate = quality(same, same, rows)
    assert not verdict.promoted
    assert "not surely better" in gate.sentence
    verdict, gate = quality(same, same, rows, condemned=True)
    assert verdict.promoted
    assert "drift condemned the champion" in gate.sentence


def test_a_condemned_champion_is_not_replaced_by_something_much_worse():
    rows = make_rows()
    verdict, _ = quality(
        contender(guess(rows, 0.5)), contender(guess(rows, 2.5)), rows, condemned=True
    )
    assert not verdict.promoted


def test_the_first_version_must_beat_a_constant():
    rows = make_rows()
    verdict, gate = quality(contender(guess(rows, 2.0)), None, rows)
    assert verdict.promoted
    assert "vs the best constant 0.5000 in roc_auc" in gate.sentence
    verdict, _ = quality(contender(guess(rows, 0.0)), None, rows)
    assert not verdict.promoted


def test_rows_of_one_class_promote_nobody():
    rows = make_rows()
    one = SealedRows(problem=rows.problem, y=np.zeros(600, int), cutoff_time=rows.cutoff_time)
    verdict, _ = quality(contender(guess(rows, 2.0)), contender(guess(rows, 1.0)), one)
    assert not verdict.promoted


@settings(max_examples=60, deadline=None)
@given(
    metric=st.sampled_from(METRICS_TRIED),
    champion=st.floats(0, 3),
    challenger=st.floats(0, 3),
    moved=st.floats(0, 1),
    share=st.floats(0, 1),
    condemned=st.booleans(),
    seed=st.integers(0, 5),
)
def test_raising_a_challengers_score_never_turns_promote_into_reject(
    metric, champion, challenger, moved, share, condemned, seed
):
    rows = make_rows(metric, n_rows=200, seed=seed)
    rival = contender(guess(rows, champion, seed=2))
    before = guess(rows, challenger)
    chosen = np.random.default_rng(seed).random(len(before)) < share
    after = np.where(chosen, before + moved * (rows.y - before), before)
    first, _ = quality(contender(before), rival, rows, condemned=condemned)
    second, _ = quality(contender(after), rival, rows, condemned=condemned)
    assert second.promoted or not first.promoted


def test_changed_kinds_and_classes_are_conflicts_new_columns_are_not():
    rows = make_rows()
    champion = contender(guess(rows, 1.0))
    changed = Contender(name="2", predictions=guess(rows, 1), columns={"a": "categorical"})
    verdict = judge(changed, champion, rows=rows, policy=POLICY, gates=["servable"])
    assert "column 'a' is categorical for it but numeric" in verdict.sentence
    other = contender(guess(rows, 1.0), classes=("no", "yes"))
    verdict = judge(other, champion, rows=rows, policy=POLICY, gates=["servable"])
    assert "the champion's about ()" in verdict.sentence
    wider = Contender(
        name="2", predictions=guess(rows, 1), columns={"a": "numeric", "b": "numeric"}
    )
    verdict = judge(wider, champion, rows=rows, policy=POLICY, gates=["servable"])
    assert "no stored model" in verdict.sentence


def test_unknown_gates_and_unfit_predictions_are_refused():
    rows = make_rows()
    with pytest.raises(ModelError, match=r"gates out of servable, quality, slices, .*, got speed"):
        judge(contender(rows.y), None, rows=rows, policy=POLICY, gates=["speed"])
    with pytest.raises(ModelError, match="10 predictions for 600 labels"):
        judge(contender(np.zeros(10)), None, rows=rows, policy=POLICY, gates=["quality"])
    broken = guess(rows, 1.0)
    broken[3] = np.nan
    with pytest.raises(ModelError, match="1 that are NaN"):
        judge(contender(broken), None, rows=rows, policy=POLICY, gates=["quality"])
    with pytest.raises(ModelError, match="between 0 and 1"):
        PromotionPolicy(margin=2)
