"""Encodings: what candidates say of how columns become a matrix, and what may vary of it."""

from dataclasses import replace
from typing import Literal

from models.families.family import Parameters, Shape
from models.preprocessing import Encoding, Means, Repeated, Selection
from models.space import Choice, Range, Space, When

MIN_ROWS_TO_CONSTRUCT = 200

MIN_ROWS_TO_SELECT = 200
MIN_COLUMNS_TO_SELECT = 20
SHARES = (0.05, 0.2, 0.5)
"""Of the columns, that may be kept."""

USUAL_SHARE = 0.2


def set_encoding(parameters: Parameters) -> Encoding:
    """Give numbers as they are and levels as codes, for trees that split levels as sets.

    Such trees need no means where the candidate does not say. Losses with none, many and all, 3
    folds: nyc_taxis RMSE 4.33, 4.48, 4.40, hr_job_change ROC AUC 0.795, 0.793, 0.792 (LightGBM).
    """
    return replace(_columns(parameters), means=_means(parameters, "none"))


def code_encoding(parameters: Parameters) -> Encoding:
    """Give numbers as they are and levels as codes, for trees that split codes as numbers.

    Columns of many levels have means too, where the candidate does not say: google_play RMSE
    0.506 without, 0.502 with them, hr_job_change ROC AUC 0.788 and 0.790 (extra trees).
    """
    return replace(_columns(parameters), means=_means(parameters, "many"))


def scaled_encoding(parameters: Parameters) -> Encoding:
    """Give scaled numbers and one column per level, as `scaling`, `means` and `words` say."""
    numbers: Literal["standard", "quantile"] = (
        "standard" if parameters.get("scaling") == "standard" else "quantile"
    )
    return replace(
        _columns(parameters),
        numbers=numbers,
        levels="one_hot",
        means=_means(parameters, "many"),
        words="tfidf" if parameters.get("words") == "tfidf" else "counts",
    )


def encoding_space(shape: Shape) -> Space:
    """Let vary which levels are given by mean labels, and which columns are made and kept.

    As far as there is something to encode so.
    """
    space: dict[str, Range] = {}
    if shape.n_categorical:
        many: tuple[Means, ...] = ("none",) if shape.n_many_levels else ()
        space["means"] = Choice(options=("many", "all", *many))
    if shape.n_numeric >= 2 and shape.n_rows >= MIN_ROWS_TO_CONSTRUCT:
        space["constructed"] = Choice(options=(0, 10, 30))
    if shape.n_repeated:
        space["repeated"] = Choice(options=("number", "means"))
    return space | selection_space(shape)


def selection_space(shape: Shape) -> dict[str, Range]:
    """Let vary how columns are selected, and how many, where there are many.

    It is no default but of nearest neighbours. Of 3 folds without, by use and by information (a
    fifth): loans_full_schema RMSE 1.72, 1.63, 1.84 (LightGBM), ames 30,700, 33,300, 32,700
    (linear), with counted words ROC AUC fine_foods_small 0.743, 0.785, 0.770, sms_spam 0.980,
    0.970, 0.968.
    """
    if shape.n_columns <= MIN_COLUMNS_TO_SELECT or shape.n_rows < MIN_ROWS_TO_SELECT:
        return {}
    by = When(name="selection", values=("use", "information"))
    return {
        "selection": Choice(options=("none", "use", "information", "correlation")),
        "selected": Choice(options=SHARES, when=by),
    }


def word_space(shape: Shape) -> dict[str, Range]:
    """Let vary, for models of scaled columns, what is made of the words of texts.

    Weighed by rarity is the default, not counted and scaled as other numbers are. ROC AUC of 3
    folds of 4,000 rows, counted and weighed: fine_foods_small 0.738 and 0.822 (linear), 0.800 and
    0.811 (network), 0.668 and 0.794 (naive Bayes), sms_spam 0.980 and 0.981, 0.985 and 0.987, 0.898
    and 0.986; of 480 rows 0.705 and 0.704, 0.828 and 0.919 (nearest neighbours). Trees gain
    nothing: 0.813 and 0.812, 0.983 and 0.983 (LightGBM).
    """
    return {"words": Choice(options=("tfidf", "counts"))} if shape.n_words else {}


def usual_words(shape: Shape) -> Parameters:
    """Weigh the words of texts by their rarity, where there are texts."""
    return {"words": "tfidf"} if word_space(shape) else {}


def usual_selection(shape: Shape) -> Parameters:
    """Keep all columns, where others might be selected."""
    return {"selection": "none"} if selection_space(shape) else {}


def informative_columns(shape: Shape) -> Parameters:
    """Keep a fifth of many columns, for models to which every column counts the same.

    Nearest neighbours without and with it, 3 folds: ROC AUC higgs_small 0.550 and 0.723, spambase
    0.961 and 0.964; RMSE ames 45,700 and 33,300, loans_full_schema 4.41 and 3.77.
    """
    given: Parameters = {"selection": "information", "selected": USUAL_SHARE}
    return given if selection_space(shape) else {}


def usual_encoding(
    shape: Shape, *, means: Means = "many", repeated: Repeated = "means"
) -> Parameters:
    """Give what a portfolio's candidates say of what may vary of their encoding.

    Whole numbers that repeat have mean labels besides, unless boosting takes them: it gains on some
    data and loses on others. Losses without and with them, 3 folds of up to 12,000 rows: RMSE
    insteval 1.333 and 1.271 (linear), 1.310 and 1.262 (extra trees), 1.288 and 1.262 (LightGBM),
    kc_house 217,000 and 176,000, 149,000 and 134,000, 116,000 and 117,000, california_housing
    71,000 and 71,000, 67,800 and 61,900, 46,900 and 48,000; ROC AUC adult 0.899 and 0.926, 0.908
    and 0.924, 0.923 and 0.929, hr_job_change 0.791 and 0.791, 0.792 and 0.789, 0.800 and 0.798.
    """
    known: Parameters = {"means": means, "constructed": 0, "repeated": repeated}
    known |= usual_selection(shape)
    if not shape.n_many_levels and means == "none":
        known["means"] = "many"  # the same, and in the space
    space = encoding_space(shape)
    return {name: value for name, value in known.items() if name in space}


def _columns(parameters: Parameters) -> Encoding:
    """Give what the candidate says of the columns that are made and kept."""
    usual = Encoding(
        constructed=int(parameters.get("constructed", 0)),
        repeated="means" if parameters.get("repeated") == "means" else "number",
    )
    match parameters.get("selection", "none"):
        case "use":
            by: Selection = "use"
        case "information":
            by = "information"
        case "correlation":
            return replace(usual, selection="correlation")
        case _:
            return usual
    return replace(usual, selection=by, selected=float(parameters.get("selected", USUAL_SHARE)))


def _means(parameters: Parameters, usual: Means) -> Means:
    match parameters.get("means", usual):
        case "all":
            return "all"
        case "many":
            return "many"
        case _:
            return "none"
