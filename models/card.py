"""The model card: one page that tells a person what a version is worth and where it came from.

The page is self-contained: no script, no network, no font to load.
"""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from string import Template

from models.card_content import CardContent, Comparison, DataWindow
from models.card_sections import (
    calibration_section,
    dependence_section,
    drivers_section,
    evaluation_section,
    gates_section,
    leaderboard_section,
    limits_section,
    lineage_section,
    metric_name,
    question_section,
    ranking_section,
    slices_section,
    stability_section,
)
from models.figures import figure, interval, signed
from models.metrics import METRICS

__all__ = ["CardContent", "Comparison", "DataWindow", "render_card"]

TEMPLATE = Path(__file__).with_name("card.html")

Section = Callable[[CardContent], str]

ROWS: tuple[tuple[Sequence[Section], Sequence[Section]] | Section, ...] = (
    ((evaluation_section,), (question_section, gates_section)),
    drivers_section,
    dependence_section,
    ((calibration_section, ranking_section), (stability_section, slices_section)),
    leaderboard_section,
    ((lineage_section,), (limits_section,)),
)
"""Two columns side by side on a wide screen, or one section over both; in reading order."""


def render_card(content: CardContent) -> str:
    """Write the card as one HTML page, readable from 360 pixels of width on."""
    title = content.title if content.version is None else f"{content.title} v{content.version}"
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        verdict_kind=_verdict_kind(content),
        verdict_word=_verdict_word(content),
        question=escape(content.question),
        summary=escape(_summary(content)),
        facts=_facts(content),
        rows="".join(_row(content, row) for row in ROWS),
        footer=f"Written by Perennial, {content.created_at:%Y-%m-%d %H:%M} UTC.",
    )


def _row(content: CardContent, row: tuple[Sequence[Section], Sequence[Section]] | Section) -> str:
    if not isinstance(row, tuple):
        return row(content)
    columns = ["".join(part(content) for part in column) for column in row]
    inner = "".join(f'<div class="column">{column}</div>' for column in columns if column)
    return f'<div class="row n{sum(map(bool, columns))}">{inner}</div>' if inner else ""


def _verdict_kind(content: CardContent) -> str:
    if content.verdict is None or content.verdict.waits:
        return ""
    return "pass" if content.verdict.promoted else "fail"


def _verdict_word(content: CardContent) -> str:
    if content.verdict is not None and content.verdict.waits:
        return "waits for approval"
    return {"": "not judged", "pass": "promoted", "fail": "not promoted"}[_verdict_kind(content)]


def _summary(content: CardContent) -> str:
    evaluation = content.evaluation
    value, between = interval(*evaluation.score)
    better = "higher" if METRICS[evaluation.metric].greater_is_better else "lower"
    text = (
        f"On {evaluation.n_rows:,} rows it had never seen, {metric_name(evaluation.metric)} is "
        f"{value} (95 % interval {between}; "
        f"{better} is better), where the best constant prediction gets "
        f"{figure(evaluation.baseline)}."
    )
    if not evaluation.gain.low > 0:
        text += " That is not surely better than the constant."
    return text


def _facts(content: CardContent) -> str:
    evaluation = content.evaluation
    value, between = interval(*evaluation.score)
    members = sum(weight > 0 for weight in content.weights.values())
    facts = [
        (
            value,
            f"{metric_name(evaluation.metric)}, {between}",
        ),
        (signed(evaluation.gain.difference), "better than the best constant"),
        *(
            (signed(other.difference.difference), f"better than {other.name}")
            for other in content.comparisons
        ),
        (f"{evaluation.n_rows:,}", f"sealed rows, {evaluation.blocks}"),
        (f"{members}", f"models in it, of {len(content.leaderboard.entries)} tried"),
    ]
    return "".join(
        f'<div class="fact"><b>{escape(value)}</b><span>{escape(text)}</span></div>'
        for value, text in facts
    )
