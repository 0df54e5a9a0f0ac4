"""Seals: the hash of every file of an artefact in one file beside them, which vouches for itself.

    artefact/…            files
    artefact/_seal.json   their SHA-256, and the SHA-256 of that list

Whoever reads an artefact checks its seal first, and refuses what is not as it was written.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from features.durable import write_text
from features.errors import DamageError
from features.fingerprint import fingerprint_file

SEAL = "_seal.json"
"""Arrow and Spark leave names that begin so out when they read a directory."""

MAX_REMEMBERED = 1 << 16
"""Files whose hash is remembered in this process, as long as nobody writes to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A file that is not as it was written."""

    path: Path
    kind: Literal["changed", "missing"]

    @property
    def sentence(self) -> str:
        """What is wrong, in words."""
        return "is gone" if self.kind == "missing" else "was changed after it was written"


def seal(directory: Path) -> str:
    """Write the seal of all files in a directory, replacing an earlier one; give its SHA-256."""
    files = {
        path.relative_to(directory).as_posix(): fingerprint_file(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path != directory / SEAL
    }
    write_text(directory / SEAL, render({"files": files}))
    return fingerprint_file(directory / SEAL)


def is_sealed(directory: Path) -> bool:
    """Say whether a directory has a seal: what was written before there were seals has none."""
    return (directory / SEAL).is_file()


def check_seal(directory: Path, names: Iterable[str] | None = None) -> None:
    """Refuse a sealed directory of which a file was changed; files it does not name do not count.

    Parameters
    ----------
    names
        Files to look at, relative to the directory; None for all.

    Raises
    ------
    DamageError
        Names the first file that is not as it was sealed.
    """
    for damage in find_damage(directory, names):
        raise DamageError.of(damage.path, damage.sentence)


def find_damage(directory: Path, names: Iterable[str] | None = None) -> Iterator[Damage]:
    """Yield the files of a sealed directory that are not as they were sealed.

    Raises
    ------
    DamageError
        When there is no seal.
    """
    path = directory / SEAL
    try:
        sealed: Mapping[str, str] = parse(path.read_text(encoding="utf-8"))["files"]
    except FileNotFoundError as error:
        raise DamageError.of(path, "is gone") from error
    except (ValueError, KeyError, TypeError):
        yield Damage(path=path, kind="changed")
        return
    for name in sealed if names is None else names:
        if name in sealed:
            yield from compare(directory / name, sealed[name])


def compare(path: Path, sha256: str) -> Iterator[Damage]:
    """Yield the damage of one file, if it has any."""
    try:
        found = hash_file(path)
    except FileNotFoundError:
        yield Damage(path=path, kind="missing")
        return
    if found != sha256:
        yield Damage(path=path, kind="changed")


def render(content: Mapping[str, Any]) -> str:
    """Write JSON that no byte of which can be changed unseen: `parse` compares it with its hash."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({**content, "sha256": sha256}, indent=1, sort_keys=True) + "\n"


def parse(text: str) -> dict[str, Any]:
    """Read what `render` wrote.

    Raises
    ------
    ValueError
        When it is not what was written.

    Examples
    --------
    >>> parse(render({"files": {"a.txt": "00"}}))
    {'files': {'a.txt': '00'}}
    >>> parse(render({"files": {"a.txt": "00"}}).replace("00", "01"))
    Traceback (most recent call last):
    ...
    ValueError: expected the text as it was written, its hash differs
    """
    content: dict[str, Any] = json.loads(text)
    given = {name: value for name, value in content.items() if name != "sha256"}
    if text != render(given):
        raise ValueError("expected the text as it was written, its hash differs")
    return given


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file, at once when this process has hashed it since it was written.

    NOTE: a file is known again by inode, size and times of change, as any write alters them. What
    a failing disk does to a file that was read already is found by the next process.
    """
    stat = path.stat()
    written = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return _hash_once(str(path.resolve()), written)


@lru_cache(maxsize=MAX_REMEMBERED)
def _hash_once(path: str, _written: tuple[int, ...]) -> str:
    return fingerprint_file(Path(path))
