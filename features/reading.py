"""All tables of a project as of one moment: read in order, typed, checked against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from features.checks import check_key_types
from features.schema import Relationship
from features.sources import TableSource, in_reading_order, read_source
from features.visibility import VisibleTable, as_of


def read_tables(
    sources: Sequence[TableSource],
    relationships: Sequence[Relationship],
    base_directory: Path,
    now: pd.Timestamp,
    roots: tuple[Path, ...] | None = None,
) -> dict[str, VisibleTable]:
    """Read every table as `now` sees it; SQL may name the tables that it is made of."""
    visible: dict[str, VisibleTable] = {}
    for source in in_reading_order(sources):
        known = {name: table.rows for name, table in visible.items()}
        raw = read_source(source, base_directory=base_directory, tables=known, roots=roots)
        visible[source.name] = as_of(source, raw, relationships, now=now)
    for relationship in relationships:
        child = _with_typed_nulls(relationship, visible)
        visible[relationship.child] = replace(visible[relationship.child], rows=child)
    check_key_types(relationships, {name: table.rows for name, table in visible.items()})
    return visible


def _with_typed_nulls(link: Relationship, visible: Mapping[str, VisibleTable]) -> pa.Table:
    """Give a foreign key without any value the type of the key: its own was a guess."""
    parent, child = visible[link.parent].rows, visible[link.child].rows
    index = child.column_names.index(link.child_column)
    if child.column(index).null_count < child.num_rows:
        return child
    nulls = pa.nulls(child.num_rows, parent.schema.field(link.parent_column).type)
    return child.set_column(index, link.child_column, nulls)
