"""The project's feature store, opened from its settings."""

from features.store import Store, StoreSettings, open_store
from flows.workspace import Workspace


def open_project_store(workspace: Workspace) -> Store:
    """Open Feast for this workspace: registry and online store as the settings say."""
    settings = StoreSettings(
        directory=workspace.path("feast"),
        project=workspace.name.replace("-", "_"),
        online=workspace.settings.feast_online,
        online_rows=workspace.project.features.online_rows,
    )
    return open_store(settings)
