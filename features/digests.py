"""Digests of columns that come in parts: equal values give one digest, however they are cut."""

import hashlib

import numpy as np
import pyarrow as pa


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
            texts = [text.encode() for text in array.drop_null().to_pylist()]
            lengths = np.full(len(array), -1, np.int64)
            lengths[there] = np.fromiter(map(len, texts), np.int64, len(texts))
            self._lengths.update(lengths.tobytes())
            self._values.update(b"".join(texts))
        else:
            self._lengths.update(there.tobytes())
            self._values.update(array.fill_null(0).to_numpy(zero_copy_only=False).tobytes())

    def hexdigest(self) -> str:
        """Return the digest of all values so far."""
        both = self._values.digest() + self._lengths.digest()
        return hashlib.sha256(both).hexdigest()
