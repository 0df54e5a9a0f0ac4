"""The sections of a model card, each from the card's content to a piece of HTML."""

from collections.abc import Iterable
from html import escape

import numpy as np

from models.card_content import CardContent, DataWindow
from models.charts import Mark, calibration_chart, interval_chart
from models.evaluation import Evaluation, Interval, PairedDifference
from models.figures import difference, figure, interval
from models.leaderboard import TrialRecord
from models.metrics import METRICS

MAX_TRIALS = 12
MAX_COLUMNS = 12

METRIC_WORDS = {
    "roc_auc": ("ROC AUC", "chance that a positive row is ranked above a negative one"),
    "average_precision": ("Average precision", "precision averaged over the recalls"),
    "log_loss": ("Log loss", "how surprised it is by what happened; lower is better"),
    "brier": ("Brier score", "squared error of the probability; lower is better"),
    "accuracy": ("Accuracy", "share of rows whose likeliest class is the true one"),
    "balanced_accuracy": ("Balanced accuracy", "mean over classes of the share recognised"),
    "f1": ("F1", "balance of precision and recall when deciding at one half"),
    "rmse": ("RMSE", "root of the mean squared error, in the label's unit; lower is better"),
    "mae": ("MAE", "mean absolute error, in the label's unit; lower is better"),
    "r2": ("R²", "share of the labels' variance that is explained"),
    "rmsle": ("RMSLE", "root mean squared error of log(1 + x); lower is better"),
}
FAMILY_WORDS = {"lightgbm": "LightGBM", "extra_trees": "Extra trees", "linear": "Linear"}


def metric_name(metric: str) -> str:
    """Name a metric for people."""
    return METRIC_WORDS.get(metric, (metric, ""))[0]


def question_section(card: CardContent) -> str:
    """Show the question, what a prediction is, and the rows behind it."""
    task = {
        "binary": "The prediction is the probability that the label is true.",
        "multiclass": "The prediction is a probability for each of "
        + ", ".join(str(label) for label in card.problem.classes)
        + ".",
        "regression": "The prediction is a value in the label's unit.",
    }[card.problem.task]
    if card.problem.task == "binary" and card.problem.classes:
        task = f"The prediction is the probability of {str(card.problem.classes[1])!r}."
    name, meaning = METRIC_WORDS.get(card.problem.metric, (card.problem.metric, ""))
    sql = f"<pre>{escape(card.labels_sql.strip())}</pre>" if card.labels_sql.strip() else ""
    body = (
        f"<p>{escape(card.question)}</p><p>{escape(task)} "
        f"Models are chosen by {escape(name)}: {escape(meaning)}.</p>{sql}"
        f"<h3>Rows</h3>{_windows_table(card.windows)}"
    )
    return _section("question", "The question", body)


