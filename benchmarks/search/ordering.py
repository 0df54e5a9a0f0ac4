"""Orders: learned greedily from a collection, and what any order is worth at a time.

An order is good when the ensemble of what has been tried so far is good at every time. So the next
variant is the one by which the ensembles gain most for what it costs, averaged over datasets.

References
----------
Streeter, Golovin: An Online Algorithm for Maximizing Submodular Functions (NIPS 2008): gain per
cost, greedily, is near the best schedule for every time at once. Feurer et al.: Auto-Sklearn 2.0
(JMLR 2022), for portfolios built so; here it is the ensemble that counts, not the best model.

Losses are normalised per dataset: 0 is the best single variant, 1 the median one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.search.collection import Table, Tried
from models.ensemble import Limits, OutOfFold, select

START = ("linear", "lightgbm")
"""First in every order: something is there within seconds, and it bounds what is possible."""

MAX_LOSS = 3.0
"""Normalised; what is worse counts as this, so that no dataset decides alone."""

TRIAL_COST = 0.4
"""What a trial takes besides fitting, in terms of the LightGBM default."""

MIXING_ROWS = 500
MIXING = Limits(max_rounds=5)

Order = tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """From losses to normalised ones."""

    best: float
    median: float

    def of(self, loss: float) -> float:
        """Normalise a loss."""
        spread = max(self.median - self.best, 1e-9)
        return float(min((loss - self.best) / spread, MAX_LOSS))


@dataclass
class Ledger:
    """What is known of a dataset while orders are learned: ensembles by the order they grew in."""

    table: Table
    mixed: dict[Order, tuple[Tried, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = self.table
        self._thin, self._kept = _thin(table.rows)
        self._sealed = scale_of(table.losses.values())
        validated = [table.validated_loss(one.validated) for one in table.tried.values()]
        self._validated = scale_of(validated)

    def loss(self, order: Order) -> float:
        """Give the normalised loss of the ensemble that grew in this order."""
        return self._grown(tuple(name for name in order if name in self.table.tried))[1]

    def _grown(self, order: Order) -> tuple[Tried | None, float]:
        if not order:
            return None, MAX_LOSS
        if order not in self.mixed:
            before, added = self._grown(order[:-1])[0], self.table.tried[order[-1]]
            mixture = added if before is None else self._mix(before, added)
            loss = self._sealed.of(self.table.sealed_loss(mixture.sealed))
            loss += self._validated.of(self.table.validated_loss(mixture.validated))
            self.mixed[order] = mixture, loss / 2
        return self.mixed[order]

    def _mix(self, before: Tried, added: Tried) -> Tried:
        both = {0: before.validated[self._kept], 1: added.validated[self._kept]}
        weights = select(both, self._thin, self.table.problem.scoring, MIXING).weights
        share = weights.get(1, 0.0)
        return Tried(
            seconds=before.seconds + added.seconds,
            validated=(1 - share) * before.validated + share * added.validated,
            sealed=(1 - share) * before.sealed + share * added.sealed,
        )


def scale_of(losses: Iterable[float]) -> Scale:
    """Make the scale of a dataset from its variants' losses."""
    known = np.array(list(losses))
    return Scale(best=float(known.min()), median=float(np.median(known)))


def relative_costs(tables: Sequence[Table]) -> dict[str, float]:
    """Give what each variant costs in terms of the LightGBM default, as a geometric mean."""
    ratios: dict[str, list[float]] = {}
    for table in tables:
        unit = table.tried["lightgbm"].seconds
        for name, one in table.tried.items():
            ratios.setdefault(name, []).append(np.log(one.seconds / unit))
    return {name: float(np.exp(np.mean(found))) for name, found in ratios.items()}


def learn_order(
    ledgers: Mapping[str, Ledger],
    weights: Mapping[str, float],
    names: Sequence[str],
    *,
    length: int,
    thrift: float = 1.0,
) -> list[tuple[str, float]]:
    """Learn an order; with each variant the normalised loss gained by it.

    Parameters
    ----------
    weights
        Of the datasets, by name; those without one do not count.
    names
        Variants to choose from.
    thrift
        Power of the cost that a gain is divided by.
    """
    total = sum(weights.values())
    costs = relative_costs([ledgers[name].table for name in weights])

    def loss(order: Order) -> float:
        return sum(share * ledgers[name].loss(order) for name, share in weights.items()) / total

    alone = {
        name: sum(share * ledgers[of].loss((name,)) for of, share in weights.items())
        for name in names
    }
    order: Order = ()
    now, found = MAX_LOSS, []
    while len(order) < min(length, len(names)):
        left = [name for name in names if name not in order and name in costs]
        if len(order) < len(START):
            left = [START[len(order)]]
        if not left:
            break
        gains = {name: now - loss((*order, name)) for name in left}
        worth = {
            name: gain * (TRIAL_COST + costs[name]) ** (-thrift if gain > 0 else thrift)
            for name, gain in gains.items()
        }
        # Where nothing is gained any more, the best alone come first.
        added = max(worth, key=lambda name: (round(worth[name], 4), -alone[name], name))
        order, now = (*order, added), now - gains[added]
        found.append((added, gains[added]))
    return found


def value_over_time(table: Table, order: Sequence[str], budgets: Sequence[float]) -> list[float]:
    """Give the normalised sealed loss of the ensemble after each budget.

    Parameters
    ----------
    budgets
        Processor seconds in terms of what the LightGBM default costs on this dataset.
    """
    scale, unit = scale_of(table.losses.values()), table.tried["lightgbm"].seconds
    known = [name for name in order if name in table.tried]
    ends = np.cumsum([table.tried[name].seconds / unit + TRIAL_COST for name in known])
    losses: dict[int, float] = {0: MAX_LOSS}
    for n_done in sorted({int((ends <= budget).sum()) for budget in budgets} - {0}):
        losses[n_done] = scale.of(table.sealed_loss(ensemble(table, known[:n_done])))
    return [losses[int((ends <= budget).sum())] for budget in budgets]


def ensemble(table: Table, names: Sequence[str], limits: Limits | None = None) -> np.ndarray:
    """Predict the sealed rows by the ensemble that a search would choose among variants."""
    tried = dict(enumerate(names))
    validated = {number: table.tried[name].validated for number, name in tried.items()}
    weights = select(validated, table.rows, table.problem.scoring, limits).weights
    return np.asarray(sum(w * table.tried[tried[n]].sealed for n, w in weights.items()))


def _thin(rows: OutOfFold) -> tuple[OutOfFold, np.ndarray]:
    """Give evenly spaced rows of each block, and their positions."""
    step = max(1, len(rows.y) // MIXING_ROWS)
    starts = np.cumsum((0, *rows.sizes[:-1]))
    parts = [np.arange(s, s + size, step) for s, size in zip(starts, rows.sizes, strict=True)]
    kept = np.concatenate(parts)
    return OutOfFold(y=rows.y[kept], sizes=tuple(len(part) for part in parts)), kept
