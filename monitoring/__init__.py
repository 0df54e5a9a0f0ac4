"""From scored windows to a decision: evidence of drift and of performance, with reasons."""
