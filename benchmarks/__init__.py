"""Timings of Perennial's parts, by package."""
