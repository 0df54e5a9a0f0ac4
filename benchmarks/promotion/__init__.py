"""Benchmarks of promotion: many processes that ask at once, and die."""
