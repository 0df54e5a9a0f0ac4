"""Policies: how much change counts as drift, and how much evidence it takes to retrain."""

from dataclasses import dataclass

from monitoring.errors import PolicyError


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """When a column counts as drifted: surely changed, and by enough to matter.

    Parameters
    ----------
    alpha
        Largest adjusted p-value (Benjamini-Hochberg across all tests of all columns). Where days
        share conditions, p-values near 0.002 were measured to come up to three times as often as
        they say; this leaves room for that, and the changes that matter have far smaller ones.
    min_distance
        Smallest distance of distributions (Kolmogorov-Smirnov or total variation), in [0, 1];
        0.05 is a shift of an eighth of a normal deviation.
    min_rank_shift
        Smallest rank-biserial correlation of location and of spread, in [0, 1]; 0.06 is a shift
        of a tenth of a normal deviation, or a variance a fifth larger.
    min_missing_change
        Smallest change of the share of missing values, in [0, 1].
    min_new_share
        Smallest share of rows with unseen levels beyond what is to be expected, in [0, 1].
    concept_windows
        Windows of this size that pass, on average at least, between two false alarms of the losses.
    concept_tolerance
        Rise of the mean loss that does not matter, in standard deviations of the reference's.
    max_evidently_columns
        How many columns, most important first, Evidently evaluates; the same tests measure the
        others directly (Evidently costs 50 to 110 ms a column at 20,000 rows).
    """

    alpha: float = 0.002
    min_distance: float = 0.05
    min_rank_shift: float = 0.06
    min_missing_change: float = 0.05
    min_new_share: float = 0.02
    concept_windows: int = 500
    concept_tolerance: float = 0.05
    max_evidently_columns: int = 30

    def __post_init__(self) -> None:
        _require_share("alpha", self.alpha)
        _require_share("min_distance", self.min_distance)
        _require_share("min_rank_shift", self.min_rank_shift)
        _require_share("min_missing_change", self.min_missing_change)
        _require_share("min_new_share", self.min_new_share)
        _require_at_least("concept_windows", self.concept_windows, 1)
        _require_at_least("concept_tolerance", self.concept_tolerance, 0)
        _require_at_least("max_evidently_columns", self.max_evidently_columns, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPolicy:
    """From where on a check of the data fails.

    Parameters
    ----------
    max_out_of_range
        Share of a column's values outside the reference's smallest and largest, in [0, 1].
    max_volume_ratio
        Rows a day may be so many times more or fewer than in the reference, >= 1.
    max_silence_days
        Age of the newest scored row in days.
    """

    max_out_of_range: float = 0.02
    max_volume_ratio: float = 3.0
    max_silence_days: float = 3.0

    def __post_init__(self) -> None:
        _require_share("max_out_of_range", self.max_out_of_range)
        _require_at_least("max_volume_ratio", self.max_volume_ratio, 1)
        _require_at_least("max_silence_days", self.max_silence_days, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPolicy:
    """How much evidence it takes to retrain.

    Parameters
    ----------
    min_rows
        Fewest rows of the current window to decide anything on.
    min_labelled
        Fewest labelled rows, in each window, to judge performance on.
    margin
        Loss of a metric that matters, as a share of its value on the reference.
    calibration_margin
        Change of (mean prediction - mean label) that matters, in standard deviations of the
        label: 0.08 is a rate of 19 % becoming 22 %.
    alpha
        Chance of calling an unchanged performance worse in one window, over all criteria
        together; margin and persistence bring it far below that for a retraining.
    severe_p_value
        Performance worse with less than this, by at least twice the margin, need not persist.
    max_importance_drifted
        Share of feature importance that may drift before drift alone alarms.
    labels_may_clear
        Whether drift is not acted upon while labels of half the window show performance to
        hold within the margin.
    persistence, of_windows
        An alarm must have been raised in `persistence` of the last `of_windows` windows, the
        newest among them.
    cooldown_days
        Days after a retraining in which no other one starts; doubled for every challenger
        rejected since the last promotion, up to `max_backoff` times.
    max_backoff
        Largest factor on `cooldown_days`.
    max_retrains
        Retrainings that may begin in any 30 days, whatever alarms; 0 never retrains by itself.
    max_age_days
        Age of the champion from which it is retrained although nothing alarms; None: never.
    """

    min_rows: int = 200
    min_labelled: int = 100
    margin: float = 0.03
    calibration_margin: float = 0.08
    alpha: float = 0.05
    severe_p_value: float = 0.001
    max_importance_drifted: float = 0.3
    labels_may_clear: bool = True
    persistence: int = 2
    of_windows: int = 3
    cooldown_days: float = 3.0
    max_backoff: float = 16.0
    max_retrains: int = 8
    max_age_days: float | None = None

    def __post_init__(self) -> None:
        _require_at_least("min_rows", self.min_rows, 1)
        _require_at_least("min_labelled", self.min_labelled, 1)
        _require_at_least("margin", self.margin, 0)
        _require_at_least("calibration_margin", self.calibration_margin, 0)
        _require_share("alpha", self.alpha)
        _require_share("severe_p_value", self.severe_p_value)
        _require_share("max_importance_drifted", self.max_importance_drifted)
        _require_at_least("persistence", self.persistence, 1)
        _require_at_least("of_windows", self.of_windows, self.persistence)
        _require_at_least("cooldown_days", self.cooldown_days, 0)
        _require_at_least("max_backoff", self.max_backoff, 1)
        _require_at_least("max_retrains", self.max_retrains, 0)
        if self.max_age_days is not None:
            _require_at_least("max_age_days", self.max_age_days, 1)


def _require_share(field: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise PolicyError.outside(field, value, "between 0 and 1")


def _require_at_least(field: str, value: float, least: float) -> None:
    if not value >= least:
        raise PolicyError.outside(field, value, f"at least {least}")
