"""The model card: one page that tells a person what a version is worth and where it came from.

The page is self-contained: no script, no network, no font to load.
"""

from html import escape
from pathlib import Path
from string import Template

from models.card_content import CardContent, Comparison, DataWindow
from models.card_sections import (
    calibration_section,
    evaluation_section,
    gates_section,
    importance_section,
    leaderboard_section,
    limits_section,
    lineage_section,
    metric_name,
    question_section,
)
from models.figures import figure, interval, signed
from models.metrics import METRICS

__all__ = ["CardContent", "Comparison", "DataWindow", "render_card"]

TEMPLATE = Path(__file__).with_name("card.html")

LEFT = (question_section, gates_section, importance_section, lineage_section, limits_section)
RIGHT = (evaluation_section, calibration_section)
"""Side by side on a wide screen; on a narrow one the style sheet puts them in reading order."""


def render_card(content: CardContent) -> str:
    """Write the card as one HTML page, readable from 360 pixels of width on."""
    title = content.title if content.version is None else f"{content.title} v{content.version}"
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        verdict_kind=_verdict_kind(content),
        verdict_word=_verdict_word(content),
        summary=escape(_summary(content)),
        facts=_facts(content),
        left="".join(section(content) for section in LEFT),
        right="".join(section(content) for section in RIGHT),
        wide=leaderboard_section(content),
        footer=f"Written by Perennial, {content.created_at:%Y-%m-%d %H:%M} UTC.",
    )


def _verdict_kind(content: CardContent) -> str:
    if content.verdict is None:
        return ""
    return "pass" if content.verdict.promoted else "fail"


def _verdict_word(content: CardContent) -> str:
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
