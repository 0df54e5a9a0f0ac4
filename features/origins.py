"""Origins: the files that tables are read from, with the hash of each as it was read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from features.fingerprint import fingerprint_bytes
from features.query import absolute_path, connect
from features.seals import hash_file
from features.sources import TableSource

Standing = Literal["same", "grown", "changed", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that a table was read from.

    Attributes
    ----------
    file
        Relative to the project's folder where it lies in it.
    """

    file: str
    n_bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Give the file as a lineage has it."""
        return asdict(self)

    def standing(self, base_directory: Path) -> Standing:
        """Say what has become of the file: a longer one that begins as it did has grown."""
        path = base_directory / self.file
        if not path.is_file():
            return "gone"
        if hash_file(path) == self.sha256:
            return "same"
        longer = path.stat().st_size > self.n_bytes
        begins = longer and fingerprint_bytes(path, self.n_bytes) == self.sha256
        return "grown" if begins else "changed"


def hash_sources(
    sources: Sequence[TableSource], *, base_directory: Path
) -> Mapping[str, tuple[SourceFile, ...]]:
    """Hash the files of every table, one to two seconds per gigabyte.

    A table of a database, or at an address, has none: the snapshot's own hash stands for what came
    from there. So do files whose names SQL computes.
    """
    base = base_directory.resolve()
    return {
        source.name: tuple(_described(path, base) for path in sorted(set(_files(source, base))))
        for source in sources
    }


def _files(source: TableSource, base: Path) -> Iterable[Path]:
    if source.database_table is not None:
        return
    query = source.query
    for name in [str(source.source)] if query is None else query.files:
        if "://" not in name:
            yield from _matching(absolute_path(name, base))


def _matching(pattern: str) -> list[Path]:
    """List files as DuckDB does, whose globs are not quite Python's."""
    with connect() as connection:
        try:
            rows = connection.execute("SELECT file FROM glob($1)", [pattern]).fetchall()
        except duckdb.Error:
            return []
    return [Path(file).resolve() for (file,) in rows]


def _described(path: Path, base: Path) -> SourceFile:
    inside = path.is_relative_to(base)
    return SourceFile(
        file=path.relative_to(base).as_posix() if inside else str(path),
        n_bytes=path.stat().st_size,
        sha256=hash_file(path),
    )
