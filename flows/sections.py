"""The sections of `perennial.yaml`: what each key means, may be, and is by default."""

import difflib
import re
import urllib.parse
from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.errors import FlowError
from flows.settings import checked_size
from models.options import STRATEGIES

_DURATION = re.compile(r"^(\d+)\s*(m|h|d|w)$")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(text: str) -> str:
    if _DURATION.match(text) is None:
        raise ValueError(f"expected a duration such as 30m, 3h, 7d or 2w, got {text!r}")
    return text


def seconds_of(duration: str) -> int:
    """Give a duration of the spec in seconds.

    Examples
    --------
    >>> seconds_of("3h")
    10800
    """
    match = _DURATION.match(duration)
    if match is None:
        raise FlowError(f"Expected a duration such as 30m, 3h, 7d or 2w, got {duration!r}.")
    return int(match[1]) * _SECONDS[match[2]]


def _window(text: str) -> str:
    return text if text == "all" else _duration(text)


Duration = Annotated[str, AfterValidator(_duration)]
Window = Annotated[str, AfterValidator(_window)]
Values = tuple[Annotated[bool, Field(strict=True)] | str, ...]
Size = Annotated[str, AfterValidator(checked_size)]
Cron = Annotated[str, Field(pattern=r"^\S+(\s+\S+){4}$", description="five cron fields")]


class Section(BaseModel):
    """What all sections share: unknown keys are refused, and nothing is changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableSection(Section):
    """One table: where its rows come from, and what its columns mean."""

    source: str | None = None
    sql: str | None = None
    key: str | None = None
    time: str | None = None
    known_at: dict[str, tuple[str, ...]] = {}
    types: dict[str, Literal["numeric", "boolean", "datetime", "categorical", "text", "key"]] = {}

    @model_validator(mode="after")
    def _one_origin(self) -> "TableSection":
        if (self.source is None) == (self.sql is None):
            raise ValueError("expected exactly one of `source` (a file, glob or URL) and `sql`")
        return self


class TargetSection(Section):
    """The question: which rows are asked about, when, and what the answer was."""

    entity: str
    labels: str
    task: Literal["binary", "multiclass", "regression"]
    metric: str = ""
    question: str = ""

    @model_validator(mode="after")
    def _default_metric(self) -> "TargetSection":
        if not self.metric:
            usual = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
            object.__setattr__(self, "metric", usual[self.task])
        return self


class FeaturesSection(Section):
    """How far Deep Feature Synthesis goes, and how many features are kept.

    Attributes
    ----------
    windows
        Spans, short or long; `all`, the whole past, is always among them.
    interesting
        Table to column to values (or how many of the most frequent ones): rows with such a value
        are also summarized apart.
    memory_limit
        Of the process while it computes features, such as `4GB`; a setting otherwise.
    target_history
        Whether past labels, known by the cutoff, are a table like the others.
    """

    depth: int = Field(2, ge=0, le=3)
    windows: tuple[Window, ...] = ()
    interesting: dict[str, dict[str, Annotated[int, Field(ge=1, strict=True)] | Values]] = {}
    max_features: int = Field(300, ge=1)
    target_history: bool = True
    online_rows: int = Field(10_000, ge=0)
    memory_limit: Size | None = None


def _strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise ValueError(
            f"expected one of {listed(STRATEGIES)}, got {name!r}{nearest(name, STRATEGIES)}"
        )
    return name


class SearchSection(Section):
    """What the search may spend, and how it goes about it.

    Attributes
    ----------
    strategy
        How candidates are chosen once the portfolio was tried: one of `models.options.STRATEGIES`.
    """

    max_seconds: float = Field(600, gt=0)
    max_trials: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)
    strategy: Annotated[str, AfterValidator(_strategy)] = "tpe"
    compare_own_columns: bool = False


class FairnessSection(Section):
    """Groups that are not to be too far apart.

    Attributes
    ----------
    column
        Whose levels are the groups (numbers: in bins).
    max_gap
        Greatest difference allowed between two groups, in the measure's own unit.
    """

    column: str
    max_gap: float = Field(ge=0)
    measure: Literal["selection_rate", "true_positive_rate", "metric"] = "selection_rate"


GateName = Literal["servable", "quality", "slices", "calibration", "latency", "size", "fairness"]


class PromotionSection(Section):
    """Which gates a challenger passes before it serves; without its limit a gate only measures.

    Attributes
    ----------
    margin
        Where drift has condemned the champion, a challenger may be worse by this share of what
        the champion gains over a constant prediction.
    alpha
        Chance of taking equal for different, spent over all challengers of one champion.
    slices
        Columns by whose slices a challenger must not be worse than the champion: the entity's
        own, or others by the name of their feature, such as `planes.manufacturer`.
    max_miscalibration
        Mean distance of probabilities from what happens, 0 … 1.
    max_latency_ms
        For one row on the machine that judges.
    max_megabytes
        Of the stored version.
    trusted
        Columns that may give the label away, because they are known when predictions are asked for.
    approval
        Whether who has passed waits for `perennial promote VERSION --approve`.
    """

    gates: tuple[GateName, ...] = get_args(GateName)
    margin: float = Field(0.1, ge=0, le=1)
    alpha: float = Field(0.05, gt=0, lt=1)
    slices: tuple[str, ...] = ()
    max_miscalibration: float | None = Field(None, gt=0, le=1)
    max_latency_ms: float | None = Field(None, gt=0)
    max_megabytes: float | None = Field(None, gt=0)
    fairness: FairnessSection | None = None
    trusted: tuple[str, ...] = ()
    approval: bool = False

    @property
    def described_by(self) -> tuple[str, ...]:
        """The columns that gates slice or group by, each once."""
        groups = () if self.fairness is None else (self.fairness.column,)
        return tuple(dict.fromkeys((*self.slices, *groups)))


def _webhook(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected a URL such as https://chat.example.org/hooks/abc, got another")
    return url


class MonitoringSection(Section):
    """When evidence becomes a decision to retrain.

    Attributes
    ----------
    window
        How far back from now the current window reaches.
    cooldown
        How long no other retrain begins after one; doubled for every challenger rejected since.
    min_rows
        Fewest rows of a window to decide on.
    persistence
        In how many of the last three windows, the newest among them, there must be an alarm.
    budget
        Retrains that drift may begin in any 30 days.
    max_age
        Age of the champion from which it is retrained although nothing alarms.
    max_silence
        Age of the newest scored row from which the data check of freshness fails.
    margin
        Loss of the metric that matters, as a share of its value on the reference.
    important
        Share of the champion's importance that must drift to alarm without labels.
    webhook
        Where decisions to retrain, and the verdicts that follow, are POSTed as JSON.
    """

    window: Duration = "7d"
    cooldown: Duration = "3d"
    min_rows: int = Field(200, ge=1)
    persistence: int = Field(2, ge=1, le=3)
    budget: int = Field(8, ge=0)
    max_age: Duration | None = None
    max_silence: Duration = "3d"
    margin: float = Field(0.03, ge=0, le=1)
    important: float = Field(0.3, gt=0, le=1)
    webhook: Annotated[str, AfterValidator(_webhook)] | None = Field(None, repr=False)


class SchedulesSection(Section):
    """When the deployments run: five cron fields each."""

    retrain: Cron = "0 3 * * 1"
    score: Cron = "0 * * * *"
    monitor: Cron = "30 * * * *"
    dispatch: Cron = "*/5 * * * *"


def listed(names: Iterable[str]) -> str:
    """Write names one after another."""
    return ", ".join(names)


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask whether a known name was meant, where one is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
