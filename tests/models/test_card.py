import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.candidate import Candidate
from models.card import CardContent, Comparison, DataWindow, render_card
from models.card_markdown import render_markdown
from models.dependence import partial_dependence
from models.drivers import find_drivers
from models.evaluation import evaluate, paired_difference, score_slices
from models.figures import MINUS, difference, figure, interval
from models.importance import permutation_importance
from models.leaderboard import TrialRecord, rank
from models.promotion import Contender, PromotionPolicy, SealedRows, judge
from models.serving.decision import Decision
from models.slices import slice_rows
from tests.models.small import NUMERIC, fit_small, make_small

TASKS = ("binary", "multiclass", "regression")


def make_card(task="binary") -> CardContent:
    data = make_small(task)
    problem, model, simple = data.problem, fit_small(data), fit_small(data, ("linear",))
    prediction, other = model.predict(data.X), simple.predict(data.X)
    rows = SealedRows(problem=problem, y=data.y, cutoff_time=data.cutoff_time)
    evaluation = evaluate(data.y, prediction, problem, data.cutoff_time, seed=0)
    named = [(part.column, part.level, part.rows) for part in slice_rows(data.X, ["carrier"])]
    sliced = score_slices(named, data.y, prediction, problem, data.cutoff_time, seed=0)
    drivers = find_drivers(model, data.X, {NUMERIC: (("flights", "arr_delay"),)}, max_seconds=0.2)
    dependence = partial_dependence(model, data.X, [NUMERIC, "carrier"], max_seconds=60)
    trials = [
        TrialRecord(
            number=number,
            candidate=Candidate(family=family),
            origin="portfolio",
            state="done",
            score=0.7 + number / 100,
            fold_scores=(0.69, 0.75),
            seconds=1.0,
        )
        for number, family in enumerate(("linear", "lightgbm"))
    ]
    failed = replace(trials[0], number=2, state="failed", score=None, error="time limit")
    return CardContent(
        title="flights <late>",
        version=3,
        created_at=pd.Timestamp("2013-06-01 12:00"),
        question="Will it be late & by how much?",
        labels_sql="SELECT a < b AS label",
        problem=problem,
        windows=(
            DataWindow(
                name="Sealed holdout",
                n_rows=400,
                start=pd.Timestamp("2013-01-01"),
                end=pd.Timestamp("2013-02-09"),
                share_positive=0.4 if task == "binary" else None,
            ),
        ),
        evaluation=replace(evaluation, slices=sliced),
        drivers=replace(drivers, dependence=dependence),
        leaderboard=rank([*trials, failed], problem.scoring),
        weights={1: 0.75, 0: 0.25},
        verdict=judge(
            Contender(name="3", predictions=prediction, columns=model.columns),
            None,
            rows=rows,
            policy=PromotionPolicy(),
            gates=["quality"],
        ),
        comparisons=(
            Comparison(
                name="own columns only",
                score=evaluate(data.y, other, problem, data.cutoff_time, seed=0).score,
                difference=paired_difference(
                    data.y, prediction, other, problem.metric, data.cutoff_time, seed=0
                ),
            ),
        ),
        importance=permutation_importance(model, data.X, data.y, problem, seed=0),
        descriptions={NUMERIC: "Mean delay of the plane's flights within 7 days"},
        lineage={"snapshot": "abc123", "feature service": "flights_1"},
        limits=("Only flights from New York.",),
    )


@pytest.fixture(scope="module", params=TASKS)
def card(request) -> CardContent:
    return make_card(request.param)


def test_the_page_tells_everything_and_loads_nothing(card):
    page = render_card(card)
    for part in (
        "flights &lt;late&gt; v3",
        "Will it be late &amp; by how much?",
        "SELECT a &lt; b AS label",
        "2013-01-01 to 2013-02-09",
        "Own columns only",
        "75%",
        "time limit",
        "Mean delay of the plane&#x27;s flights within 7 days",
        "flights_1",
        "Only flights from New York.",
        "95 % interval",
        "flights.arr_delay",
        "01 to 05 Jan",
        "Zürich ✈",
    ):
        assert part in page, part
    charts = {"binary": 2 + 1 + 2, "multiclass": 2 + 1, "regression": 2 + 1 + 1}
    assert page.count("<svg") == charts[card.problem.task] + 2
    assert page.count("<figure>") == 2
    sampled = "by sampling)" in page
    assert sampled == (card.problem.task == "multiclass")
    assert not re.search(r"<script|<link|<img|src=|href=|@import|url\(|https?://", page)
    assert "$" not in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S).lower().split()


