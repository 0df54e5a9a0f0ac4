"""Tracks: a row of cells for every column over time, as HTML that a page styles."""

from collections.abc import Sequence
from html import escape

from flows.timeline import Cell, Moment

KINDS = {"Keep": "keep", "Wait": "wait", "Retrain": "retrain"}
"""Styles by decision."""

MAX_COLUMNS = 30
LOW, HIGH = 0.15, 0.4
"""Effects between which a change is neither small nor large: 0.15 is a shift of 0.4 deviations of a
normal column, 0.4 one of a whole deviation (Kolmogorov-Smirnov distances)."""


def draw_tracks(moments: Sequence[Moment]) -> str:
    """Draw a row of cells for every column that matters or drifted, a cell for every look."""
    names = _ranked(moments)
    rows = [("decision", _strip(moments))]
    scores = list(dict.fromkeys(name for moment in moments for name in moment.scores))
    rows += [(name, _cells([m.scores.get(name) for m in moments], moments)) for name in scores]
    shown = names[:MAX_COLUMNS]
    rows += [(name, _cells([m.columns.get(name) for m in moments], moments)) for name in shown]
    lines = "".join(
        f'<div class="track"><span class="name">{escape(name)}</span>'
        f'<span class="cells">{cells}</span></div>'
        for name, cells in rows
    )
    hidden = len(names) - len(shown)
    more = f" {hidden} columns that drifted least are not shown." if hidden else ""
    note = (
        '<p class="note">A cell for every look, oldest on the left. '
        '<span class="key calm"></span> changed by chance or by little; '
        '<span class="key low"></span><span class="key mid"></span><span class="key high"></span> '
        "surely changed: the darker, the more. Point at a cell for its numbers."
        f"{more}</p>"
    )
    return f'{note}<div class="tracks">{lines}</div>'


def _ranked(moments: Sequence[Moment]) -> list[str]:
    """Name the columns, those whose drift mattered most first, then the most important."""
    worth: dict[str, tuple[float, float]] = {}
    for moment in moments:
        for name, cell in moment.columns.items():
            drift, importance = worth.get(name, (0.0, 0.0))
            own = cell.effect * (0.01 + cell.importance) if cell.drifted else 0.0
            worth[name] = drift + own, max(importance, cell.importance)
    return sorted(worth, key=lambda name: (-worth[name][0], -worth[name][1], name))


def _strip(moments: Sequence[Moment]) -> str:
    return "".join(
        f'<i class="{KINDS[moment.kind]}" title="'
        f'{escape(f"{moment.at:%Y-%m-%d} {moment.kind}: {moment.reason}")}"></i>'
        for moment in moments
    )


def _cells(cells: Sequence[Cell | None], moments: Sequence[Moment]) -> str:
    return "".join(
        '<i class="none"></i>' if cell is None else _one_cell(cell, moment)
        for cell, moment in zip(cells, moments, strict=True)
    )


def _one_cell(cell: Cell, moment: Moment) -> str:
    kind = "calm"
    if cell.drifted:
        kind = "low" if cell.effect < LOW else "mid" if cell.effect < HIGH else "high"
    told = f"{moment.at:%Y-%m-%d}: effect {cell.effect:.2f}"
    told += f", {cell.importance:.0%} of importance" if cell.importance else ""
    return f'<i class="{kind}" title="{escape(told)}"></i>'
