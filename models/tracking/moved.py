"""Moved stores: MLflow's database in SQLite names its artifacts by where they were made.

NOTE: MLflow makes every local place absolute as it writes it down (`./artifacts` too), and only a
server's `mlflow-artifacts:` is not tied to a machine's paths. So where the database and the
artifacts beside it were moved or copied together, the names are written anew.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

_LOG = logging.getLogger("perennial")

_NAMED_IN = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_artifacts(database: Path, experiment: str, place: Path) -> None:
    """Make an experiment's artifacts be looked for where they are, if that is `place`.

    Parameters
    ----------
    database
        MLflow's, in SQLite; nothing is done where it has no such experiment yet.
    place
        Directory where the experiment's artifacts shall be. Where those of its newest model are not
        in it, nothing was moved, and what the database says holds.
    """
    if not database.exists() or not place.is_dir():
        return
    with closing(sqlite3.connect(database, timeout=30)) as opened, opened:
        before = _named(opened, experiment)
        if before is None or before == place.as_uri() or not _is_there(opened, before, place):
            return
        for table, column in _NAMED_IN:
            _rename(opened, table, column, before=before, after=place.as_uri())
    _LOG.warning(
        "The artifacts of %s were at %s and are at %s now: MLflow's database was told so.",
        experiment,
        before,
        place,
    )


def _named(database: sqlite3.Connection, experiment: str) -> str | None:
    """Give the local directory that the database names, as an address."""
    known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if not known.issuperset(table for table, _ in _NAMED_IN):
        return None
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    found = database.execute(query, (experiment,)).fetchone()
    return found[0] if found and str(found[0]).startswith("file:") else None


def _is_there(database: sqlite3.Connection, before: str, place: Path) -> bool:
    newest = database.execute(
        "SELECT artifact_location FROM logged_models "
        "WHERE substr(artifact_location, 1, length(:before) + 1) = :before || '/' "
        "ORDER BY creation_timestamp_ms DESC LIMIT 1",
        {"before": before},
    ).fetchone()
    return newest is None or (place / newest[0][len(before) + 1 :]).exists()


def _rename(
    database: sqlite3.Connection, table: str, column: str, *, before: str, after: str
) -> None:
    database.execute(
        f"UPDATE {table} SET {column} = :after || substr({column}, length(:before) + 1) "  # noqa: S608 (names of ours)
        f"WHERE {column} = :before OR substr({column}, 1, length(:before) + 1) = :before || '/'",
        {"before": before, "after": after},
    )
