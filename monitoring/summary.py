"""The summary on top of a drift report: decision, ladder, performance, drifted columns."""

from collections.abc import Sequence
from html import escape

from monitoring.decision import Decision, Step
from monitoring.evidence import (
    ColumnDrift,
    Criterion,
    DriftEvidence,
    Estimate,
    Evidence,
    PerformanceEvidence,
)

MAX_LISTED = 20
"""Columns listed in the table of drift."""

_COLOURS = {"keep": "#1a7f4b", "wait": "#b7791f", "retrain": "#c0392b"}

_STYLE = """
.perennial { max-width: 1100px; margin: 0 auto; padding: 8px 24px; color: #1f2933;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.perennial h1 { font-size: 26px; margin: 16px 0 4px; font-weight: 650; }
.perennial h2 { font-size: 18px; margin: 28px 0 8px; font-weight: 650; }
.perennial .badge { display: inline-block; color: #fff; border-radius: 6px; padding: 2px 14px;
  margin-right: 12px; text-transform: capitalize; }
.perennial .quiet { color: #627282; font-size: 13px; margin: 4px 0; }
.perennial table { border-collapse: collapse; width: 100%; font-size: 14px; }
.perennial th { text-align: left; font-weight: 600; color: #52606d; font-size: 12px;
  border-bottom: 2px solid #d9e0e6; padding: 4px 10px 4px 0; vertical-align: bottom; }
.perennial td { border-bottom: 1px solid #e8ecf0; padding: 6px 10px 6px 0; vertical-align: top; }
.perennial td.number, .perennial th.number { text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.perennial td.name { font-weight: 600; overflow-wrap: anywhere; }
.perennial .bar { display: inline-block; height: 9px; border-radius: 2px; background: #c0392b;
  vertical-align: middle; margin-right: 6px; }
.perennial .bar.calm { background: #9fb3c8; }
.perennial .interval { color: #627282; font-size: 12px; }
.perennial tr.decided td { background: #f4f6f8; font-weight: 600; }
.perennial .bad { color: #c0392b; font-weight: 600; }
"""


def page(body: str) -> str:
    """Return a whole HTML page around a body."""
    head = "<meta charset='utf-8'><title>Drift report</title>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{body}</body></html>"


def render_summary(evidence: Evidence, decision: Decision, *, spans: tuple[str, str]) -> str:
    """Return the summary as one HTML section that brings its own style.

    Parameters
    ----------
    evidence, decision
        What to show.
    spans
        The time each window covers, in words: reference, current.
    """
    parts = [
        _headline(evidence, decision, spans),
        _ladder(decision.ladder, decision.name),
        _performance(evidence.performance),
        _drift(evidence.drift),
    ]
    return f"<style>{_STYLE}</style><section class='perennial'>{''.join(parts)}</section>"


def _headline(evidence: Evidence, decision: Decision, spans: tuple[str, str]) -> str:
    colour = _COLOURS[decision.name]
    sizes = (evidence.drift.n_reference, evidence.drift.n_current)
    rates = (evidence.drift.rows_per_day_reference, evidence.drift.rows_per_day_current)
    windows = "; ".join(
        f"{name}: {span}, {size:,} rows" + (f" ({rate:,.0f} a day)" if rate else "")
        for name, span, size, rate in zip(
            ("reference", "current"), spans, sizes, rates, strict=True
        )
    )
    return (
        f"<h1><span class='badge' style='background:{colour}'>{decision.name}</span>"
        f"{escape(decision.reason)}</h1>"
        f"<p class='quiet'>Decided {decision.decided_at:%Y-%m-%d %H:%M} UTC. {escape(windows)}.</p>"
    )


def _ladder(steps: Sequence[Step], name: str) -> str:
    rows = []
    for step in steps:
        mark = " class='decided'" if step.stop else ""
        outcome = name.capitalize() if step.stop else "go on"
        rows.append(
            f"<tr{mark}><td>{escape(step.question)}</td><td>{escape(step.answer)}</td>"
            f"<td class='number'>{outcome}</td></tr>"
        )
    return "<h2>How the decision was reached</h2>" + _table(["Question", "Answer", ""], rows)


