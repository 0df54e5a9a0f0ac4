"""Gates beside quality and servable: each passes, fails and does not apply, with its numbers."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.errors import ModelError
from models.findings import Finding
from models.gates import GATES, FairnessPolicy
from models.gates.slices import holm
from models.gates.spending import spent_on
from models.metrics import METRICS
from models.promotion import Contender, PromotionPolicy, SealedRows, judge
from models.serving.decision import Decision
from models.task import Problem

N_ROWS = 1_200


def make_rows(task="binary", metric="roc_auc", *, entity=None, seed=0):
    rng = np.random.default_rng(seed)
    classes = ("a", "b", "c") if task == "multiclass" else ()
    y = {
        "binary": (rng.random(N_ROWS) < 0.3).astype(int),
        "multiclass": rng.integers(0, 3, N_ROWS),
        "regression": rng.normal(size=N_ROWS),
    }[task]
    times = np.datetime64("2024-01-01", "us") + np.arange(N_ROWS) * np.timedelta64(1, "h")
    described = pd.DataFrame({"region": ["north", "south", "west"] * (N_ROWS // 3)})
    described["age"] = rng.integers(18, 80, N_ROWS)
    return SealedRows(
        problem=Problem(task=task, metric=metric, classes=classes),
        y=y,
        cutoff_time=times,
        entity=entity,
        described=described,
    )


def honest(rows, seed=1, strength=1.2):
    """Probabilities that happen as often as they say."""
    rng = np.random.default_rng(seed)
    x = strength * (2 * rows.y - 1) + rng.normal(size=N_ROWS) * np.sqrt(2 * strength)
    odds = np.exp(x) * np.mean(rows.y) / (1 - np.mean(rows.y))
    return odds / (1 + odds)


def contender(predictions, **more):
    return Contender(name="1", predictions=predictions, columns={"a": "numeric"}, **more)


def ask(gate, rows, challenger, champion=None, **policy):
    rival = None if champion is None else contender(champion)
    if not isinstance(challenger, Contender):
        challenger = contender(challenger)
    verdict = judge(challenger, rival, rows=rows, policy=PromotionPolicy(**policy), gates=[gate])
    return verdict.gates[0]


def test_every_gate_answers_by_default_and_says_what_to_declare():
    rows = make_rows()
    verdict = judge(contender(honest(rows)), None, rows=rows, policy=PromotionPolicy())
    answers = {gate.name: gate for gate in verdict.gates}
    assert list(answers) == list(GATES)
    assert list(GATES) == [
        "servable",
        "quality",
        "slices",
        "calibration",
        "latency",
        "size",
        "fairness",
    ]
    undeclared = ("slices", "calibration", "latency", "size", "fairness")
    assert {answers[name].status for name in undeclared} == {"n/a"}
    for name in undeclared:
        assert "promotion." in answers[name].sentence, name


class TestSlices:
    def test_one_bad_slice_is_found_among_many(self):
        rows = make_rows()
        champion = honest(rows)
        poor = (rows.described["region"] == "west").to_numpy() & (np.arange(N_ROWS) % 5 == 0)
        challenger = np.where(poor, 1 - honest(rows, seed=2), honest(rows, seed=2))
        found = ask("slices", rows, challenger, champion, slices=("region", "age"))
        assert found.status == "fail"
        assert found.numbers["lowest"] == "region: west"
        assert found.numbers["n_slices"] == 7
        assert found.numbers["adjusted_p"] < 0.05
        assert "worse than the champion in 1 of 7 slices by region, age" in found.sentence

    def test_equal_models_are_not_worse_anywhere(self):
        rows = make_rows()
        found = ask("slices", rows, honest(rows), honest(rows, seed=2), slices=("region", "age"))
        assert found.status == "pass"
        assert "not surely worse" in found.sentence
        assert found.numbers["n_worse"] == 0

    def test_small_slices_and_those_of_one_class_are_left_out(self):
        rows = make_rows()
        region = np.where(np.arange(N_ROWS) < 20, "tiny", "rest")
        region[np.flatnonzero(rows.y == 0)[:200]] = "never"
        rows = replace(rows, described=pd.DataFrame({"region": region}))
        found = ask("slices", rows, honest(rows), honest(rows, seed=2), slices=("region",))
        assert (found.numbers["n_slices"], found.numbers["n_small"]) == (1, 2)
        alike = replace(rows, described=pd.DataFrame({"region": np.arange(N_ROWS).astype(str)}))
        few = replace(alike, y=np.zeros(N_ROWS, int))
        found = ask("slices", few, honest(rows), honest(rows), slices=("region",))
        assert found.status == "n/a"
        assert "30 rows and a defined score" in found.sentence

    def test_a_column_that_is_not_there_is_refused(self):
        rows = make_rows()
        with pytest.raises(ModelError, match="got city"):
            ask("slices", rows, honest(rows), honest(rows), slices=("city",))
        short = replace(rows, described=rows.described.head(3))
        with pytest.raises(ModelError, match="1200 sealed rows, got 3 rows"):
            ask("slices", short, honest(rows), honest(rows), slices=("region",))

    def test_holm_is_no_stricter_than_bonferroni_and_keeps_the_order(self):
        chances = np.random.default_rng(0).random(20) ** 3
        adjusted = np.array(holm(list(chances)))
        assert (adjusted <= np.minimum(1, 20 * chances) + 1e-12).all()
        assert (adjusted >= chances).all()
        assert (np.diff(adjusted[np.argsort(chances)]) >= 0).all()


class TestCalibration:
    def test_sharper_than_it_knows_is_worse(self):
        rows = make_rows()
        champion = honest(rows)
        odds = (champion / (1 - champion)) ** 3
        found = ask("calibration", rows, odds / (1 + odds), champion)
        assert found.status == "fail"
        assert found.numbers["low"] > 0
        assert found.numbers["challenger"] > 0.05 > found.numbers["champion"]
        assert found.sentence.endswith("surely further")
        # The ranking is the same, so that quality has nothing to say.
        assert ask("quality", rows, odds / (1 + odds), champion).numbers["difference"] == 0
        assert ask("calibration", rows, champion, odds / (1 + odds)).status == "pass"

    def test_what_is_worse_by_less_than_a_point_passes(self):
        rows = make_rows()
        champion = honest(rows)
        found = ask("calibration", rows, np.clip(champion + 0.004, 0, 1), champion)
        assert found.status == "pass"
        assert abs(found.numbers["value"]) < 0.01

    def test_a_limit_is_for_the_first_version_too(self):
        rows = make_rows()
        shifted = np.clip(honest(rows) + 0.3, 0, 1)
        found = ask("calibration", rows, shifted, max_miscalibration=0.1)
        assert found.status == "fail"
        assert 0.1 < found.numbers["surely"] < found.numbers["challenger"] < 0.4
        assert ask("calibration", rows, honest(rows), max_miscalibration=0.1).status == "pass"
        assert ask("calibration", rows, shifted).status == "n/a"

    def test_an_honest_model_is_rarely_surely_beyond_a_small_limit(self):
        failed = 0
        for seed in range(25):
            rows = make_rows(seed=seed)
            found = ask("calibration", rows, honest(rows, seed=seed + 99), max_miscalibration=0.005)
            failed += found.status == "fail"
        assert failed <= 2

    def test_several_classes_are_judged_by_the_likeliest(self):
        rows = make_rows("multiclass", "log_loss")
        weights = np.random.default_rng(1).random((N_ROWS, 3)) + np.eye(3)[rows.y]
        good = weights / weights.sum(axis=1, keepdims=True)
        sure = good**8 / (good**8).sum(axis=1, keepdims=True)
        assert ask("calibration", rows, sure * 0.2 + 0.8 / 3, sure).status == "fail"

    @pytest.mark.parametrize(
        ("task", "metric", "words"),
        [("regression", "rmse", "no probabilities"), ("binary", "mcc", "looks at calls")],
    )
    def test_it_does_not_apply_without_probabilities(self, task, metric, words):
        rows = make_rows(task, metric)
        found = ask("calibration", rows, rows.y.astype(float), rows.y.astype(float))
        assert found.status == "n/a"
        assert words in found.sentence


class Sleeper:
    """Takes its time for every call."""

    def __init__(self, seconds):
        self.seconds = seconds

    def predict(self, X):
        time.sleep(self.seconds)
        return np.zeros(len(X))


class TestLatencyAndSize:
    @pytest.mark.parametrize(("limit", "status"), [(None, "n/a"), (3.0, "fail"), (400.0, "pass")])
    def test_a_row_has_its_time(self, limit, status):
        rows = make_rows()
        timed = contender(honest(rows), model=Sleeper(0.004), example=rows.described.head(20))
        found = ask("latency", rows, timed, max_latency_ms=limit)
        assert found.status == status
        assert 4 <= found.numbers["one_row_ms"] < 400
        assert found.numbers["batch_row_ms"] < found.numbers["one_row_ms"]
        assert "ms for one row (median of 9 calls)" in found.sentence

    @pytest.mark.parametrize(("limit", "status"), [(None, "n/a"), (0.1, "fail"), (1.0, "pass")])
    def test_files_have_their_room(self, tmp_path, limit, status):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "model.bin").write_bytes(bytes(400_000))
        (tmp_path / "MLmodel").write_bytes(bytes(100_000))
        rows = make_rows()
        found = ask("size", rows, contender(honest(rows), artifact=tmp_path), max_megabytes=limit)
        assert found.status == status
        assert found.numbers["megabytes"] == pytest.approx(0.5)
        assert found.sentence.startswith("0.500 MB in 2 files")

    @pytest.mark.parametrize("limits", [{"max_latency_ms": 1.0}, {"max_megabytes": 1.0}])
    def test_what_cannot_be_measured_does_not_pass_a_limit(self, limits):
        rows = make_rows()
        gate = "latency" if "max_latency_ms" in limits else "size"
        assert ask(gate, rows, honest(rows), **limits).status == "fail"


class TestFairness:
    def test_a_group_that_is_chosen_far_more_often_is_told(self):
        rows = make_rows()
        north = (rows.described["region"] == "north").to_numpy()
        biased = np.where(north, np.clip(honest(rows) + 0.5, 0, 1), honest(rows))
        policy = FairnessPolicy(column="region", max_gap=0.2)
        found = ask("fairness", rows, biased, fairness=policy)
        assert found.status == "fail"
        assert found.numbers["first"] == "north"
        assert found.numbers["surely"] > 0.2
        assert found.numbers["level"] == pytest.approx(1 - 0.05 / 3)
        assert "selection rate" in found.sentence
        assert ask("fairness", rows, honest(rows), fairness=policy).status == "pass"
        wide = FairnessPolicy(column="region", max_gap=0.9)
        assert ask("fairness", rows, biased, fairness=wide).status == "pass"

    def test_true_positive_rates_look_at_positives_alone(self):
        rows = make_rows()
        south = (rows.described["region"] == "south").to_numpy()
        missed = np.where(south & (rows.y > 0), 0.1, honest(rows))
        for measure, status in (("true_positive_rate", "fail"), ("selection_rate", "pass")):
            policy = FairnessPolicy(column="region", max_gap=0.3, measure=measure)
            assert ask("fairness", rows, missed, fairness=policy).status == status

    @pytest.mark.parametrize(("task", "metric"), [("regression", "mae"), ("binary", "roc_auc")])
    def test_the_metric_itself_may_be_the_measure(self, task, metric):
        rows = make_rows(task, metric)
        west = (rows.described["region"] == "west").to_numpy()
        good = rows.y + 0.3 * np.random.default_rng(2).normal(size=N_ROWS)
        policy = FairnessPolicy(column="region", max_gap=0.2, measure="metric")
        assert ask("fairness", rows, good, fairness=policy).status == "pass"
        bad = np.where(west, good[::-1], good)
        found = ask("fairness", rows, bad, fairness=policy)
        assert found.status == "fail"
        assert "west" in (found.numbers["first"], found.numbers["second"])

    def test_a_threshold_of_its_own_decides_who_is_chosen(self):
        rows = make_rows()
        policy = FairnessPolicy(column="region", max_gap=0.1)
        found = ask(
            "fairness",
            rows,
            contender(honest(rows), decision=Decision(threshold=2.0)),
            fairness=policy,
        )
        assert found.numbers["value"] == 0

    def test_rates_need_two_classes_and_groups_need_rows(self):
        rows = make_rows("regression", "rmse")
        policy = FairnessPolicy(column="region", max_gap=0.1)
        found = ask("fairness", rows, rows.y, fairness=policy)
        assert found.status == "fail"
        assert "measure: metric" in found.sentence
        rows = replace(make_rows(), described=pd.DataFrame({"region": ["north"] * N_ROWS}))
        found = ask("fairness", rows, honest(rows), fairness=policy)
        assert found.status == "n/a"


class TestCalls:
    """Metrics that look at calls are asked about each model's own."""

    def test_quality_compares_models_that_decide_as_each_was_tuned_to(self):
        rows = make_rows(metric="f1")
        early = contender(honest(rows), decision=Decision(threshold=0.35))
        at_half = contender(honest(rows))
        found = judge(early, at_half, rows=rows, policy=PromotionPolicy(), gates=["quality"])
        (gate,) = found.gates
        f1 = METRICS["f1"].score
        assert gate.numbers["challenger"] == f1(rows.y, honest(rows) > 0.35)
        assert gate.numbers["rival"] == f1(rows.y, honest(rows))
        assert gate.numbers["difference"] == pytest.approx(
            gate.numbers["challenger"] - gate.numbers["rival"]
        )
        turned = judge(at_half, early, rows=rows, policy=PromotionPolicy(), gates=["quality"])
        assert turned.gates[0].numbers["difference"] == -gate.numbers["difference"]

    def test_a_first_version_must_be_better_than_calling_everybody(self):
        rows = make_rows(metric="f1")
        noise = np.random.default_rng(5).random(N_ROWS)
        found = ask("quality", rows, contender(noise, decision=Decision(threshold=0.02)))
        assert found.status == "fail"
        assert found.numbers["rival"] == METRICS["f1"].score(rows.y, np.ones(N_ROWS))
        good = contender(honest(rows), decision=Decision(threshold=0.35))
        assert ask("quality", rows, good).status == "pass"

    def test_slices_and_fairness_look_at_calls_too(self):
        rows = make_rows(metric="f1")
        never = contender(honest(rows), decision=Decision(threshold=1.0))
        champion = honest(rows)
        assert ask("slices", rows, never, champion, slices=("region",)).numbers["challenger"] == 0
        policy = FairnessPolicy(column="region", max_gap=0.1, measure="metric")
        assert ask("fairness", rows, never, fairness=policy).numbers["value"] == 0


