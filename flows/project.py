"""The spec: `perennial.yaml`, parsed and checked, and nothing that is not in the file."""

from collections.abc import Mapping
from pathlib import Path
from reprlib import Repr
from typing import Any, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from features.fingerprint import fingerprint
from features.schema import HISTORY
from flows.document import read_document
from flows.errors import FlowError
from flows.sections import (
    FeaturesSection,
    MonitoringSection,
    PromotionSection,
    SchedulesSection,
    SearchSection,
    Section,
    TableSection,
    TargetSection,
    listed,
    nearest,
)

SPEC_NAME = "perennial.yaml"

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class Project(Section):
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
                f"target.entity: expected one of the tables ({listed(self.tables)}), "
                f"got {self.target.entity!r}{nearest(self.target.entity, self.tables)}"
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
    except UnicodeDecodeError as error:
        raise FlowError(f"{path}: expected UTF-8, got: {error}. Save it as UTF-8.") from error
    except (IsADirectoryError, PermissionError) as error:
        raise FlowError(f"Expected a file that can be read, got: {error}.") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FlowError(
            f"No {SPEC_NAME} in {folder}. Run this where the spec is, name the folder with "
            "--project, or make one with: perennial init --example flights FOLDER"
        ) from error
    return parse_project(text)


def parse_project(text: str) -> Project:
    """Parse the text of a spec (see `load_project`)."""
    content = read_document(text, name=SPEC_NAME)
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
        return f"{path}: unknown key; expected one of {listed(known)}{nearest(name, known)}"
    if problem["type"] == "missing":
        return f"{path}: missing; it must be given"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return f"{path}: {message}" if path else message
    return f"{path}: {message[0].lower()}{message[1:]}, got {_SHORT.repr(problem['input'])}"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Project
    for part in location:
        if part == "tables":
            model = TableSection
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            for kind in (annotation, *get_args(annotation)):  # `Section | None` too
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    model = kind
    return list(model.model_fields)
