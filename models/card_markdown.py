"""The model card as Markdown, for reviews and for where pages are not shown."""

from collections.abc import Iterable, Iterator, Sequence

from models.card_content import CardContent
from models.card_sections.html import sentence
from models.card_sections.words import family_name, history_words, metric_name, trial_words
from models.figures import difference, figure, interval

MAX_ROWS = 12


def render_markdown(card: CardContent) -> str:
    """Write the card as Markdown: the same numbers as the page, without its pictures."""
    title = card.title if card.version is None else f"{card.title} v{card.version}"
    lines = [f"# {title}", "", *_verdict(card), f"**{card.question}**", ""]
    for heading, body in (
        ("Rows", _windows(card)),
        ("How good it is", _scores(card)),
        ("Gates", _gates(card)),
        ("Over time", _periods(card)),
        ("For whom it works", _slices(card)),
        ("What it looks at", _drivers(card)),
        ("Where it came from", _ensemble(card)),
        ("Limits", (f"- {limit}" for limit in card.limits)),
        ("Lineage", (f"- {name}: `{value}`" for name, value in card.lineage.items())),
    ):
        told = list(body)
        if told:
            lines += [f"## {heading}", "", *told, ""]
    lines.append(f"Written by Perennial, {card.created_at:%Y-%m-%d %H:%M} UTC.")
    return "\n".join(lines) + "\n"


def _verdict(card: CardContent) -> Iterator[str]:
    if card.verdict is not None:
        yield sentence(card.verdict.sentence)
        yield ""


def _windows(card: CardContent) -> list[str]:
    rows = [
        (
            window.name,
            f"{window.n_rows:,}",
            "" if window.start is None else f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}",
            "" if window.share_positive is None else f"{window.share_positive:.1%}",
        )
        for window in card.windows
    ]
    return _table(("Part", "Rows", "Cutoffs", "Positive"), rows)


def _scores(card: CardContent) -> list[str]:
    evaluation = card.evaluation
    rows = [(metric_name(name), *interval(*score)) for name, score in evaluation.scores.items()]
    name = metric_name(evaluation.metric)
    told = [*_table(("Metric", "Score", "95 % interval"), rows), ""]
    told.append(f"- Best constant: {name} {figure(evaluation.baseline)}")
    called = evaluation.decision.words(card.problem.classes)
    if called:
        told.append(f"- It calls {called}, as was tuned on other rows")
    for other in card.comparisons:
        told.append(
            f"- {sentence(other.name)[:-1]}: {name} {figure(other.score.value)}; this version is "
            f"{difference(*other.difference[:3], other.difference.level)} better"
        )
    return told


def _gates(card: CardContent) -> list[str]:
    if card.verdict is None:
        return []
    rows = [(gate.name, gate.status, gate.sentence) for gate in card.verdict.gates]
    return _table(("Gate", "Answer", "Why"), rows)


def _periods(card: CardContent) -> list[str]:
    rows = [
        (f"{each.first[:16]} to {each.last[:16]}", f"{each.n_rows:,}", *interval(*each.score))
        for each in card.evaluation.periods
    ]
    heading = metric_name(card.evaluation.metric)
    return _table(("Cutoffs", "Rows", heading, "95 % interval"), rows)


def _slices(card: CardContent) -> list[str]:
    rows = [
        (
            card.descriptions.get(each.column, each.column),
            each.level,
            f"{each.n_rows:,}",
            *interval(*each.score),
        )
        for each in card.evaluation.slices
    ]
    heading = metric_name(card.evaluation.metric)
    return _table(("Column", "Values", "Rows", heading, "95 % interval"), rows)


def _drivers(card: CardContent) -> list[str]:
    if card.drivers is None:
        shown = [(name, figure(drop, 3)) for name, drop in card.importance[:MAX_ROWS] if drop > 0]
        return _table(("Column", "Loss when shuffled"), shown)
    total = sum(each.strength for each in card.drivers.columns) or 1.0
    columns = [
        (f"{each.strength / total:.1%}", card.descriptions.get(each.column, each.column))
        for each in card.drivers.columns[:MAX_ROWS]
    ]
    sources = [
        (f"{each.share:.1%}", f"{each.table}.{each.column}" if each.table else each.column)
        for each in card.drivers.sources[:MAX_ROWS]
    ]
    return [
        *_table(("Share", "Column"), columns),
        "",
        *_table(("Share", "Source column"), sources),
    ]


def _ensemble(card: CardContent) -> list[str]:
    rows = [
        (
            f"{card.weights[entry.number]:.0%}",
            family_name(entry.candidate.family),
            f"trial {trial_words(entry)}",
            figure(entry.score),
        )
        for entry in card.leaderboard.entries
        if card.weights.get(entry.number, 0) > 0
    ]
    heading = f"{metric_name(card.leaderboard.metric)} over the folds"
    history = history_words(card.leaderboard)
    listed = _table(("Weight", "Family", "Which", heading), rows)
    return [*listed, "", history] if history else listed


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    listed = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if not listed:
        return []
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {row} |" for row in listed),
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
