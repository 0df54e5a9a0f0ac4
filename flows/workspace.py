"""A workspace: one project's spec, settings, state directory and ledger, opened together."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.labels import Target
from features.schema import ColumnType, Relationship
from features.sources import TableSource
from flows.environment import prepare_environment
from flows.errors import FlowError
from flows.project import Project, load_project
from flows.sections import TableSection
from flows.server import find_servers
from flows.settings import Settings, read_settings
from flows.state import Ledger, open_ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything a flow needs to know about the project it runs for.

    Attributes
    ----------
    folder
        Where `perennial.yaml` is; relative sources are read from here.
    state
        The state directory.
    """

    folder: Path
    project: Project
    settings: Settings
    state: Path
    ledger: Ledger

    @property
    def name(self) -> str:
        """The project's name."""
        return self.project.project

    @property
    def sources(self) -> tuple[TableSource, ...]:
        """The spec's tables as `features` takes them."""
        return tuple(_source(name, section) for name, section in self.project.tables.items())

    @property
    def relationships(self) -> tuple[Relationship, ...]:
        """The spec's relationships as `features` takes them."""
        return tuple(Relationship.parse(text) for text in self.project.relationships)

    @property
    def target(self) -> Target:
        """The spec's question as `features` takes it."""
        section = self.project.target
        return Target(entity=section.entity, labels=section.labels, task=section.task)

    @property
    def entity_key(self) -> str:
        """Name of the key column of the table that is asked about."""
        key = self.project.tables[self.project.target.entity].key
        if key is None:
            raise FlowError(
                f"tables.{self.project.target.entity}: the table that is asked about needs a key."
            )
        return key

    def path(self, *parts: str) -> Path:
        """Give a path inside the state directory."""
        return self.state.joinpath(*parts)


def open_workspace(folder: Path, settings: Settings | None = None) -> Workspace:
    """Open the project in `folder`; its state directory is made when it is missing.

    Raises
    ------
    FlowError
        When a setting or the spec is missing or wrong, or the ledger cannot be reached.
    """
    folder = folder.expanduser().resolve()
    settings = settings or read_settings()
    project = load_project(folder)
    state = settings.state_directory(folder)
    servers = find_servers(state)
    if servers is not None and settings.prefect_api_url is None:
        settings = settings.model_copy(update={"prefect_api_url": servers.prefect_api_url})
    prepare_environment(settings, state)
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlowError(
            f"Expected to make or find the state directory {state}, got: {error}. Name another by "
            "PERENNIAL_STATE, or change the owner of this one."
        ) from error
    ledger = open_ledger(settings.ledger(state), lock_directory=state)
    return Workspace(folder=folder, project=project, settings=settings, state=state, ledger=ledger)


def plain_workspace(folder: Path, project: Project, settings: Settings, state: Path) -> Workspace:
    """Open a project on a scratch state directory, for what is not to be kept."""
    ledger = open_ledger(f"sqlite:///{state / 'ledger.db'}", lock_directory=state)
    return Workspace(
        folder=folder.expanduser().resolve(),
        project=project,
        settings=settings,
        state=state,
        ledger=ledger,
    )


def utc_now() -> pd.Timestamp:
    """Give the wall clock's moment as naive UTC: the only clock the flows read."""
    return pd.Timestamp.now("UTC").tz_localize(None).floor("us")


def _source(name: str, section: TableSection) -> TableSource:
    return TableSource(
        name=name,
        source=section.source,
        sql=section.sql,
        key=section.key,
        time=section.time,
        known_at=section.known_at,
        types={column: ColumnType(kind) for column, kind in section.types.items()},
    )
