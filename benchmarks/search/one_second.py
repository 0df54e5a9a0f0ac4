"""A catalogue whose trials take a second each; see `benchmarks.search.unruly`."""

from collections.abc import Mapping

from benchmarks.search.unruly import Second
from models.families.constant import Constant
from models.families.family import Family

FAMILIES: Mapping[str, Family] = {family.name: family for family in (Constant(), Second())}
