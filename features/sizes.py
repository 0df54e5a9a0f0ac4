"""Sizes in bytes, as people write them."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from features.errors import FeatureError

_UNITS: Mapping[str, int] = MappingProxyType(
    {"": 1, "b": 1}
    | {f"{prefix}b": 1000**i for i, prefix in enumerate("kmgt", start=1)}
    | {f"{prefix}ib": 1024**i for i, prefix in enumerate("kmgt", start=1)}
)
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_bytes(size: int | str) -> int:
    """Read a number of bytes, such as 4000000000, "4GB" or "512 MiB".

    Raises
    ------
    FeatureError
        When it is neither, or not above zero.

    Examples
    --------
    >>> parse_bytes("4GB"), parse_bytes("1.5 KiB")
    (4000000000, 1536)
    >>> parse_bytes("plenty")
    Traceback (most recent call last):
    ...
    features.errors.FeatureError: Expected a size such as '4GB', '512 MiB' or a number of bytes, \
got 'plenty'.
    """
    match = _SIZE.fullmatch(str(size))
    scale = _UNITS.get(match[2].lower(), 0) if match else 0
    n_bytes = int(float(match[1]) * scale) if match else 0
    if n_bytes < 1:
        raise FeatureError(
            f"Expected a size such as '4GB', '512 MiB' or a number of bytes, got {size!r}."
        )
    return n_bytes
