"""Point-in-time values of feature definitions: `compute_matrix(plan, snapshot, rows)`.

Definitions are lowered to a graph (`lower`, `graph`), child tables are ordered and ranged
(`tables`, `ranges`, `pairs`), compiled kernels read the ranges (`moments`, `counting`), and
primitives put them together (`primitives`, `views`, `evaluate`, `execute`).
"""

from features.engine.execute import compute_matrix

__all__ = ["compute_matrix"]