class TestRepeatedTries:
    def test_every_try_has_to_be_more_surely_better(self):
        rows = make_rows()
        champion, challenger = contender(honest(rows)), contender(honest(rows, 2, strength=1.6))
        lows, levels = [], []
        for attempt in (1, 2, 5, 20):
            verdict = judge(
                challenger,
                champion,
                rows=rows,
                policy=PromotionPolicy(),
                gates=["quality"],
                attempt=attempt,
            )
            (gate,) = verdict.gates
            lows.append(gate.numbers["low"])
            levels.append(gate.numbers["level"])
            assert gate.numbers["attempt"] == attempt
        assert lows == sorted(lows, reverse=True)
        assert levels == sorted(levels)
        assert "20th try against this champion, 50 days drawn 50,000 times" in gate.sentence
        assert "99.99" in gate.sentence

    def test_the_chance_of_error_adds_up_to_what_was_asked_for(self):
        spent = sum(spent_on(attempt, 0.05) for attempt in range(1, 10_000))
        assert 0.0499 < spent < 0.05
        with pytest.raises(ModelError, match="from 1 on, got 0"):
            spent_on(0, 0.05)

    def test_asking_until_it_passes_does_not_work(self):
        rows = make_rows(metric="brier")
        # All are equal in truth; the champion happens to do badly on these very rows.
        loss = [np.mean((rows.y - honest(rows, seed=seed)) ** 2) for seed in range(30)]
        champion = contender(honest(rows, seed=int(np.argmax(loss))))

        def passes(seed, attempt):
            verdict = judge(
                contender(honest(rows, seed=seed)),
                champion,
                rows=rows,
                policy=PromotionPolicy(),
                gates=["quality"],
                attempt=attempt,
            )
            return verdict.promoted

        lucky = [seed for seed in range(100, 160) if passes(seed, 1)]
        assert lucky
        assert not any(passes(seed, attempt=seed - 98) for seed in lucky)

    def test_rows_of_entities_that_repeat_are_drawn_by_entity_too(self):
        rows = make_rows(entity=np.arange(N_ROWS) % 60)
        verdict = judge(
            contender(honest(rows)),
            None,
            rows=rows,
            policy=PromotionPolicy(),
            gates=["quality"],
        )
        assert "50 days, and 60 entities (the more cautious counts)" in verdict.sentence


