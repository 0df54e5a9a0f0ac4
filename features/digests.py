"""Digests of columns that come in parts: equal values give one digest, however they are cut."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Digest:
    """A digest of a column of numbers, moments or strings.

    Values are hashed, not buffers: the bytes beneath a null may be anything.
    """

    def __init__(self, kind: str) -> None:
        self._values = hashlib.sha256(kind.encode())
        self._lengths = hashlib.sha256()

    def update(self, array: pa.Array) -> None:
        """Add the next values."""
        there = array.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_string(array.type):
            texts = array.drop_null()
            lengths = np.full(len(array), -1, np.int64)
            lengths[there] = pc.binary_length(texts)
            self._lengths.update(lengths.tobytes())
            joined = pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "")
            self._values.update(joined[0].as_buffer())
        else:
            self._lengths.update(there.tobytes())
            self._values.update(array.fill_null(0).to_numpy(zero_copy_only=False).tobytes())

    def hexdigest(self) -> str:
        """Return the digest of all values so far."""
        both = self._values.digest() + self._lengths.digest()
        return hashlib.sha256(both).hexdigest()
