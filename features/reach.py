"""What files reading a table may touch, enforced by DuckDB and not by looking at SQL."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.query import absolute_path, literal

PROJECT_VARIABLE = "project"
"""`getvariable('project')` in SQL: the folder of the spec, for names that are computed."""

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where the files of a spec may lie.

    Parameters
    ----------
    base_directory
        The folder of the spec; everything in it can be read.
    roots
        Further folders that can be read, and then nothing else, whatever the spec says. `None`
        trusts the spec's author with every file that is written out in it: only names that
        SQL computes are held to the base directory.
    """

    base_directory: Path
    roots: tuple[Path, ...] | None = None

    def confine(self, connection: duckdb.DuckDBPyConnection, declared: Sequence[str]) -> None:
        """Leave the connection nothing else to read, for good, and no setting to change.

        Parameters
        ----------
        declared
            Files and globs that are written out, relative ones under the base directory.
        """
        folders = [self.base_directory, self.base_directory.resolve()]
        files: list[str] = []
        if self.roots is not None:
            folders += [root.expanduser().resolve() for root in self.roots]
        else:
            files = [absolute_path(name, self.base_directory) for name in declared]
        directories = [f"{folder}{os.sep}" for folder in folders]
        directories += [_folder_of(name) for name in files if _WILDCARD.search(name)]
        connection.execute(f"SET VARIABLE {PROJECT_VARIABLE} = {literal(str(folders[0]))}")
        connection.execute(f"SET allowed_directories = {_list(directories)}")
        connection.execute(f"SET allowed_paths = {_list(files)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    @property
    def wording(self) -> str:
        """What can be read, for messages."""
        if self.roots is None:
            return "files under the folder of the spec, or written out in it"
        named = ", ".join(map(str, self.roots))
        return f"files under the folder of the spec{' or ' if named else ''}{named}"


def _folder_of(pattern: str) -> str:
    """Return the folder in which a glob's first wildcard stands, with its separator."""
    found = _WILDCARD.search(pattern)
    before = pattern[: found.start()] if found else pattern
    return before[: before.rfind("/") + 1] or "/"


def _list(names: Sequence[str]) -> str:
    return "[" + ", ".join(map(literal, dict.fromkeys(names))) + "]"
