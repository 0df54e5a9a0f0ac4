"""What may go wrong in the spec, the ledger or a flow, each with one clear message."""


class FlowError(Exception):
    """Base of everything `flows` refuses: says what was expected, what came, what to do."""


class DeliveryError(FlowError):
    """Nobody could be handed a retrain now; it waits in the outbox."""
