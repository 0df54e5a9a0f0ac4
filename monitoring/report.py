"""The report for people: our decision and evidence on top, Evidently's plots beneath.

Verdicts come from the evidence, measured on all rows. Evidently draws a sample of the rows and
the columns that matter most, with the same registered tests, so its p-values are those of the
sample; the page says so.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from features.durable import write_text
from monitoring.columns import ColumnPair
from monitoring.decision import Decision
from monitoring.drift import pair_windows, render_columns
from monitoring.evidence import DriftEvidence, Evidence
from monitoring.summary import page, render_summary
from monitoring.windows import Window

MAX_ROWS = 2_000
MAX_COLUMNS = 15

_PLOTS_TITLE = "Distributions"


def render_report(
    reference: Window, current: Window, evidence: Evidence, decision: Decision, path: Path
) -> None:
    """Write one self-contained HTML page about a decision to `path`.

    Parameters
    ----------
    reference, current
        The windows the evidence was measured on; at most `MAX_ROWS` evenly spaced rows and
        `MAX_COLUMNS` columns of each are drawn.
    evidence, decision
        What is shown on top.
    path
        Replaced in one step.
    """
    summary = render_summary(evidence, decision, spans=(_span(reference), _span(current)))
    pairs = _pairs_to_draw(reference, current, evidence.drift)
    plots = render_columns(pairs) if pairs else ""
    write_text(path, _join(summary, plots, n_columns=len(pairs)))


def _pairs_to_draw(
    reference: Window, current: Window, drift: DriftEvidence
) -> Sequence[ColumnPair]:
    """Return the scores, the drifted columns, then the most important ones, as samples."""
    is_shared = set(reference.features.columns) & set(current.features.columns)
    ordered = [*(c.column for c in drift.drifted), *(c.column for c in drift.columns)]
    names = [name for name in dict.fromkeys(ordered) if name in is_shared]
    if not reference.n_rows or not current.n_rows:
        return []
    scores, features = pair_windows(_thin(reference), _thin(current), names[:MAX_COLUMNS])
    return [pair for pair in [*scores, *features] if pair.is_comparable][:MAX_COLUMNS]


def _thin(window: Window) -> Window:
    """Return at most `MAX_ROWS` evenly spaced rows."""
    rows = np.unique(np.linspace(0, window.n_rows - 1, MAX_ROWS).round().astype(int))
    return window.take(rows)


def _span(window: Window) -> str:
    """Return the first and last day of a window in words."""
    if window.cutoff_time is None or not window.n_rows:
        return "no time"
    first, last = (pd.Timestamp(t) for t in (window.cutoff_time.min(), window.cutoff_time.max()))
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _join(summary: str, plots: str, *, n_columns: int) -> str:
    """Put the summary on top of Evidently's page, or on a page of its own."""
    if not plots:
        return page(summary)
    note = (
        f"<section class='perennial'><h2>{_PLOTS_TITLE}</h2><p class='quiet'>Drawn by Evidently "
        f"from at most {MAX_ROWS:,} evenly spaced rows per window, {n_columns} columns: scores, "
        "drifted columns, then the most important. p-values below are those of this sample, one "
        "column at a time; the verdicts above use all rows and are corrected across columns. "
        "Its headline about the dataset (half of the columns drifted or not) decides nothing."
        "</p></section>"
    )
    start = plots.index(">", plots.index("<body")) + 1
    return plots[:start] + summary + note + plots[start:]
