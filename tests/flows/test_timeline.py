"""The drift timeline and the ladder: what is shown of real decisions in a ledger."""

from datetime import datetime
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from flows.console import make_console
from flows.errors import FlowError
from flows.ladder import newest_decision, print_ladder
from flows.state import DecisionRow, open_ledger
from flows.timeline import MAX_LOOKS, _chosen, read_timeline
from flows.timeline_page import render_timeline, write_timeline
from models.metrics import METRICS
from monitoring.decision import decide
from monitoring.drift import measure_drift
from monitoring.evidence import Evidence
from monitoring.performance import measure_performance
from monitoring.policy import DecisionPolicy, DriftPolicy
from monitoring.windows import Window

START = pd.Timestamp("2026-01-05")
WEEK = pd.Timedelta(weeks=1)


def make_window(rng, start, n_rows, shift=0.0, flipped=0.0):
    X = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=["a <b>", "SUM(orders.amount)", "c"])
    X["a <b>"] += shift
    odds = X["c"] - 0.5 * X["SUM(orders.amount)"]
    y = (odds + rng.normal(size=n_rows) > 0).astype(float)
    y = np.where(rng.random(n_rows) < flipped, 1 - y, y)
    days = np.sort(rng.random(n_rows)) * 7
    moments = (start + pd.to_timedelta(days, unit="D")).to_numpy("M8[us]")
    scores = (1 / (1 + np.exp(-2 * odds))).to_numpy()
    return Window(features=X, scores=scores, labels=y, cutoff_time=moments, name="made")


def decide_weeks(workspace, n_looks, n_rows=400):
    """Let the real monitor look at made weeks: `a` drifts in the later half, then labels flip."""
    rng, history = np.random.default_rng(0), []
    reference = make_window(rng, START - 8 * WEEK, 4 * n_rows)
    metric = METRICS["roc_auc"]
    for look in range(n_looks):
        late = look / n_looks
        current = make_window(
            rng, START + look * WEEK, n_rows, 0.9 * (late > 0.4), 0.35 * (late > 0.7)
        )
        now = START + (look + 1) * WEEK
        drift = measure_drift(
            reference,
            current,
            policy=DriftPolicy(max_evidently_columns=0),
            importance={"a <b>": 0.2, "c": 0.6, "SUM(orders.amount)": 0.2},
        )
        performance = measure_performance(
            reference,
            current,
            metric=metric.score,
            greater_is_better=True,
            metric_name="roc_auc",
            seed=0,
        )
        evidence = Evidence(drift=drift, performance=performance)
        decision = decide(
            evidence,
            history,
            policy=DecisionPolicy(),
            now=now.to_pydatetime(),
            last_retrain=None,
        )
        history.append(decision.to_past())
        row = DecisionRow(
            decision_id=f"d{look}",
            project=workspace.name,
            version="1",
            window_start=(now - WEEK).to_pydatetime(),
            window_end=now.to_pydatetime(),
            kind=type(decision).__name__,
            reason=decision.reason,
            evidence={"evidence": evidence.to_dict(), "decision": decision.to_dict()},
            decided_at=now.to_pydatetime(),
        )
        workspace.ledger.decide(row, None)


@pytest.fixture
def workspace(tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", lock_directory=tmp_path)
    target = SimpleNamespace(metric="roc_auc", question="")
    yield SimpleNamespace(
        name="shop",
        ledger=ledger,
        state=tmp_path,
        project=SimpleNamespace(target=target),
        path=lambda *parts: tmp_path.joinpath(*parts),
    )
    ledger.close()


class Page(HTMLParser):
    """Counts tags that are open, and collects what would load something."""

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.kinds, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.kinds.append((tag, given.get("class", "")))
        self.loads += [v for k, v in attrs if k in ("src", "href", "srcset") or tag == "script"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.kinds.append((tag, dict(attrs).get("class", "")))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    page = Page()
    page.feed(html)
    assert page.open == []
    assert page.loads == []
    return page


def test_every_look_and_every_drift_is_on_the_page(workspace):
    decide_weeks(workspace, 6)
    timeline = read_timeline(workspace)
    page = read(render_timeline(timeline, written_at=START))
    looks = [kind for tag, kind in page.kinds if tag == "circle"]
    assert len(looks) == 2 * 6
    drifted = sum(m.columns["a <b>"].drifted for m in timeline.moments)
    assert drifted >= 3
    cells = [kind for tag, kind in page.kinds if tag == "i"]
    shown = sum(kind in ("low", "mid", "high") for kind in cells)
    found = sum(
        c.drifted for m in timeline.moments for c in (*m.columns.values(), *m.scores.values())
    )
    assert shown == found
    assert "a <b>" in page.text
    assert timeline.moments[-1].reason.rstrip("…")[:30].lower() in "".join(page.text).lower()


def test_a_project_without_a_look_says_what_to_do(workspace):
    page = read(render_timeline(read_timeline(workspace), written_at=START))
    assert any("perennial monitor" in text for text in page.text)
    with pytest.raises(FlowError, match="perennial monitor"):
        newest_decision(workspace)


def test_the_page_of_a_moment_shows_nothing_from_after_it(workspace):
    decide_weeks(workspace, 4)
    path = write_timeline(workspace, now=START + 2 * WEEK)
    page = read(path.read_text(encoding="utf-8"))
    assert sum(tag == "circle" for tag, _ in page.kinds) == 2 * 2


def test_old_looks_are_counted_and_not_shown(workspace, monkeypatch):
    decide_weeks(workspace, 4)
    monkeypatch.setattr("flows.timeline.MAX_LOOKS", 3)
    timeline = read_timeline(workspace)
    assert (len(timeline.moments), timeline.n_hidden) == (3, 1)
    assert MAX_LOOKS >= 52


def test_of_many_looks_a_day_one_is_shown_and_it_is_the_one_that_retrained(monkeypatch):
    monkeypatch.setattr("flows.timeline.MAX_LOOKS", 3)
    hours = pd.date_range("2026-01-05", periods=96, freq="h")
    kinds = {30: "Retrain", 80: "Wait"}
    looks = [(f"d{n}", hour, kinds.get(n, "Keep")) for n, hour in enumerate(hours)]
    assert _chosen(looks) == ["d30", "d71", "d95"]
    assert _chosen(looks[:3]) == ["d0", "d1", "d2"]


def test_the_ladder_has_every_step_within_80_columns(workspace, capsys):
    decide_weeks(workspace, 6)
    row = newest_decision(workspace)
    assert row.decided_at == datetime(2026, 2, 16)
    console = make_console()
    console.width = 80
    print_ladder(row, console)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    words = " ".join(printed.split())
    for step in row.evidence["decision"]["ladder"]:
        assert step["question"] in words
        assert " ".join(step["answer"].split()) in words
    assert printed.rstrip().endswith(f"→ {row.kind}")
