"""Small relational worlds for Hypothesis: schema, tables, and (key, cutoff) rows to ask about."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from features.schema import ColumnType, Relationship, Schema, Table

EPOCH = pd.Timestamp("2024-02-26 00:00:01")
"""NOTE: one second past the minute, because featuretools chooses the unit of a trend by the
roundness of its first timestamp; from this epoch it is always seconds."""

SHAPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "one": (("a",), ()),
    "pair": (("a", "b"), ("a.a_id <- b.to_a",)),
    "chain": (("a", "b", "c"), ("a.a_id <- b.to_a", "b.b_id <- c.to_b")),
    "star": (("a", "b", "c"), ("a.a_id <- b.to_a", "a.a_id <- c.to_a")),
    "parents": (("a", "b", "c"), ("a.a_id <- c.to_a", "b.b_id <- c.to_b")),
    "two_paths": (("a", "b"), ("a.a_id <- b.to_a", "a.a_id <- b.also_to_a")),
    "diamond": (
        ("a", "b", "c", "d"),
        ("a.a_id <- b.to_a", "a.a_id <- c.to_a", "b.b_id <- d.to_b", "c.c_id <- d.to_c"),
    ),
}

_NUMBERS = st.one_of(
    st.none(),
    st.integers(-3, 3).map(float),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3)),
)
_BOOLEANS = st.sampled_from([None, True, False])
_USUALLY = st.sampled_from([True, True, False])
_CATEGORIES = st.sampled_from([None, "x", "y", "z", "é"])


STRANGE = {
    "late_parents": True,
    "hidden_links": True,
    "known_without_time": True,
    "orphan_times": True,
}
"""Options of `worlds` that featuretools has no answer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A schema with data, and questions to ask of it."""

    schema: Schema
    frames: Mapping[str, pd.DataFrame]
    target: str
    rows: pd.DataFrame

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The frames as Arrow tables, without pandas' metadata."""
        return {
            name: pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
            for name, frame in self.frames.items()
        }

    def replace_frames(self, frames: Mapping[str, pd.DataFrame]) -> "World":
        """The same questions of other data."""
        return World(schema=self.schema, frames=frames, target=self.target, rows=self.rows)


def hours(values: list[int | None], minutes: int = 0) -> pd.Series:
    """Hours since the epoch as timestamps."""
    offset = pd.Timedelta(minutes=minutes)
    times = [pd.NaT if v is None else EPOCH + pd.Timedelta(hours=v) + offset for v in values]
    return pd.Series(times, dtype="datetime64[us]")


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    late_parents: bool = False,
    hidden_links: bool = False,
    known_without_time: bool = False,
    orphan_times: bool = False,
    shapes: tuple[str, ...] = tuple(SHAPES),
) -> World:
    """Draw a world.

    Parameters
    ----------
    late_parents
        Whether a parent may become visible after its children.
    hidden_links
        Whether a foreign key may itself be known only later.
    known_without_time
        Whether a table without a time may have columns with one.
    orphan_times
        Whether a value may be there whose known-at time is null, or is a cutoff to the second
        (featuretools has it known only after that).
    """
    names, texts = draw(st.sampled_from(shapes).flatmap(_shape))
    relationships = tuple(Relationship.parse(text) for text in texts)
    tables, frames = [], {}
    for level, name in enumerate(names):
        links = [r for r in relationships if r.child == name]
        table = draw(_tables(name, links, hidden_links, known_without_time))
        earliest = 0 if late_parents else 24 * level
        frames[name] = draw(_frames(table, links, frames, earliest, orphan_times))
        tables.append(table)
    target = draw(st.sampled_from(names))
    key = f"{target}_id"
    keys = frames[target][key].tolist()
    asked = draw(
        st.lists(
            st.tuples(st.sampled_from(keys), st.integers(0, 4 * (len(names) + 2))),
            min_size=1,
            max_size=6,
        )
    )
    rows = pd.DataFrame(
        {key: [k for k, _ in asked], "cutoff_time": hours([6 * h for _, h in asked])}
    )
    rows[key] = rows[key].astype(frames[target][key].dtype)
    schema = Schema(tables=tuple(tables), relationships=relationships)
    return World(schema=schema, frames=frames, target=target, rows=rows)


