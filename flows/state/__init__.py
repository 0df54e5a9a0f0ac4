"""The ledger: what ran, what was promoted, scored, decided, and what is still to be sent."""

from flows.state.chain import Standing, challengers_of, standing_of
from flows.state.leases import Lease
from flows.state.ledger import Ledger, open_ledger
from flows.state.records import (
    Batch,
    DecisionRow,
    OutboxRow,
    Promotion,
    RunRow,
    prediction_id,
)

__all__ = [
    "Batch",
    "DecisionRow",
    "Lease",
    "Ledger",
    "OutboxRow",
    "Promotion",
    "RunRow",
    "Standing",
    "challengers_of",
    "open_ledger",
    "prediction_id",
    "standing_of",
]
