"""What predictions are like: whether they mean what they say, and how well they order rows."""

from html import escape

import numpy as np

from models.card_content import CardContent
from models.card_sections.html import section, table
from models.charts import band_chart, calibration_chart, curve_chart
from models.evaluation import Evaluation
from models.figures import figure


def calibration_section(card: CardContent) -> str:
    """Show whether predictions mean what they say, and how well they order rows."""
    evaluation = card.evaluation
    regression = card.problem.task == "regression"
    words = {
        "binary": "Of the rows given 30 %, three in ten should turn out true: the closer to the "
        "dashed line, the better.",
        "multiclass": "When it gives its likeliest class 80 %, four in five should be right: the "
        "closer to the dashed line, the better.",
        "regression": "Mean label against mean prediction: the closer to the dashed line, the "
        "better.",
    }[card.problem.task]
    chart = calibration_chart(
        evaluation.calibration, title="Calibration on the sealed rows", percent=not regression
    )
    body = f"<p>{words} Each point holds a tenth of the rows; bars are 95 % intervals.</p>{chart}"
    return section("calibration", "Do predictions mean what they say?", body)


def ranking_section(card: CardContent) -> str:
    """Show how well it tells rows apart: curves, confusions, or misses by prediction."""
    return {
        "binary": _two_classes,
        "multiclass": _several_classes,
        "regression": _misses,
    }[card.problem.task](card)


def _two_classes(card: CardContent) -> str:
    evaluation = card.evaluation
    body = ""
    if roc := evaluation.curves.get("roc"):
        chart = curve_chart(
            roc, title="ROC curve on the sealed rows", names=("false alarms", "caught")
        )
        body += (
            "<h3>Caught against false alarms (ROC)</h3><p>For every threshold, the share of all "
            f"positives that lie above it, and of all negatives.</p>{chart}"
        )
    if pr := evaluation.curves.get("precision_recall"):
        chart = curve_chart(
            pr,
            title="Precision and recall on the sealed rows",
            names=("caught (recall)", "right among them (precision)"),
            level=_share_positive(evaluation),
        )
        body += (
            "<h3>Right against caught (precision and recall)</h3><p>For every threshold, how many "
            f"of the rows above it are positive.</p>{chart}"
        )
    if evaluation.lift:
        body += f"<h3>Highest predictions first</h3>{_lift_table(evaluation)}"
    return section("ranking", "How well it tells them apart", body) if body else ""


def _several_classes(card: CardContent) -> str:
    names = [str(name) for name in card.problem.classes]
    if not card.evaluation.confusion:
        return ""
    rows = [
        [
            escape(name),
            *(
                f"<b>{share:.0%}</b>" if place == number else f"{share:.0%}"
                for place, share in enumerate(shares)
            ),
        ]
        for number, (name, shares) in enumerate(zip(names, card.evaluation.confusion, strict=True))
    ]
    shown = table(["True class", *(f"#{name}" for name in names)], rows)
    words = "Of the rows of each true class, the shares that are called each class."
    return section("ranking", "What it takes for what", f"<p>{words}</p>{shown}")


def _misses(card: CardContent) -> str:
    evaluation = card.evaluation
    chart = band_chart(evaluation.bands, title="Label minus prediction on the sealed rows")
    rows = [
        [f"{escape(level)} of rows are below", figure(value)]
        for level, value in evaluation.residuals.items()
    ]
    words = (
        "Label minus prediction, from the lowest tenth of predictions to the highest: the line is "
        "the middle row, four in five rows lie within the band."
    )
    body = f"<p>{words}</p>{chart}<h3>Over all rows</h3>{table(['Quantile', '#Miss'], rows)}"
    return section("ranking", "By how much it misses", body)


def _share_positive(evaluation: Evaluation) -> float:
    n_rows = sum(decile.n for decile in evaluation.lift)
    return sum(decile.n * decile.rate for decile in evaluation.lift) / max(n_rows, 1)


def _lift_table(evaluation: Evaluation) -> str:
    n_rows = np.cumsum([decile.n for decile in evaluation.lift])
    n_positive = np.cumsum([decile.n * decile.rate for decile in evaluation.lift])
    overall = n_positive[-1] / n_rows[-1]
    rows = [
        [
            f"first {n_rows[tenth] / n_rows[-1]:.0%}",
            f"{n_positive[tenth] / n_rows[tenth]:.1%}",
            f"{n_positive[tenth] / n_rows[tenth] / overall:.2f} ×",
            f"{evaluation.lift[tenth].captured:.0%}",
        ]
        for tenth in (0, 1, 2, 4)
        if tenth < len(n_rows)
    ]
    return table(["Rows", "#Positive", "#Lift", "#Caught"], rows)
