from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from monitoring.decision import DecisionPolicy, DriftPolicy, decide
from monitoring.drift import measure_drift
from monitoring.evidence import Evidence
from monitoring.performance import measure_performance
from monitoring.report import MAX_ROWS, render_report
from tests.monitoring.streams import make_pair, make_window, with_features
from tests.monitoring.test_performance import auc_by_rank

NOW = pd.Timestamp("2026-02-08")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.external = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        for key in ("src", "href"):
            if str(named.get(key, "")).startswith("http") and tag in {"script", "link", "img"}:
                self.external.append(named[key])


def decided(reference, current):
    evidence = Evidence(
        drift=measure_drift(reference, current, policy=DriftPolicy(), importance={"x6": 1.0}),
        performance=measure_performance(
            reference,
            current,
            metric=auc_by_rank,
            greater_is_better=True,
            metric_name="roc_auc",
            seed=0,
            min_labelled=50,
        ),
    )
    decision = decide(evidence, [], policy=DecisionPolicy(), now=NOW, last_retrain=None)
    return evidence, decision


def test_the_report_is_one_page_with_our_summary_on_top(tmp_path):
    reference, current = make_pair(0, n_columns=8)
    hostile = "<b>x</b>"
    reference = with_features(reference, **{hostile: np.ones(reference.n_rows)})
    moved = {"x6": current.features["x6"] + 1, hostile: np.zeros(current.n_rows)}
    current = with_features(current, **moved)
    path = tmp_path / "report.html"
    render_report(reference, current, *decided(reference, current), path)
    html = path.read_text()
    assert reference.n_rows > MAX_ROWS
    assert html.index("How the decision was reached") < html.index("Distributions")
    assert html.index("Distributions") < html.index('<div id="root')
    summary = html[html.index("<section class='perennial'>") : html.index("Distributions")]
    assert "&lt;b&gt;x" in summary
    assert hostile not in summary
    assert "mean prediction minus mean label" in summary
    tags = Tags()
    tags.feed(html)
    assert tags.external == []


@pytest.mark.parametrize("n_rows", [0, 5])
def test_hardly_any_rows_still_give_a_page(tmp_path, n_rows):
    reference, current = make_pair(0, n_columns=3)
    few = np.arange(current.n_rows) < n_rows
    current = make_window(
        current.features, current.scores, current.labels, current.cutoff_time, few, "current"
    )
    path = tmp_path / "report.html"
    render_report(reference, current, *decided(reference, current), path)
    assert "labelled rows in the current window, 50 needed" in path.read_text()


def test_windows_without_time_and_performance_give_a_page(tmp_path):
    pair = [replace(w, cutoff_time=None) for w in make_pair(0, n_columns=3)]
    evidence, decision = decided(*pair)
    path = tmp_path / "report.html"
    render_report(*pair, replace(evidence, performance=None), decision, path)
    assert "Not measured" in path.read_text()


def test_values_of_the_data_cannot_write_into_the_page(tmp_path):
    reference, current = make_pair(0, n_columns=3)
    hostile = "</script><script>alert(1)</script>"
    pair = [
        with_features(
            w,
            **{"a</script>b": w.features["x2"], "x0": np.where(w.features["x2"] > 0, hostile, "b")},
        )
        for w in (reference, current)
    ]
    path = tmp_path / "report.html"
    render_report(*pair, *decided(*pair), path)
    html = path.read_text()
    assert "<script>alert" not in html
    assert "a</script>" not in html
