"""A catalogue with one family that takes too long; see `planted`."""

from planted import Constant, Linear, Sleeper

FAMILIES = {family.name: family for family in (Constant(), Linear(), Sleeper())}
