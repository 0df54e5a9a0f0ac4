"""A small shop to run the whole loop on: customers, their orders, and a question about them.

Each customer orders at a rate of their own, so the past says much about the future and the
customer's own columns say little.
"""

from pathlib import Path

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01")
DAYS = 210

SPEC = """
project: shop
tables:
  customers: {source: data/customers.csv, key: customer_id, time: joined_at}
  orders:
    source: data/orders.csv
    key: order_id
    time: ordered_at
    known_at: {delivered_at: [delivery_days]}
relationships: [customers.customer_id <- orders.customer_id]
target:
  question: Will this customer order within the next two weeks?
  entity: customers
  labels: |
    WITH asked AS (
      SELECT customer_id, unnest(generate_series(
        TIMESTAMP '2024-02-01', TIMESTAMP '2024-07-15', INTERVAL 7 DAY)) AS cutoff_time
      FROM customers
    ), horizon AS (SELECT max(ordered_at) AS seen FROM orders)
    SELECT asked.customer_id, cutoff_time,
           CASE WHEN cutoff_time + INTERVAL 14 DAY <= any_value(seen)
                THEN count(order_id) > 0 END AS label,
           cutoff_time + INTERVAL 14 DAY AS label_time
    FROM asked CROSS JOIN horizon
    LEFT JOIN orders ON orders.customer_id = asked.customer_id
      AND ordered_at > cutoff_time AND ordered_at <= cutoff_time + INTERVAL 14 DAY
    GROUP BY asked.customer_id, cutoff_time
  task: binary
  metric: roc_auc
features: {depth: 2, windows: [14d], max_features: 40}
search: {max_seconds: 120, max_trials: 4, seed: 0}
monitoring: {window: 28d, cooldown: 7d, min_rows: 50}
"""


def write_shop(folder: Path, *, n_customers: int = 120, seed: int = 0, turned_at: str = "") -> Path:
    """Write spec and data; the same seed gives the same files.

    From the day `turned_at` on, who ordered most orders least and the other way round.
    """
    rng = np.random.default_rng(seed)
    (folder / "data").mkdir(parents=True)
    customers, orders = make_tables(rng, n_customers)
    if turned_at:
        orders = turn(orders, pd.Timestamp(turned_at))
    customers.to_csv(folder / "data" / "customers.csv", index=False)
    orders.to_csv(folder / "data" / "orders.csv", index=False)
    (folder / "perennial.yaml").write_text(SPEC)
    return folder


def make_tables(rng: np.random.Generator, n_customers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the customers and their orders."""
    rates = rng.gamma(1.0, 0.06, n_customers)
    customers = pd.DataFrame(
        {
            "customer_id": np.arange(1, n_customers + 1),
            "region": rng.choice(["north", "south", "west"], n_customers),
            "age": rng.integers(18, 80, n_customers),
            "joined_at": START - pd.to_timedelta(rng.integers(0, 300, n_customers), "D"),
        }
    )
    counts = rng.poisson(rates * DAYS)
    owners = np.repeat(customers["customer_id"].to_numpy(), counts)
    moments = START + pd.to_timedelta(rng.uniform(0, DAYS * 1440, len(owners)).round(), "min")
    delays = rng.integers(1, 9, len(owners))
    orders = pd.DataFrame(
        {
            "order_id": np.arange(len(owners)),
            "customer_id": owners,
            "ordered_at": moments,
            "amount": rng.lognormal(3, 0.7, len(owners)).round(2),
            "delivered_at": moments + pd.to_timedelta(delays, "D"),
            "delivery_days": delays,
        }
    )
    return customers, orders.sort_values(["ordered_at", "order_id"], ignore_index=True)


def turn(orders: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Give each customer the orders of the one at the other end of the ranking."""
    ranked = orders["customer_id"].value_counts(ascending=True).index.to_numpy()
    other = dict(zip(ranked, ranked[::-1], strict=True))
    later = orders["ordered_at"] >= moment
    turned = orders.copy()
    turned.loc[later, "customer_id"] = orders.loc[later, "customer_id"].map(other)
    return turned
