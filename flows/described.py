"""The columns that gates slice and group by: features of the entity, as of each row's cutoff."""

from features.plan import FeaturePlan, synthesize
from features.schema import Schema
from flows.errors import FlowError
from flows.project import Project
from flows.sections import listed, nearest

ALL = 100_000
MAX_SHOWN = 8


def plan_described(project: Project, schema: Schema) -> FeaturePlan | None:
    """Plan the declared columns; None where none are declared.

    The value of a column is what was known of it by the cutoff, as of every feature.

    Raises
    ------
    FlowError
        When one is no feature that the spec's depth and windows can define.
    """
    columns = project.promotion.described_by
    if not columns:
        return None
    section, entity = project.features, project.target.entity
    # Most are the entity's own columns or a parent's, which a second defines instead of many.
    near = synthesize(schema, entity, depth=min(1, section.depth), max_features=ALL)
    if set(columns) <= set(near.names):
        return near.keep(columns, {})
    known = synthesize(
        schema, entity, depth=section.depth, windows=section.windows, max_features=ALL
    )
    for name in columns:
        if name not in known.names:
            raise FlowError(_unknown(name, known))
    return known.keep(columns, {})


def _unknown(name: str, known: FeaturePlan) -> str:
    dropped = next((each.reason for each in known.dropped if each.name == name), None)
    why = f" ({dropped})" if dropped else ""
    return (
        f"promotion: expected slices and groups by columns of {known.target} or by other features "
        f"({listed(known.names[:MAX_SHOWN])}, …), got {name!r}{why}{nearest(name, known.names)}"
    )
