"""Options: how a search goes about it, apart from data, problem, budget and seed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How candidates are found and tried.

    Parameters
    ----------
    families
        Module whose `FAMILIES` are searched; worker processes import it by this name.
    """

    families: str = "models.families"
