"""The drift timeline as one page that loads nothing: no script, no network, no font."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

import pandas as pd

from features.durable import write_text
from flows.timeline import Measure, Moment, Timeline, Verdict, read_timeline
from flows.tracks import KINDS, draw_tracks
from flows.workspace import Workspace
from models.card_sections.html import section, table
from models.card_sections.words import metric_name
from models.charts.axes import LEFT, Axes, padded, svg
from models.figures import figure

TEMPLATE = Path(__file__).with_name("timeline.html")

TIMELINE = "timeline.html"

MAX_LISTED = 60

_ACTIONS = {
    "promote": "was promoted",
    "reject": "was rejected",
    "await": "waits for approval",
    "rollback": "was put back",
}


def render_timeline(timeline: Timeline, *, written_at: pd.Timestamp) -> str:
    """Write the page, readable from 360 pixels of width on.

    Parameters
    ----------
    written_at
        Naive UTC, for the footer.
    """
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    newest = timeline.moments[-1] if timeline.moments else None
    return template.substitute(
        title=escape(f"{timeline.project}: drift over time"),
        kind="" if newest is None else KINDS[newest.kind],
        word="never looked" if newest is None else newest.kind,
        summary=escape(_summary(timeline, newest)),
        facts=_facts(timeline),
        sections="".join(_sections(timeline)),
        footer=f"Written by Perennial, {written_at:%Y-%m-%d %H:%M} UTC.",
    )


def _summary(timeline: Timeline, newest: Moment | None) -> str:
    if newest is None:
        return "The monitor has not looked at this project yet: run perennial monitor."
    return f"{newest.at:%Y-%m-%d %H:%M}: {newest.reason}"


def _facts(timeline: Timeline) -> str:
    kinds = [moment.kind for moment in timeline.moments]
    promoted = sum(verdict.action == "promote" for verdict in timeline.verdicts)
    looks = f"looks shown, {timeline.n_hidden:,} more on record" if timeline.n_hidden else "looks"
    facts = [
        (f"{len(kinds):,}", looks),
        (f"{kinds.count('Retrain'):,}", "decisions to retrain"),
        (f"{kinds.count('Wait'):,}", "times waited"),
        (f"{promoted:,}", "promotions"),
        (timeline.champion or "none", "version that serves"),
    ]
    return "".join(
        f'<div class="fact"><b>{escape(value)}</b><span>{escape(text)}</span></div>'
        for value, text in facts
    )


def _sections(timeline: Timeline) -> Iterable[str]:
    if not timeline.moments:
        return
    yield section("performance", "Performance once labels arrive", _performance(timeline))
    yield section("overall", "Share of importance that drifted", _overall(timeline))
    yield section("columns", "Columns over time", draw_tracks(timeline.moments))
    yield section("decisions", "Decisions and verdicts", _listed(timeline))


def _performance(timeline: Timeline) -> str:
    found = [
        (moment, measure)
        for moment in timeline.moments
        for measure in moment.measures[:1]
        if measure.value is not None
    ]
    if not found:
        return '<p class="soft">Not known: too few labels in every window.</p>'
    name = metric_name(found[0][1].name)
    return (
        f'<p class="note">{escape(name)} of each window with its 95 % interval; the dashed line is '
        "the champion's value on the rows it was validated on, upright lines are promotions.</p>"
        + _measures_chart(timeline, found, name)
    )


def _measures_chart(timeline: Timeline, found: Sequence[tuple[Moment, Measure]], name: str) -> str:
    bounds = [
        bound
        for _, measure in found
        for bound in (measure.value, measure.low, measure.high, measure.reference)
        if bound is not None
    ]
    axes = _axes(timeline, padded(min(bounds), max(bounds)))
    parts = [*axes.grid(below=False), *_promotions(timeline, axes), *_dates(timeline, axes)]
    for moment, measure in found:
        x = axes.across(_seconds(moment.at))
        if measure.low is not None and measure.high is not None:
            parts.append(
                f'<line class="spread" x1="{x:.1f}" x2="{x:.1f}" '
                f'y1="{axes.up(measure.low):.1f}" y2="{axes.up(measure.high):.1f}"/>'
            )
    # A champion has one reference: a line of its own for each stretch that it served.
    for stretch in _stretches(found):
        parts.append(axes.line(*stretch, "diagonal"))
    for moment, measure in found:
        assert measure.value is not None
        parts.append(_dot(axes, moment, measure.value, f"{name} {figure(measure.value)}"))
    return svg(parts, axes.bottom + 26, f"{name} over time")


def _stretches(
    found: Sequence[tuple[Moment, Measure]],
) -> Iterable[tuple[list[float], list[float]]]:
    stretches: dict[str, list[tuple[float, float]]] = {}
    for moment, measure in found:
        if measure.reference is not None:
            points = stretches.setdefault(moment.version, [])
            points.append((_seconds(moment.at), measure.reference))
    for points in stretches.values():
        yield [x for x, _ in points], [y for _, y in points]


def _overall(timeline: Timeline) -> str:
    shares = [moment.importance_drifted for moment in timeline.moments]
    axes = _axes(timeline, (0.0, max(0.1, *shares) * 1.05), percents=(False, True))
    moments = [_seconds(moment.at) for moment in timeline.moments]
    parts = [*axes.grid(below=False), *_promotions(timeline, axes), *_dates(timeline, axes)]
    parts.append(axes.line(moments, shares))
    for moment, share in zip(timeline.moments, shares, strict=True):
        parts.append(_dot(axes, moment, share, f"{share:.0%} of importance"))
    note = (
        '<p class="note">Of the importance that the model gives its columns, how much lies in '
        "columns that surely changed, look by look. "
        '<span class="legend"><span class="key keep"></span> Keep</span> '
        '<span class="legend"><span class="key wait"></span> Wait</span> '
        '<span class="legend"><span class="key retrain"></span> Retrain</span></p>'
    )
    return note + svg(parts, axes.bottom + 26, "Share of importance that drifted, over time")


def _axes(
    timeline: Timeline, y: tuple[float, float], percents: tuple[bool, bool] = (False, False)
) -> Axes:
    first, last = timeline.moments[0].at, timeline.moments[-1].at
    if first == last:
        first, last = first - pd.Timedelta(days=1), last + pd.Timedelta(days=1)
    return Axes(x=(_seconds(first), _seconds(last)), y=y, height=130, percents=percents)


def _dates(timeline: Timeline, axes: Axes) -> list[str]:
    moments = timeline.moments
    asked = {0: "start", len(moments) - 1: "end"}
    return [
        f'<text class="axis {anchor}" x="{axes.across(_seconds(moments[place].at)):.1f}" '
        f'y="{axes.bottom + 16}">{moments[place].at:%Y-%m-%d}</text>'
        for place, anchor in (asked.items() if len(moments) > 1 else [(0, "middle")])
    ]


def _promotions(timeline: Timeline, axes: Axes) -> list[str]:
    low, high = axes.x
    served = [v for v in timeline.verdicts if v.action in ("promote", "rollback")]
    parts = []
    for verdict in served:
        if not low <= _seconds(verdict.at) <= high:
            continue
        x = axes.across(_seconds(verdict.at))
        parts.append(
            f'<line class="promotion" x1="{max(x, LEFT):.1f}" x2="{max(x, LEFT):.1f}" '
            f'y1="{axes.top}" y2="{axes.bottom}"><title>{escape(_verdict_words(verdict))}'
            f'</title></line><text class="axis" x="{x + 3:.1f}" y="{axes.top + 8}">'
            f"v{escape(verdict.version)}</text>"
        )
    return parts


def _dot(axes: Axes, moment: Moment, value: float, text: str) -> str:
    x, y = axes.across(_seconds(moment.at)), axes.up(value)
    told = f"{moment.at:%Y-%m-%d}: {text}. {moment.kind}: {moment.reason}"
    return (
        f'<circle class="look {KINDS[moment.kind]}" cx="{x:.1f}" cy="{y:.1f}" r="3.4">'
        f"<title>{escape(told)}</title></circle>"
    )


def _listed(timeline: Timeline) -> str:
    looks = [
        (moment.at, KINDS[moment.kind], moment.kind, moment.version, moment.reason)
        for moment in timeline.moments
    ]
    verdicts = [
        (verdict.at, "verdict", verdict.action, verdict.version, _verdict_words(verdict))
        for verdict in timeline.verdicts
    ]
    newest = sorted((*looks, *verdicts), key=lambda row: row[0], reverse=True)
    rows = [
        [
            f"{at:%Y-%m-%d}<br><span class=note>{at:%H:%M}</span>",
            f'<span class="badge {kind}">{escape(word)}</span>',
            f"{escape(text)}<br><span class=note>version {escape(version)}</span>",
        ]
        for at, kind, word, version, text in newest[:MAX_LISTED]
    ]
    older = len(newest) - len(rows)
    more = f'<p class="note">{older} older rows are not listed.</p>' if older > 0 else ""
    return table(["When", "What", "Why"], rows, kind="listed") + more


def _verdict_words(verdict: Verdict) -> str:
    words = _ACTIONS.get(verdict.action, verdict.action)
    return f"version {verdict.version} {words}: {verdict.reason}"


def _seconds(moment: pd.Timestamp) -> float:
    return float(moment.timestamp())


def write_timeline(workspace: Workspace, *, now: pd.Timestamp) -> Path:
    """Write a project's timeline into its state directory, and say where it is.

    Parameters
    ----------
    now
        Naive UTC; looks after this moment are left out.
    """
    path = workspace.path("reports", TIMELINE)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_timeline(read_timeline(workspace, until=now), written_at=now))
    return path
