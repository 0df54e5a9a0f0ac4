"""How good it is: the holdout's score beside its rivals, over time, and for whom."""

from datetime import datetime
from html import escape

from models.card_content import CardContent
from models.card_sections.html import section, sentence, table
from models.card_sections.words import METRIC_WORDS, metric_name
from models.charts import Mark, interval_chart
from models.evaluation import Interval, PairedDifference, Period, SliceScore
from models.figures import difference, interval

UNSTEADY = 0.05
"""Below this chance the metric is said to vary over time."""

_NAN = float("nan")


def evaluation_section(card: CardContent) -> str:
    """Show the holdout score beside its rivals, and the other metrics."""
    evaluation = card.evaluation
    marks = [
        Mark(
            label="Best constant",
            score=Interval(evaluation.baseline, float("nan"), float("nan")),
        ),
        *(Mark(label=sentence(other.name)[:-1], score=other.score) for other in card.comparisons),
        Mark(label="This version", score=evaluation.score, strong=True),
    ]
    chart = interval_chart(marks, title=f"{metric_name(evaluation.metric)} on the sealed rows")
    compared = "".join(
        f"<p>Against {escape(other.name)}: {_better(other.difference)}.</p>"
        for other in card.comparisons
    )
    rows = (
        [
            f"{escape(metric_name(name))}<br><span class=note>"
            f"{escape(METRIC_WORDS.get(name, ('', ''))[1])}</span>",
            "<br><span class=note>".join(interval(*score)) + "</span>",
        ]
        for name, score in evaluation.scores.items()
    )
    shown = table(["Metric", "#Score, 95 % interval"], rows)
    return section(
        "evaluation",
        "How good it is",
        f"<p>{escape(metric_name(evaluation.metric))} on {evaluation.n_rows:,} sealed rows that "
        "no search, choice or fit has seen.</p>" + chart + compared + shown,
    )


def stability_section(card: CardContent) -> str:
    """Show the metric in periods of time."""
    evaluation = card.evaluation
    if len(evaluation.periods) < 2:
        return ""
    days = [day for period in evaluation.periods for day in {period.first[:10], period.last[:10]}]
    marks = [
        *(
            Mark(label=_span(period, by_hour=days.count(period.first[:10]) > 1), score=period.score)
            for period in evaluation.periods
        ),
        Mark(label="All sealed rows", score=evaluation.score, strong=True),
    ]
    name = metric_name(evaluation.metric)
    chart = interval_chart(marks, title=f"{name} over time")
    if evaluation.steady is None:
        told = ""
    elif evaluation.steady < UNSTEADY:
        told = (
            f"It varies more than chance makes it (p = {evaluation.steady:.2g}): expect weeks that "
            "are better or worse than the whole."
        )
    else:
        told = (
            f"It varies no more than chance makes it (p = {evaluation.steady:.2g}, spans dealt "
            "anew to the periods)."
        )
    return section(
        "stability", "Does it hold over time?", f"<p>{name} by cutoff. {told}</p>{chart}"
    )


def slices_section(card: CardContent) -> str:
    """Show the metric of groups of rows."""
    slices = card.evaluation.slices
    if not slices:
        return ""
    name, regression = metric_name(card.evaluation.metric), card.problem.task == "regression"
    share = {"binary": "#Positive", "multiclass": "#Right", "regression": "#Mean label"}
    heads = ["Rows where", "#Rows", share[card.problem.task], f"#{name}"]
    tables = []
    for column in dict.fromkeys(each.column for each in slices):
        rows = [_slice_row(each, regression) for each in slices if each.column == column]
        tables.append(f"<h3>{escape(_phrase(card, column))}</h3>{table(heads, rows)}")
    words = (
        f"{name} where a column has certain values, with 95 % intervals. All rows together: "
        f"{interval(*card.evaluation.score)[0]}. Groups differ in how hard they are, so compare "
        "with care."
    )
    return section("slices", "For whom it works", f"<p>{words}</p>{''.join(tables)}")


def _slice_row(each: SliceScore, regression: bool) -> list[str]:
    mean = f"{each.mean_label:,.4g}" if regression else f"{each.mean_label:.1%}"
    value, between = interval(*each.score)
    score = f'{value} <span class="note beside">{between}</span>'
    return [escape(each.level), f"{each.n_rows:,}", mean, score]


def _phrase(card: CardContent, column: str) -> str:
    told = card.descriptions.get(column, column)
    return sentence(told)[:-1]


def _span(period: Period, *, by_hour: bool) -> str:
    first, last = datetime.fromisoformat(period.first), datetime.fromisoformat(period.last)
    if first.date() != last.date():
        same = (first.year, first.month) == (last.year, last.month)
        return f"{first:%d}{'' if same else first.strftime(' %b')} to {last:%d %b}"
    hours = f", {first:%H:%M} to {last:%H:%M}" if by_hour and first != last else ""
    return f"{first:%d %b}{hours}"


def _better(paired: PairedDifference) -> str:
    surely = "better" if paired.low > 0 else "worse" if paired.high < 0 else "not surely better"
    return f"{difference(*paired[:3], paired.level)}: {surely}"
