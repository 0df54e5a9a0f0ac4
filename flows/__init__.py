"""The loop: the spec, the ledger, and the flows that join features, models and monitoring."""
