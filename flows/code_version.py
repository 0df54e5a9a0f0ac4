"""Code version: which code did something, as far as it can be told."""

import subprocess
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from features.fingerprint import fingerprint, fingerprint_file

PACKAGES = ("features", "models", "monitoring", "flows")
_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersion:
    """The code of a process.

    Attributes
    ----------
    perennial
        Version of the distribution.
    source
        Fingerprint of every Python file of the four packages.
    commit
        Of the checkout that it runs from; None where it is installed.
    changed
        Whether a file differs from that commit.
    """

    perennial: str
    source: str
    commit: str | None = None
    changed: bool = False

    @property
    def sentence(self) -> str:
        """The version in words."""
        if self.commit is None:
            return f"perennial {self.perennial}, source {self.source}"
        changed = " and changes" if self.changed else ""
        return f"perennial {self.perennial}, commit {self.commit[:12]}{changed}"

    def to_json(self) -> dict[str, object]:
        """Give the version as a lineage has it."""
        return asdict(self)


@lru_cache(maxsize=1)
def code_version() -> CodeVersion:
    """Tell the version of the code that runs here."""
    root = Path(__file__).resolve().parent.parent
    try:
        number = version("perennial")
    except PackageNotFoundError:
        number = "unknown"
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    changed = bool(commit and _git(root, "status", "--porcelain", "--untracked-files=no"))
    return CodeVersion(
        perennial=number, source=_source(root), commit=commit or None, changed=changed
    )


def _source(root: Path) -> str:
    files = sorted(path for name in PACKAGES for path in (root / name).rglob("*.py"))
    return fingerprint([(f.relative_to(root).as_posix(), fingerprint_file(f)) for f in files])


def _git(root: Path, *arguments: str) -> str | None:
    """Ask git about a checkout; None where there is no git, or it refuses."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (no shell, fixed arguments)
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
