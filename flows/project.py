"""The spec: `perennial.yaml`, parsed and checked, and nothing that is not in the file."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.fingerprint import fingerprint
from features.schema import HISTORY
from flows.errors import FlowError
from flows.settings import checked_size
from models.options import STRATEGIES

SPEC_NAME = "perennial.yaml"

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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableSection(_Section):
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


class TargetSection(_Section):
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


class FeaturesSection(_Section):
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
            f"expected one of {_listed(STRATEGIES)}, got {name!r}{_nearest(name, STRATEGIES)}"
        )
    return name


class SearchSection(_Section):
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


class PromotionSection(_Section):
    """Which gates a challenger passes before it serves.

    Attributes
    ----------
    margin
        Where drift has condemned the champion, a challenger may be worse by this share of what
        the champion gains over a constant prediction.
    """

    gates: tuple[Literal["servable", "quality"], ...] = ("servable", "quality")
    margin: float = Field(0.1, ge=0, le=1)


class MonitoringSection(_Section):
    """When evidence becomes a decision to retrain.

    Attributes
    ----------
    persistence
        In how many of the last three windows, the newest among them, there must be an alarm.
    """

    window: Duration = "7d"
    cooldown: Duration = "3d"
    min_rows: int = Field(200, ge=1)
    persistence: int = Field(2, ge=1, le=3)


class SchedulesSection(_Section):
    """When the deployments run: five cron fields each."""

    retrain: Cron = "0 3 * * 1"
    score: Cron = "0 * * * *"
    monitor: Cron = "30 * * * *"
    dispatch: Cron = "*/5 * * * *"


class Project(_Section):
    """The whole spec of one project.

    Attributes
    ----------
    project
        Name used for runs, versions and deployments: letters, digits, `-` and `_`.
    """

    project: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")
    tables: dict[str, TableSection] = Field(min_length=1)
    relationships: tuple[str, ...] = ()
    target: TargetSection
    features: FeaturesSection = FeaturesSection()
    search: SearchSection = SearchSection()
    promotion: PromotionSection = PromotionSection()
    monitoring: MonitoringSection = MonitoringSection()
    schedules: SchedulesSection = SchedulesSection()

    @model_validator(mode="after")
    def _target_exists(self) -> "Project":
        if self.target.entity not in self.tables:
            raise ValueError(
                f"target.entity: expected one of the tables ({_listed(self.tables)}), "
                f"got {self.target.entity!r}{_nearest(self.target.entity, self.tables)}"
            )
        return self

    @model_validator(mode="after")
    def _history_has_its_name(self) -> "Project":
        if self.features.target_history and HISTORY in map(str.lower, self.tables):
            raise ValueError(
                f"tables.{HISTORY}: expected another name, this one is for the table of past "
                "labels; rename it, or set features.target_history: false"
            )
        return self

    @property
    def fingerprint(self) -> str:
        """Name of the content that decides what a retrain computes: no schedules, no limits."""
        content = self.model_dump(mode="json", exclude={"schedules", "monitoring"})
        del content["features"]["memory_limit"]
        return fingerprint(content)


def load_project(folder: Path) -> Project:
    """Read and check `perennial.yaml` in `folder`.

    Raises
    ------
    FlowError
        When the file is missing, is not YAML, or does not say what is expected; the message
        names the key, what was expected and the nearest valid name.
    """
    path = folder / SPEC_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FlowError(
            f"No {SPEC_NAME} in {folder}. Run this where the spec is, name the folder with "
            "--project, or make one with: perennial init --example flights FOLDER"
        ) from error
    return parse_project(text)


def parse_project(text: str) -> Project:
    """Parse the text of a spec (see `load_project`)."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FlowError(f"{SPEC_NAME} is not valid YAML: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise FlowError(
            f"{SPEC_NAME}: expected keys such as project, tables and target, "
            f"got {type(content).__name__}."
        )
    try:
        return Project.model_validate(content)
    except ValidationError as error:
        raise FlowError(_report(error)) from error


def _report(error: ValidationError) -> str:
    problems = [_sentence(problem) for problem in error.errors(include_url=False)]
    shown, hidden = problems[:8], len(problems) - 8
    lines = [f"{SPEC_NAME} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:"]
    lines += [f"  - {line}" for line in shown]
    if hidden > 0:
        lines.append(f"  … and {hidden} more")
    return "\n".join(lines)


def _sentence(problem: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        name = str(problem["loc"][-1])
        return f"{path}: unknown key; expected one of {_listed(known)}{_nearest(name, known)}"
    if problem["type"] == "missing":
        return f"{path}: missing; it must be given"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{path}: {message}" if path else message
    return f"{path}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Project
    for part in location:
        if part == "tables":
            model = TableSection
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    return list(model.model_fields)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
