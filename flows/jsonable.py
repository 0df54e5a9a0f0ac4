"""JSON as files hold it: NaN and infinities as null, arrays and times as plain values."""

import json
import math
from typing import Any

import numpy as np


def to_json(content: Any) -> str:
    """Render content as indented JSON."""
    return json.dumps(plain(content), indent=2, default=str) + "\n"


def plain(value: Any) -> Any:
    """Turn what JSON does not have into what it has.

    Examples
    --------
    >>> plain({"a": float("nan"), "b": (1, 2)})
    {'a': None, 'b': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