def test_approval_makes_who_passed_wait():
    rows = make_rows()
    policy = PromotionPolicy(approval=True)
    for predictions, waits in ((honest(rows), True), (np.full(N_ROWS, 0.3), False)):
        verdict = judge(contender(predictions), None, rows=rows, policy=policy, gates=["quality"])
        assert not verdict.promoted
        assert verdict.waits == waits
        assert verdict.sentence.startswith("Passed every gate and waits" if waits else "Rejected")


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"max_latency_ms": -1.0},
        {"max_megabytes": 0.0},
        {"max_miscalibration": float("nan")},
    ],
)
def test_limits_that_nothing_can_keep_are_refused(wrong):
    with pytest.raises(ModelError, match=f"promotion.{next(iter(wrong))}"):
        PromotionPolicy(**wrong)


def test_groups_need_a_known_measure_and_a_gap():
    with pytest.raises(ModelError, match="got 'parity'"):
        FairnessPolicy(column="a", max_gap=0.1, measure="parity")
    with pytest.raises(ModelError, match="max_gap"):
        FairnessPolicy(column="a", max_gap=-0.1)


def test_what_is_too_good_to_be_true_is_not_believed_unless_it_is_trusted():
    rows = make_rows()
    leak = Finding(kind="leak", column="paid_at", message="Column 'paid_at' gives it away.")
    better = contender(honest(rows, strength=4.0), giveaways=(leak,))
    champion = honest(rows)
    found = ask("quality", rows, better, champion)
    assert found.status == "fail"
    assert found.numbers["low"] > 0
    assert found.sentence.endswith("promotion.trusted: [paid_at]")
    assert ask("quality", rows, better, champion, trusted=("paid_at",)).status == "pass"
    assert "too good" not in ask("quality", rows, better, honest(rows, strength=6.0)).sentence