def test_the_page_says_the_verdict_as_the_gates_gave_it(card):
    assert '<span class="badge pass">promoted</span>' in render_card(card)
    poor = Contender(name="4", predictions=np.zeros(3), columns={})
    problem = card.problem
    if problem.task != "binary":
        return
    rows = SealedRows(problem=problem, y=np.array([0, 1, 0]), cutoff_time=None)
    verdict = judge(poor, None, rows=rows, policy=PromotionPolicy(), gates=["quality"])
    page = render_card(replace(card, verdict=verdict))
    assert '<span class="badge fail">not promoted</span>' in page
    assert "not surely better" in page


def test_a_card_with_little_to_tell_is_a_page_too():
    card = replace(
        make_card(),
        version=None,
        verdict=None,
        windows=(),
        comparisons=(),
        drivers=None,
        importance=(),
        lineage={},
        limits=(),
        labels_sql="",
    )
    page = render_card(card)
    assert "not judged" in page
    assert "What it looks at" not in page
    assert 'id="lineage"' not in page


def test_the_card_is_told_in_markdown_too(card):
    text = render_markdown(card)
    for part in (
        "# flights <late> v3",
        "| Sealed holdout | 400 | 2013-01-01 to 2013-02-09 |",
        "| 75% | LightGBM |",
        "Mean delay of the plane's flights within 7 days",
        "flights.arr_delay",
        "Own columns only",
        "- snapshot: `abc123`",
    ):
        assert part in text, part
    assert "nan" not in text.lower().split()


def test_without_contributions_the_columns_that_hurt_most_are_shown(card):
    page = render_card(replace(card, drivers=None))
    assert "values are shuffled" in page
    assert "Mean delay of the plane&#x27;s flights within 7 days" in page
    assert "<figure>" not in page


def test_a_metric_that_varies_is_said_to_vary(card):
    unsteady = replace(card.evaluation, steady=0.001)
    assert "varies more than chance" in render_card(replace(card, evaluation=unsteady))
    assert "varies no more than chance" in render_card(
        replace(card, evaluation=replace(card.evaluation, steady=0.4))
    )


def test_undefined_scores_are_said_to_be_undefined():
    card = make_card()
    rows = np.zeros(50)
    undefined = evaluate(rows, np.full(50, 0.2), card.problem, None, seed=0)
    page = render_card(replace(card, evaluation=undefined, comparisons=()))
    assert "not surely better than the constant" in page


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (Decision(threshold=0.3125), "above a probability of 0.3125"),
        (Decision(factors=(1.0, 2.5, 1.0)), "its probability counted so many times: 1, 2.5, 1"),
    ],
)
def test_the_card_says_which_class_is_called_where_that_was_tuned(card, decision, words):
    for tell in (render_card, render_markdown):
        assert "It calls" not in tell(card)
        tuned = replace(card, evaluation=replace(card.evaluation, decision=decision))
        assert "It calls" in tell(tuned)
        assert words in tell(tuned)


def test_a_person_s_word_is_the_verdict_from_then_on(card):
    said = replace(card.verdict, promoted=True, word="Approved by a person: it is right")
    for tell in (render_card, render_markdown):
        told = tell(replace(card, verdict=said))
        assert "waits" not in told
        if all(gate.status != "fail" for gate in said.gates):
            assert "Approved by a person: it is right" in told


def test_figures_have_the_decimals_they_deserve():
    assert figure(0.76212) == "0.7621"
    assert figure(1_234_567.8) == "1,234,568"
    assert figure(0.0) == "0.000"
    assert figure(None) == "–"
    assert interval(92.3, 75.42, 107.38) == ("92.3", "75.4 to 107.4")
    assert interval(-0.5, float("nan"), 1)[1] == "–"
    assert difference(-0.0214, -0.0269, 0.0161) == (
        f"{MINUS}0.0214, 95 % interval [{MINUS}0.0269, +0.0161]"
    )


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_a_narrow_or_a_wide_screen(width, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "card.html").write_text(render_card(make_card()), encoding="utf-8")
    chromium = shutil.which("chromium")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "card.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert len(asked) == 1
        browser.close()
