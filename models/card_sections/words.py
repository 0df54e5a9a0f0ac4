"""Words: metrics and families as people call them."""

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
