"""Drivers: what an ensemble looks at, from single columns to whole source tables."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from models.attribution import Attribution, SourceShare, attribute, roll_up
from models.attribution.attributing import Scale
from models.attribution.rollup import Sources
from models.dependence import Dependence, partial_dependence
from models.serving import EnsembleModel

MAX_ROWS = 300
"""Rows whose predictions are taken apart."""

N_BACKGROUND = 100
N_COLUMNS = 30
N_DEPENDENCES = 6
CLEAR = 0.3
"""Rank correlation from which on a column is said to push up or down as it grows."""


class Driver(NamedTuple):
    """A column and the mean size of what it adds to predictions.

    `trend` is the rank correlation of its values with that, above zero where greater values push
    up; 0 where the column is no number.
    """

    column: str
    strength: float
    trend: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """What an ensemble looks at.

    Attributes
    ----------
    scale
        Of what columns add: see `models.attribution`.
    exact
        Share of the ensemble's weight that was taken apart exactly, not by sampling.
    n_rows
        Rows that were taken apart.
    columns
        The strongest, largest first.
    sources
        Columns of the source tables, with their share of all that is added, largest first.
    dependence
        How the answer depends on the strongest columns.
    """

    scale: Scale
    exact: float
    n_rows: int
    columns: tuple[Driver, ...]
    sources: tuple[SourceShare, ...]
    dependence: tuple[Dependence, ...]

    @property
    def tables(self) -> tuple[tuple[str, float], ...]:
        """Name the source tables with their shares, largest first."""
        shares: dict[str, float] = {}
        for source in self.sources:
            shares[source.table] = shares.get(source.table, 0.0) + source.share
        return tuple(sorted(shares.items(), key=lambda item: -item[1]))

    def to_dict(self) -> dict[str, Any]:
        """Give the drivers as JSON."""
        plain = asdict(self)
        plain["columns"] = [list(each) for each in self.columns]
        plain["sources"] = [list(each) for each in self.sources]
        plain["dependence"] = [each.to_dict() for each in self.dependence]
        return plain

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Drivers":
        """Read what `to_dict` gave."""
        read: dict[str, Any] = dict(content)
        read["columns"] = tuple(Driver(*each) for each in content["columns"])
        read["sources"] = tuple(SourceShare(*each) for each in content["sources"])
        read["dependence"] = tuple(Dependence.from_dict(each) for each in content["dependence"])
        return cls(**read)


def find_drivers(
    model: EnsembleModel,
    X: pd.DataFrame,
    sources: Sources,
    *,
    seed: int = 0,
    max_seconds: float = 10.0,
) -> Drivers:
    """Say what an ensemble looks at on rows it was not fitted on.

    Parameters
    ----------
    sources
        Table and column of everything that a column is computed from.
    max_seconds
        Fewer rows and columns are looked at where it does not suffice.
    """
    deadline = time.monotonic() + max_seconds
    order = np.random.default_rng(seed).permutation(len(X))
    few, background = order[:MAX_ROWS], order[-N_BACKGROUND:]
    found = attribute(
        model, X.iloc[few], X.iloc[background], seed=seed, max_seconds=max_seconds / 2
    )
    columns = _ranked(found, X.iloc[few[: len(found.values)]])
    left = max(deadline - time.monotonic(), 0.0)
    strongest = [each.column for each in columns[:N_DEPENDENCES]]
    return Drivers(
        scale=found.scale,
        exact=found.exact,
        n_rows=len(found.values),
        columns=columns[:N_COLUMNS],
        sources=roll_up({each.column: each.strength for each in columns}, sources),
        dependence=partial_dependence(model, X, strongest, seed=seed, max_seconds=left),
    )


def _ranked(found: Attribution, rows: pd.DataFrame) -> tuple[Driver, ...]:
    drivers = [
        Driver(name, float(strength), _trend(rows[name], found.values[:, place]))
        for place, (name, strength) in enumerate(zip(found.columns, found.strength, strict=True))
        if strength > 0
    ]
    return tuple(sorted(drivers, key=lambda driver: -driver.strength))


def _trend(values: pd.Series, added: np.ndarray) -> float:
    """Correlate ranks of known numbers with what they add."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return 0.0
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(numbers)
    if known.sum() < 3 or np.ptp(numbers[known]) == 0 or np.ptp(added[known]) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(numbers[known]), rankdata(added[known]))[0, 1])
