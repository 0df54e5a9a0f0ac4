"""What it looks at: columns in words, source tables, and how the answer depends on them."""

from html import escape

from models.card_content import CardContent
from models.card_sections.html import bar, section, sentence
from models.card_sections.words import metric_name
from models.charts import dependence_chart
from models.charts.axes import padded
from models.drivers import CLEAR, Driver, Drivers
from models.figures import figure

MAX_COLUMNS = 12
MAX_SOURCES = 8


def drivers_section(card: CardContent) -> str:
    """Show the strongest columns in words, and the source tables and columns behind them."""
    drivers = card.drivers
    if drivers is None or not drivers.columns:
        return _importance_section(card)
    total = sum(driver.strength for driver in drivers.columns)
    largest = drivers.columns[0].strength
    bars = "".join(
        bar(_column(card, driver), _share(driver.strength / total), driver.strength / largest)
        for driver in drivers.columns[:MAX_COLUMNS]
    )
    body = (
        f"<p>{_how(drivers)}</p><div class=halves><div><h3>Columns</h3>{bars}</div>"
        f"<div>{_sources(drivers)}{_drops(card)}</div></div>"
    )
    return section("importance", "What it looks at", body)


def dependence_section(card: CardContent) -> str:
    """Show how the mean prediction depends on the strongest columns."""
    drivers = card.drivers
    if drivers is None or not drivers.dependence:
        return ""
    answers = [point.answer for each in drivers.dependence for point in each.points]
    span = padded(min(answers), max(answers))
    percent = card.problem.task != "regression"
    pictures = []
    for each in drivers.dependence:
        told = _phrase(card, each.column)
        chart = dependence_chart(each, span=span, title=told, percent=percent)
        of = f" (chance of {escape(each.of)})" if card.problem.task == "multiclass" else ""
        if chart:
            pictures.append(f"<figure><figcaption>{escape(told)}{of}</figcaption>{chart}</figure>")
    words = (
        "The mean prediction if every row had the value below, all else as it is (partial "
        "dependence). Ticks at the foot show where the rows are. Values that hardly occur together "
        "with the rest of a row make it unsure."
    )
    return section(
        "dependence",
        "How the prediction depends on it",
        f"<p>{words}</p><div class=pictures>{''.join(pictures)}</div>",
    )


def _how(drivers: Drivers) -> str:
    scale = "log odds" if drivers.scale == "log_odds" else "prediction"
    how = f"exactly for {drivers.exact:.0%} of the ensemble's weight, by sampling for the rest"
    if drivers.exact > 1 - 1e-9:
        how = "exactly, from the boosted trees themselves"
    elif drivers.exact == 0:
        how = "by sampling"
    return (
        f"The share of each column in what moves the {scale} of {drivers.n_rows:,} sealed rows "
        f"away from the usual (mean size of its Shapley values, {how}). ↑ greater values push up, "
        "↓ down. “Its” means: of the row that is asked about."
    )


def _column(card: CardContent, driver: Driver) -> str:
    arrow = "↑ " if driver.trend > CLEAR else "↓ " if driver.trend < -CLEAR else ""
    told = _phrase(card, driver.column)
    name = "" if told == driver.column else f'<br><code class="note">{escape(driver.column)}</code>'
    return f"<b class=way>{arrow}</b>{escape(told)}{name}"


def _phrase(card: CardContent, column: str) -> str:
    told = card.descriptions.get(column, "")
    return sentence(told)[:-1] if told and told != column else column


def _sources(drivers: Drivers) -> str:
    tables = [(name or "given columns", share) for name, share in drivers.tables]
    largest = tables[0][1] if tables else 1.0
    by_table = "".join(bar(escape(name), _share(share), share / largest) for name, share in tables)
    first = drivers.sources[0].share if drivers.sources else 1.0
    by_column = "".join(
        bar(
            escape(f"{each.table}.{each.column}" if each.table else each.column),
            _share(each.share),
            each.share / first,
        )
        for each in drivers.sources[:MAX_SOURCES]
    )
    return (
        f"<h3>Source tables</h3>{by_table}<h3>Source columns</h3>{by_column}"
        '<p class="note">A column made of several shares its part equally among them.</p>'
    )


def _drops(card: CardContent) -> str:
    """Say what shuffling costs, as a second opinion."""
    first = [(name, drop) for name, drop in card.importance if drop > 0][:3]
    if not first:
        return ""
    told = "; ".join(f"{escape(_phrase(card, name))} {figure(drop, 2)}" for name, drop in first)
    return (
        f'<p class="note">What {escape(metric_name(card.problem.metric))} loses on the sealed rows '
        f"when a column is shuffled: {told}.</p>"
    )


def _importance_section(card: CardContent) -> str:
    """Show what shuffling costs, where contributions are not known."""
    shown = [(name, drop) for name, drop in card.importance if drop > 0][:MAX_COLUMNS]
    if not shown:
        return ""
    bars = "".join(
        bar(_column(card, Driver(name, drop, 0.0)), figure(drop, 3), drop / shown[0][1])
        for name, drop in shown
    )
    words = (
        f"How much {escape(metric_name(card.problem.metric))} on sealed rows worsens when a "
        "column's values are shuffled."
    )
    return section("importance", "What it looks at", f"<p>{words}</p>{bars}")


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"
