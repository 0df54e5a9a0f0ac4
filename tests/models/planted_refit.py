"""A catalogue with one family that takes too long; see `planted`."""

from planted import Constant, RefitSleeper

FAMILIES = {family.name: family for family in (Constant(), RefitSleeper())}
