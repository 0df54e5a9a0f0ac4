"""A catalogue with one family that takes too much memory; see `planted`."""

from planted import Constant, Eater, Linear

FAMILIES = {family.name: family for family in (Constant(), Linear(), Eater())}
