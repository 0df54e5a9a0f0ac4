"""Formulas: columns constructed of two numeric ones, named and computed alike wherever used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

Operation = Literal["sum", "difference", "product", "ratio"]
OPERATIONS: tuple[Operation, ...] = ("sum", "difference", "product", "ratio")
_SIGNS = {"sum": "+", "difference": "-", "product": "*", "ratio": "/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A column made of two others; NaN where one of them is, or where it is divided by zero.

    Examples
    --------
    >>> formula = Formula(operation="ratio", left="rooms", right="people")
    >>> formula.name
    'rooms / people'
    >>> formula.of({"rooms": np.array([4.0, 3.0]), "people": np.array([2.0, 0.0])})
    array([ 2., nan])
    """

    operation: Operation
    left: str
    right: str

    @property
    def name(self) -> str:
        """Name the column."""
        return f"{self.left} {_SIGNS[self.operation]} {self.right}"

    def of(self, columns: Mapping[str, Any] | pd.DataFrame) -> np.ndarray:
        """Compute the column, shape `(n_rows,)`."""
        left, right = (np.asarray(columns[name], dtype=float) for name in (self.left, self.right))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            match self.operation:
                case "sum":
                    values = left + right
                case "difference":
                    values = left - right
                case "product":
                    values = left * right
                case _:
                    values = left / right
        return np.where(np.isfinite(values), values, np.nan)

    def to_dict(self) -> dict[str, str]:
        """Give the formula as JSON."""
        return {"operation": self.operation, "left": self.left, "right": self.right}


def with_formulas(X: pd.DataFrame, formulas: Iterable[Formula]) -> pd.DataFrame:
    """Give the columns and, after them, those that the formulas make."""
    made = {formula.name: formula.of(X) for formula in formulas}
    if not made:
        return X
    return pd.concat([X, pd.DataFrame(made, index=X.index)], axis=1)