def evaluation_section(card: CardContent) -> str:
    """Show the holdout score beside its rivals, and the other metrics."""
    evaluation = card.evaluation
    marks = [
        Mark(
            label="Best constant",
            score=Interval(evaluation.baseline, float("nan"), float("nan")),
        ),
        *(Mark(label=_sentence(other.name)[:-1], score=other.score) for other in card.comparisons),
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
    table = _table(["Metric", "#Score, 95 % interval"], rows)
    return _section(
        "evaluation",
        "How good it is",
        f"<p>{escape(metric_name(evaluation.metric))} on {evaluation.n_rows:,} sealed rows that "
        "no search, choice or fit has seen.</p>" + chart + compared + table,
    )


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
    if evaluation.lift:
        body += f"<h3>Highest predictions first</h3>{_lift_table(evaluation)}"
    if evaluation.residuals:
        rows = [
            [f"{escape(level)} of rows are below", figure(value)]
            for level, value in evaluation.residuals.items()
        ]
        body += f"<h3>Label minus prediction</h3>{_table(['Quantile', '#Residual'], rows)}"
    return _section("calibration", "Do predictions mean what they say?", body)


def importance_section(card: CardContent) -> str:
    """Show the columns whose shuffling hurts most."""
    shown = [(name, drop) for name, drop in card.importance if drop > 0][:MAX_COLUMNS]
    if not shown:
        return ""
    largest = shown[0][1]
    bars = "".join(
        f'<div class="bar"><span class="name">{escape(name)}{_description(card, name)}</span>'
        f'<span class="num">{figure(drop, 3)}</span>'
        f'<i><u style="width:{100 * drop / largest:.1f}%"></u></i></div>'
        for name, drop in shown
    )
    words = (
        f"How much {escape(metric_name(card.problem.metric))} on sealed rows worsens when a "
        "column's values are shuffled."
    )
    return _section("importance", "What it looks at", f"<p>{words}</p>{bars}")


def leaderboard_section(card: CardContent) -> str:
    """Show the best trials and the ensemble made of them."""
    entries = card.leaderboard.entries
    chosen = [entry for entry in entries if card.weights.get(entry.number, 0) > 0]
    others = [entry for entry in entries if card.weights.get(entry.number, 0) <= 0]
    room = max(0, MAX_TRIALS - len(chosen))
    kept = {entry.number for entry in (*chosen, *others[:room])}
    rows = (_trial_row(card, entry) for entry in entries if entry.number in kept)
    failed = sum(entry.state == "failed" for entry in entries)
    took = "" if card.search_seconds is None else f" in {card.search_seconds:,.0f} s"
    words = f"{len(entries)} candidates were tried{took}, {failed} failed; "
    words += f"the version is a weighted mean of {len(chosen)} of them. "
    words += (
        "Scores are means over the search's folds (worst to best below), not over the sealed rows."
    )
    score = f"#{metric_name(card.leaderboard.metric)}"
    table = _table(["Candidate", "#Weight", score, "#Time"], rows)
    return _section("leaderboard", "Where it came from", f"<p>{escape(words)}</p>{table}")


def gates_section(card: CardContent) -> str:
    """Show every gate's answer."""
    if card.verdict is None:
        return ""
    words = {"pass": "pass", "fail": "fail", "n/a": "n/a"}
    gates = "".join(
        f'<div class="gate"><span class="badge {gate.status if gate.status != "n/a" else ""}">'
        f"{words[gate.status]}</span><div><b>{escape(gate.name.capitalize())}</b><br>"
        f"{escape(_sentence(gate.sentence))}</div></div>"
        for gate in card.verdict.gates
    )
    return _section("gates", "Gates", gates)


def lineage_section(card: CardContent) -> str:
    """Show what leads back to the data."""
    rows = [[escape(k), f"<code>{escape(str(v))}</code>"] for k, v in card.lineage.items()]
    if not rows:
        return ""
    return _section("lineage", "Lineage", _table([], rows, kind="lineage"))


def limits_section(card: CardContent) -> str:
    """Show what follows from the numbers, and what the caller wants known."""
    evaluation = card.evaluation
    limits = [
        f"Intervals come from drawing {evaluation.blocks} again; they cover chance in the "
        "sealed rows, not a change of the world after them.",
        "Importance says what the model uses, not what causes the outcome; columns that carry "
        "the same information share it.",
    ]
    if not evaluation.gain.low > 0:
        limits.insert(
            0,
            "On the sealed rows it is not surely better than a constant prediction.",
        )
    if evaluation.n_rows < 1_000:
        limits.append(
            f"The sealed rows are few ({evaluation.n_rows:,}); small differences cannot be seen."
        )
    items = "".join(f"<li>{escape(limit)}</li>" for limit in (*card.limits, *limits))
    return _section("limits", "Limits", f"<ul>{items}</ul>")


def _better(paired: PairedDifference) -> str:
    surely = "better" if paired.low > 0 else "worse" if paired.high < 0 else "not surely better"
    return f"{difference(*paired[:3])}: {surely}"


def _windows_table(windows: Iterable[DataWindow]) -> str:
    windows = tuple(windows)
    headings = ["Part", "#Rows", "#Positive"]
    rows = [
        [
            f"{escape(window.name)}<br><span class=note>{_dates(window)}</span>",
            f"{window.n_rows:,}",
            "" if window.share_positive is None else f"{window.share_positive:.1%}",
        ]
        for window in windows
    ]
    kept = 3 if any(window.share_positive is not None for window in windows) else 2
    return _table(headings[:kept], (row[:kept] for row in rows))


def _dates(window: DataWindow) -> str:
    if window.start is None or window.end is None:
        return "no time"
    return f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}"


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
    return _table(["Rows", "#Positive", "#Lift", "#Caught"], rows)


def _trial_row(card: CardContent, entry: TrialRecord) -> list[str]:
    weight = card.weights.get(entry.number, 0.0)
    folds = ""
    if entry.fold_scores:
        gain = METRICS[card.leaderboard.metric].gain
        ordered = sorted(entry.fold_scores, key=gain)
        folds = f"{figure(ordered[0])} to {figure(ordered[-1])}"
    family = FAMILY_WORDS.get(entry.candidate.family, entry.candidate.family)
    score = figure(entry.score) if entry.state == "done" else escape(entry.error or entry.state)
    return [
        f"{escape(family)}<br><span class=note>{entry.number} {escape(entry.origin)}</span>",
        f"<b>{weight:.0%}</b>" if weight > 0 else "–",
        f"{score}<br><span class=note>{folds}</span>",
        f"{entry.seconds:.1f} s",
    ]


def _description(card: CardContent, name: str) -> str:
    text = card.descriptions.get(name, "")
    return f'<br><span class="note">{escape(text)}</span>' if text and text != name else ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """Make a table of cells that are HTML already; a heading with # is numeric."""
    names = list(headings)
    numeric = [name.startswith("#") for name in names]

    def cells(row: Iterable[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=num' if place < len(numeric) and numeric[place] else ''}>{cell}"
            f"</{tag}>"
            for place, cell in enumerate(row)
        )

    head = cells((escape(name.removeprefix("#")) for name in names), "th")
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    top = f"<thead><tr>{head}</tr></thead>" if names else ""
    return f'<div class="scroll"><table class="{kind}">{top}<tbody>{body}</tbody></table></div>'


def _section(key: str, title: str, body: str) -> str:
    return f'<section id="{key}"><h2>{escape(title)}</h2>{body}</section>'
