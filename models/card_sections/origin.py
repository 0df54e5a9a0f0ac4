"""Where it comes from: the question, the rows, the gates, the search, lineage and limits."""

from collections.abc import Iterable
from html import escape

from models.card_content import CardContent, DataWindow
from models.card_sections.html import section, sentence, table
from models.card_sections.words import (
    METRIC_WORDS,
    family_name,
    history_words,
    metric_name,
    trial_words,
)
from models.figures import figure
from models.leaderboard import TrialRecord
from models.metrics import METRICS

MAX_TRIALS = 12


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
    called = card.evaluation.decision.words(card.problem.classes)
    if called:
        task += f" It calls {called}."
    name, meaning = METRIC_WORDS.get(card.problem.metric, (card.problem.metric, ""))
    sql = f"<pre>{escape(card.labels_sql.strip())}</pre>" if card.labels_sql.strip() else ""
    body = (
        f"<p>{escape(task)} "
        f"Models are chosen by {escape(name)}: {escape(meaning)}.</p>{sql}"
        f"<h3>Rows</h3>{_windows_table(card.windows)}"
    )
    return section("question", "What was asked", body)


def gates_section(card: CardContent) -> str:
    """Show every gate's answer, below a person's word where there is one."""
    if card.verdict is None:
        return ""
    words = {"pass": "pass", "fail": "fail", "n/a": "n/a"}
    gates = "".join(
        f'<div class="gate"><span class="badge {gate.status if gate.status != "n/a" else ""}">'
        f"{words[gate.status]}</span><div><b>{escape(gate.name.capitalize())}</b><br>"
        f"{escape(sentence(gate.sentence))}</div></div>"
        for gate in card.verdict.gates
    )
    word = f"<p>{escape(sentence(card.verdict.word))}</p>" if card.verdict.word else ""
    return section("gates", "Gates", word + gates)


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
    if history := history_words(card.leaderboard):
        words += f" {history}"
    score = f"#{metric_name(card.leaderboard.metric)}"
    shown = table(["Candidate", "#Weight", score, "#Time"], rows)
    return section("leaderboard", "Where it came from", f"<p>{escape(words)}</p>{shown}")


def lineage_section(card: CardContent) -> str:
    """Show what leads back to the data."""
    rows = [[escape(k), f"<code>{escape(str(v))}</code>"] for k, v in card.lineage.items()]
    if not rows:
        return ""
    return section("lineage", "Lineage", table([], rows, kind="lineage"))


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
    return section("limits", "Limits", f"<ul>{items}</ul>")


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
    return table(headings[:kept], (row[:kept] for row in rows))


def _dates(window: DataWindow) -> str:
    if window.start is None or window.end is None:
        return "no time"
    return f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}"


def _trial_row(card: CardContent, entry: TrialRecord) -> list[str]:
    weight = card.weights.get(entry.number, 0.0)
    folds = ""
    if entry.fold_scores:
        gain = METRICS[card.leaderboard.metric].gain
        ordered = sorted(entry.fold_scores, key=gain)
        folds = f"{figure(ordered[0])} to {figure(ordered[-1])}"
    family = family_name(entry.candidate.family)
    score = figure(entry.score) if entry.state == "done" else escape(entry.error or entry.state)
    return [
        f"{escape(family)}<br><span class=note>{escape(trial_words(entry))}</span>",
        f"<b>{weight:.0%}</b>" if weight > 0 else "–",
        f"{score}<br><span class=note>{folds}</span>",
        f"{entry.seconds:.1f} s",
    ]
