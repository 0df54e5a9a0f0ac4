"""Course: what the clock had its say in at the end of a search, so that it can be gone again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a search did with the members it had chosen, as far as time allowed.

    Attributes
    ----------
    chosen
        Numbers of the trials that were chosen, before their members were joined.
    joined
        Whether there was time to ask if the members' mean is to be joined, calibrated or decided
        by another threshold.
    stand_ins
        Numbers of members whose final fit failed or had no time: their last fold's model serves
        instead.
    """

    chosen: tuple[int, ...]
    joined: bool = True
    stand_ins: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the course as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Course":
        """Read what `to_dict` gave."""
        return cls(
            chosen=tuple(told["chosen"]),
            joined=told["joined"],
            stand_ins=tuple(told["stand_ins"]),
        )
