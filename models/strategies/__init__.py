"""Ways to choose the next candidate."""

from models.strategies.listed import Listed
from models.strategies.strategy import Proposal, Strategy
from models.strategies.tpe import Tpe

__all__ = ["Listed", "Proposal", "Strategy", "Tpe"]
