"""A catalogue so short that a few trials go through its portfolio and on to what follows."""

from models.families import FAMILIES as KNOWN

FAMILIES = {name: KNOWN[name] for name in ("constant", "linear", "lightgbm", "extra_trees")}
