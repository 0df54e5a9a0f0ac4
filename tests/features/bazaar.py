"""One world with a column of every kind that a primitive of featuretools takes."""

import uuid
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa

from features.schema import ColumnType, Relationship, Schema, Table
from features.synthesis import ft

N_ROWS = 60
CUTOFFS = (pd.Timestamp("2024-01-20 00:00:01"), pd.Timestamp("2024-02-20 00:00:01"))

LOGICAL = {
    "id": "Categorical",
    "customer": "Categorical",
    "t": "Datetime",
    "n": "Double",
    "m": "Double",
    "whole": "Integer",
    "b": "Boolean",
    "e": "Boolean",
    "maybe": "BooleanNullable",
    "c": "Categorical",
    "d": "Datetime",
    "birth": "Datetime",
    "text": "NaturalLanguage",
    "email": "EmailAddress",
    "url": "URL",
    "postal": "PostalCode",
    "person": "PersonFullName",
    "file": "Filepath",
    "place": "LatLong",
    "other": "LatLong",
}
_KINDS = {
    "Categorical": ColumnType.CATEGORICAL,
    "Datetime": ColumnType.DATETIME,
    "Double": ColumnType.NUMERIC,
    "Integer": ColumnType.NUMERIC,
    "Boolean": ColumnType.BOOLEAN,
    "BooleanNullable": ColumnType.BOOLEAN,
}
_TEXTS = ("The cat's #fun, said @Bob!", "a 'quiet' day", "UPPER lower\tUPPER the The", "x", "")


def frame() -> pd.DataFrame:
    """Rows in the order of their time; nulls wherever a primitive knows what to do with them."""
    rng = np.random.default_rng(7)
    n = N_ROWS
    start = pd.Timestamp("2024-01-01 00:00:01")
    days = rng.uniform(0, 60, n)
    text = rng.choice(_TEXTS, n)
    return pd.DataFrame(
        {
            "id": [f"o{i:02d}" for i in range(n)],
            "customer": rng.choice(["u0", "u1", "u2"], n),
            "t": start + pd.to_timedelta(np.sort(days).round(3), "D").round("min"),
            "n": _with_nulls(rng.normal(0, 3, n).round(2), rng),
            "m": rng.choice([-2.0, 0.0, 0.0, 1.0, 3.0], n),
            "whole": rng.integers(-3, 4, n),
            "b": rng.random(n) < 0.6,
            "e": rng.random(n) < 0.3,
            "maybe": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "c": _with_nulls(rng.choice(["x", "yy", "z"], n).astype(object), rng),
            "d": start + pd.to_timedelta(rng.integers(-9000, 9000, n), "h"),
            "birth": pd.Timestamp("1980-06-15") + pd.to_timedelta(rng.integers(0, 9000, n), "D"),
            "text": text,
            "email": rng.choice(["a@gmail.com", "bob@firm.example", "no address"], n),
            "url": rng.choice(["https://www.w.org/a?b=c", "http://x.co.uk", "ftp://f.net/"], n),
            "postal": rng.choice(["60091", "01234-5678", "99501"], n),
            "person": rng.choice(["Mr. John Doe", "Ann Lee", "Smith, Dr. Jane"], n),
            "file": rng.choice(["/a/b.txt", "c.tar.gz", "none"], n),
            "place": _places(rng),
            "other": _places(rng),
        }
    )


def _places(rng: np.random.Generator) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in rng.uniform(-60, 60, (N_ROWS, 2)).round(3)]


def _with_nulls(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(
        rng.random(len(values)) < 0.15, None if values.dtype == object else np.nan, values
    )


def schema() -> Schema:
    kinds = {name: _KINDS.get(logical, ColumnType.TEXT) for name, logical in LOGICAL.items()}
    kinds |= dict.fromkeys(("id", "customer"), ColumnType.KEY)
    return Schema(
        tables=(
            Table(name="customers", key="id", columns={"id": ColumnType.KEY}),
            Table(name="orders", key="id", columns=kinds, time="t"),
        ),
        relationships=(Relationship.parse("customers.id <- orders.customer"),),
    )


CUSTOMERS = pd.DataFrame({"id": ["u0", "u1", "u2", "u3"]})
"""The last has no orders."""


def tables() -> dict[str, pa.Table]:
    orders = frame()
    for name in ("place", "other"):
        orders[name] = orders[name].astype(str)
    return {
        name: pa.Table.from_pandas(f, preserve_index=False).replace_schema_metadata()
        for name, f in {"customers": CUSTOMERS, "orders": orders}.items()
    }


def entityset() -> ft.EntitySet:
    made = ft.EntitySet(uuid.uuid4().hex)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.add_dataframe(
            dataframe=CUSTOMERS.copy(),
            dataframe_name="customers",
            index="id",
            logical_types={"id": "Categorical"},
        )
        made.add_dataframe(
            dataframe=frame(),
            dataframe_name="orders",
            index="id",
            time_index="t",
            logical_types=LOGICAL,
            semantic_tags={"birth": "date_of_birth"},
        )
        made.add_relationship("customers", "id", "orders", "customer")
    return made
