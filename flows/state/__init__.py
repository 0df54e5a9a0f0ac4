"""The ledger: what ran, what was promoted, scored, decided, and what is still to be sent."""

from flows.state.ledger import Ledger, open_ledger
from flows.state.records import Batch, DecisionRow, OutboxRow, Promotion, RunRow

__all__ = ["Batch", "DecisionRow", "Ledger", "OutboxRow", "Promotion", "RunRow", "open_ledger"]
