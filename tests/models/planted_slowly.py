"""A catalogue with one family that takes too long; see `planted`."""

from planted import Constant, SlowLinear

FAMILIES = {family.name: family for family in (Constant(), SlowLinear())}
