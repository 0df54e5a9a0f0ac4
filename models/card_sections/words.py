"""Words: metrics, families and trials as people call them."""

from models.figures import figure
from models.leaderboard import Leaderboard, TrialRecord
from models.metrics import METRICS
from models.recency import EVERYTHING, history_of

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
    "mcc": ("MCC", "correlation of the class called and the true one"),
    "rmsle": ("RMSLE", "root mean squared error of log(1 + x); lower is better"),
}
FAMILY_WORDS = {
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "extra_trees": "Extra trees",
    "random_forest": "Random forest",
    "histograms": "Histogram boosting",
    "linear": "Linear",
    "neighbours": "Nearest neighbours",
    "network": "Neural network",
    "support_vectors": "Support vectors",
    "naive_bayes": "Naive Bayes",
    "constant": "Constant",
}


def metric_name(metric: str) -> str:
    """Name a metric for people."""
    return METRIC_WORDS.get(metric, (metric, ""))[0]


def family_name(family: str) -> str:
    """Name a family of models for people."""
    return FAMILY_WORDS.get(family, family)


def trial_words(entry: TrialRecord) -> str:
    """Say which trial it is, who proposed it, and what it learned from if not from all rows."""
    history = history_of(entry.candidate)
    told = "" if history == EVERYTHING else f", {_HISTORY_WORDS.get(history, history)}"
    return f"{entry.number} {entry.origin}{told}"


def history_words(leaderboard: Leaderboard) -> str:
    """Say what less history did for the newest validation block; nothing where it was not tried."""
    done = [entry for entry in leaderboard.done if entry.origin != "baseline"]
    if all(history_of(entry.candidate) == EVERYTHING for entry in done):
        return ""
    gain = METRICS[leaderboard.metric].gain
    best = {
        is_whole: max(
            (e for e in done if (history_of(e.candidate) == EVERYTHING) == is_whole),
            key=lambda entry: gain(entry.fold_scores[-1]),
            default=None,
        )
        for is_whole in (True, False)
    }
    recent, whole = best[False], best[True]
    if recent is None or whole is None:
        return ""
    history = history_of(recent.candidate)
    return (
        "How much history to learn from was tried, too: on the newest validation block the best "
        f"with less of it ({_HISTORY_WORDS.get(history, history)}) reaches "
        f"{figure(recent.fold_scores[-1])}, the best with all rows {figure(whole.fold_scores[-1])}."
    )


_HISTORY_WORDS = {
    "newest half": "newest half of the rows",
    "newest fifth": "newest fifth of the rows",
    "newest tenth": "newest tenth of the rows",
    "fading": "older rows count less",
}
