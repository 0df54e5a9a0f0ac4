"""Digests of columns that come in parts: equal values give one digest, however they are cut."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Digest:
    """A digest of a column of numbers, moments or strings.

    Values are hashed, not buffers: the bytes beneath a null may be anything.
    """

    def __init__(self, kind: str) -> None:
        self._values = hashlib.sha256(kind.encode())
        self._lengths = hashlib.sha256()
        self._nulls = hashlib.sha256()
        self._n_rows = 0

    def update(self, array: pa.Array) -> None:
        """Add the next values; a null number is hashed as NaN."""
        first, self._n_rows = self._n_rows, self._n_rows + len(array)
        if pa.types.is_floating(array.type):
            self._add(array.to_numpy(zero_copy_only=False))
            return
        if array.null_count:
            nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((nulls + first).tobytes())
        if pa.types.is_string(array.type):
            texts = array.drop_null()
            self._lengths.update(pc.binary_length(texts).to_numpy().tobytes())
            joined = pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "")
            self._values.update(joined[0].as_buffer())
        else:
            filled = array.fill_null(0) if array.null_count else array
            self._add(filled.to_numpy(zero_copy_only=False))

    def _add(self, values: npt.NDArray[Any]) -> None:
        self._values.update(np.ascontiguousarray(values).view(np.uint8).data)

    def hexdigest(self) -> str:
        """Return the digest of all values so far."""
        parts = [self._values.digest(), self._lengths.digest(), self._nulls.digest()]
        return hashlib.sha256(b"".join(parts) + str(self._n_rows).encode()).hexdigest()