def _performance(performance: PerformanceEvidence | None) -> str:
    title = "<h2>Realised performance</h2>"
    if performance is None:
        return title + "<p class='quiet'>Not measured.</p>"
    counts = (
        f"<p class='quiet'>Labels: {performance.n_labelled:,} of {performance.n_current:,} current "
        f"rows, {performance.n_reference:,} reference rows. Intervals are 95 %, by resampling days."
        "</p>"
    )
    if not performance.criteria:
        return title + counts + f"<p>Not known: {escape(performance.note)}.</p>"
    rows = [_criterion_row(criterion) for criterion in performance.criteria]
    heads = ["Criterion", "Reference", "Current", "Difference", "Loss", "p (worse)"]
    return title + counts + _table(heads, rows, numbers_from=1)


def _criterion_row(criterion: Criterion) -> str:
    name = criterion.name
    unit = "of its value"
    if criterion.is_calibration:
        name, unit = "mean prediction minus mean label", "of the label's deviation"
    is_worse = criterion.worse_by > 0 and criterion.p_value < 0.05
    mark = " bad" if is_worse else ""
    side = "worse" if criterion.worse_by > 0 else "better"
    return (
        f"<tr><td class='name'>{escape(name)}</td>"
        f"{_estimate_cell(criterion.reference)}{_estimate_cell(criterion.current)}"
        f"{_estimate_cell(criterion.difference, sign='+')}"
        f"<td class='number{mark}'>{abs(criterion.worse_by):.1%} {side}"
        f"<br><span class='interval'>{unit}</span></td>"
        f"<td class='number'>{_p_text(criterion.p_value)}</td></tr>"
    )


def _estimate_cell(estimate: Estimate, sign: str = "") -> str:
    number = f"{{:{sign}.4g}}"
    return (
        f"<td class='number'>{number.format(estimate.value)}<br><span class='interval'>"
        f"{number.format(estimate.low)} to {number.format(estimate.high)}</span></td>"
    )


def _drift(drift: DriftEvidence) -> str:
    drifted = drift.drifted
    lead = (
        f"<p>{len(drifted)} of {len(drift.columns)} features drifted, with "
        f"{drift.importance_drifted:.0%} of the model's importance. Scores "
        f"{'drifted' if drift.score_drifted else 'did not drift'}.</p>"
    )
    others = sorted((c for c in drift.columns if not c.drifted), key=lambda c: -c.importance)
    listed = [*drift.scores, *drifted, *others][:MAX_LISTED]
    hidden = len(drift.scores) + len(drift.columns) - len(listed)
    more = f"<p class='quiet'>{hidden} more columns not listed.</p>" if hidden else ""
    heads = ["Column", "Change", "Test", "Effect", "Adjusted p", "Missing", "Worth rows", "Share"]
    note = (
        "<p class='quiet'>A column counts as drifted when its adjusted p-value and its effect both "
        "say so. Missing: reference to current. Worth rows: independent rows the current "
        "window is worth for the column, as rows of one day resemble each other. Share: of the "
        "model's importance.</p>"
    )
    n_scores = len(drift.scores)
    rows = [_column_row(c, is_feature=i >= n_scores) for i, c in enumerate(listed)]
    return "<h2>Drift</h2>" + lead + _table(heads, rows, numbers_from=3) + more + note


def _column_row(column: ColumnDrift, *, is_feature: bool) -> str:
    test = column.lead
    name = f"<td class='name'>{escape(column.column)}</td><td>{escape(column.summary)}</td>"
    share = f"{column.importance:.1%}" if is_feature else ""
    missing = f"{column.missing_reference:.0%} to {column.missing_current:.0%}"
    if test is None:
        cells = "<td>nothing to test</td><td class='number'></td><td class='number'></td>"
    else:
        calm = "" if test.drifted else " calm"
        bar = f"<span class='bar{calm}' style='width:{60 * min(1.0, test.effect):.0f}px'></span>"
        mark = " bad" if test.drifted else ""
        cells = (
            f"<td>{escape(test.name)} ({escape(test.method)})</td>"
            f"<td class='number{mark}'>{bar}{test.effect:.2f}</td>"
            f"<td class='number'>{_p_text(test.p_adjusted)}</td>"
        )
    return (
        f"<tr>{name}{cells}<td class='number'>{missing}</td>"
        f"<td class='number'>{column.n_effective_current:,.0f}</td>"
        f"<td class='number'>{share}</td></tr>"
    )


def _p_text(p_value: float) -> str:
    return "&lt; 0.0001" if p_value < 1e-4 else f"{p_value:.2g}"


def _table(heads: Sequence[str], rows: Sequence[str], *, numbers_from: int = 99) -> str:
    cells = "".join(
        f"<th{' class=number' if i >= numbers_from else ''}>{escape(head)}</th>"
        for i, head in enumerate(heads)
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
