"""Worlds to judge challengers in: rows that are simulated, so that the truth is known.

Rows come by days and by customers. A day is easy or hard for everybody, a customer is so for good,
and both may move the labels in ways that no model sees. Sealed rows are drawn from the same world
as training rows, and later rows, on which a promotion is judged in the end, as well.
"""

from dataclasses import dataclass

import numpy as np

from models.promotion import SealedRows
from models.task import Problem

N_COLUMNS = 8
FIRST = np.datetime64("2024-01-01", "us")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What rows are like.

    Attributes
    ----------
    n_days, n_rows, n_customers
        Of a set of rows; no customers: each row is about somebody else.
    of_day, of_customer
        Spread of what a day and a customer add to the log odds, unseen by models.
    """

    n_days: int = 30
    n_rows: int = 900
    n_customers: int = 0
    of_day: float = 0.5
    of_customer: float = 0.0

    def draw(self, rng: np.random.Generator) -> "Rows":
        """Draw a set of rows."""
        X = rng.normal(size=(self.n_rows, N_COLUMNS))
        day = np.sort(rng.integers(0, self.n_days, self.n_rows))
        customer = np.arange(self.n_rows)
        if self.n_customers:
            customer = rng.integers(0, self.n_customers, self.n_rows)
        odds = X @ SLOPES - 0.8 + 0.7 * X[:, 0] * X[:, 1]
        odds = odds + self.of_day * rng.normal(size=self.n_days)[day]
        odds += self.of_customer * rng.normal(size=customer.max() + 1)[customer]
        y = (rng.random(self.n_rows) < 1 / (1 + np.exp(-odds))).astype(int)
        return Rows(X=X, y=y, day=day, customer=customer, odds=odds)


SLOPES = np.array([0.9, -0.7, 0.5, 0.4, -0.3, 0.2, 0.0, 0.0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows of a world, with the log odds behind their labels."""

    X: np.ndarray
    y: np.ndarray
    day: np.ndarray
    customer: np.ndarray
    odds: np.ndarray

    def sealed(self, metric: str) -> SealedRows:
        """Give them as promotion takes them."""
        return SealedRows(
            problem=Problem(task="binary", metric=metric),
            y=self.y,
            cutoff_time=FIRST + self.day.astype("timedelta64[D]"),
            entity=self.customer,
        )


WORLDS = {
    "rows of their own": World(of_day=0.0),
    "days": World(of_day=0.7),
    "12 days": World(n_days=12, of_day=0.7),
    "customers": World(n_customers=80, of_day=0.3, of_customer=0.9),
    "days and customers": World(n_customers=60, of_day=0.9, of_customer=0.9),
}
