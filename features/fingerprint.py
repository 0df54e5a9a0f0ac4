"""Fingerprints: short, stable names for content, used as cache keys, versions and tags."""

import hashlib
import json
from pathlib import Path

LENGTH = 16
"""Hexadecimal digits kept of a SHA-256: 64 bits, so a billion artefacts collide by chance
less than once in 30 projects."""

_BLOCK_BYTES = 1 << 20


def fingerprint(content: object) -> str:
    """Name JSON-able content by the SHA-256 of its canonical JSON.

    Parameters
    ----------
    content
        Anything `json.dumps` takes; mappings are ordered by key, other objects by `str`.

    Returns
    -------
    str
        `LENGTH` hexadecimal digits.

    Examples
    --------
    >>> fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def fingerprint_file(path: Path) -> str:
    """Name a file by the SHA-256 of its bytes (all 64 digits, for tamper checks)."""
    return fingerprint_bytes(path, path.stat().st_size)


def fingerprint_bytes(path: Path, n_bytes: int) -> str:
    """Name the first bytes of a file by their SHA-256."""
    digest, left = hashlib.sha256(), n_bytes
    with path.open("rb") as file:
        while block := file.read(min(left, _BLOCK_BYTES)):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()
