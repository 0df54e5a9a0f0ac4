"""Point-in-time values of feature definitions: `compute_matrix(plan, snapshot, rows)`.

Definitions are read and lowered to a graph (`definitions`, `lower`, `graph`, `calls`, `windows`);
child tables are ordered and ranged (`tables`, `ranges`, `reach`, `pairs`); compiled kernels read
the ranges (`moments`, `counting`, `primitives`, `views`), and featuretools' own functions where
there is none (`fallback`, `series`); `evaluate` puts them together (`statics`, `mapping`,
`scanning`, `aggregating`), `execute` makes the matrix. `explain` says which way a feature takes.
"""

from features.engine.execute import compute_matrix

__all__ = ["compute_matrix"]