def _shape(name: str) -> st.SearchStrategy[tuple[tuple[str, ...], tuple[str, ...]]]:
    return _any_shape() if name == "any" else st.just(SHAPES[name])


@st.composite
def _any_shape(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Up to six tables, each below one or two of those before it, or twice below one."""
    names = tuple("abcdef"[: draw(st.integers(2, 6))])
    texts = []
    for i, child in enumerate(names[1:], start=1):
        parents = draw(st.lists(st.sampled_from(names[:i]), min_size=1, max_size=2))
        for k, parent in enumerate(parents):
            texts.append(f"{parent}.{parent}_id <- {child}.to_{parent}{k or ''}")
    return names, tuple(texts)


@st.composite
def _tables(
    draw: st.DrawFn,
    name: str,
    links: list[Relationship],
    hidden_links: bool,
    known_without_time: bool,
) -> Table:
    columns = {f"{name}_id": ColumnType.KEY} | {r.child_column: ColumnType.KEY for r in links}
    columns |= {
        f"{name}_n": ColumnType.NUMERIC,
        f"{name}_b": ColumnType.BOOLEAN,
        f"{name}_c": ColumnType.CATEGORICAL,
    }
    time, known_at = None, {}
    if draw(st.booleans()):
        columns[f"{name}_d"] = ColumnType.DATETIME
    if draw(_USUALLY):
        time = f"{name}_t"
        columns[time] = ColumnType.DATETIME
    if (time or known_without_time) and draw(_USUALLY):
        later = {f"{name}_ln": ColumnType.NUMERIC, f"{name}_lb": ColumnType.BOOLEAN}
        later |= {f"{name}_lc": ColumnType.CATEGORICAL}
        columns |= {f"{name}_k": ColumnType.DATETIME} | later
        hidden = [r.child_column for r in links[:1]] if hidden_links and draw(_USUALLY) else []
        known_at = {f"{name}_k": (*later, *hidden)}
    return Table(name=name, key=f"{name}_id", columns=columns, time=time, known_at=known_at)


@st.composite
def _frames(
    draw: st.DrawFn,
    table: Table,
    links: list[Relationship],
    parents: Mapping[str, pd.DataFrame],
    earliest: int,
    orphan_times: bool,
) -> pd.DataFrame:
    n = draw(st.integers(1, 4 + 2 * len(links)))

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=n, max_size=n))

    # NOTE: keys ascend with the rows: featuretools breaks ties of time by key, we by place.
    keys = list(range(n)) if draw(st.booleans()) else [f"{table.name}{i:02d}" for i in range(n)]
    data: dict[str, object] = {f"{table.name}_id": keys}
    for link in links:
        known = parents[link.parent][link.parent_column].tolist()
        strange = 99 if isinstance(known[0], int) else "nobody"
        values = column(st.sampled_from([*known, *known, None, strange]))
        data[link.child_column] = pd.array(
            values, dtype="Int64" if isinstance(known[0], int) else "string"
        )
    times = column(st.one_of(st.integers(0, 5).map(lambda h: earliest + 6 * h), st.none()))
    for name, kind in table.columns.items():
        if name in data:
            continue
        if name == table.time:
            data[name] = hours(times)
        elif name in table.known_at:
            delays = column(st.one_of(st.integers(-2, 10).map(lambda h: 6 * h), st.none()))
            later = [
                None if d is None else (t or earliest) + d
                for t, d in zip(times, delays, strict=True)
            ]
            data[name] = hours(later, minutes=0 if orphan_times else 30)
        elif kind is ColumnType.DATETIME:
            data[name] = hours(column(st.one_of(st.integers(-2000, 2000), st.none())), minutes=7)
        elif kind is ColumnType.NUMERIC:
            data[name] = pd.Series(column(_NUMBERS), dtype="float64")
        elif kind is ColumnType.BOOLEAN:
            data[name] = pd.array(column(_BOOLEANS), dtype="boolean")
        else:
            data[name] = pd.array(column(_CATEGORIES), dtype="string")
    frame = pd.DataFrame(data)
    if not orphan_times:
        for moment, hidden in table.known_at.items():
            unknown = frame[moment].isna().to_numpy()
            for name in hidden:
                frame.loc[unknown, name] = np.nan if frame[name].dtype == "float64" else pd.NA
    return frame
