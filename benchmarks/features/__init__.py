"""Benchmarks of feature selection; see RESULTS.md."""
