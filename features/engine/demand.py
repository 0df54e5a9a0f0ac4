"""Which rows of which tables a feature reads, as seen from the one row it is computed for.

Features are put together by *root*: the table at the end of the parents that all of a feature
goes through first (`planes` for `planes.MEAN(flights.delay)` of flights; the target itself for
its own aggregations). The rows that belong to one root row are then all that the features of
the group read for it, and root rows can be taken a range at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from features.engine.graph import Aggregate, Column, Direct, Node, Scan, inputs_of
from features.schema import Relationship

Path = tuple[Relationship, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Rows that lie below one table of the chain from target to root.

    Attributes
    ----------
    anchor
        Place of that table in the chain, 0 for the target.
    path
        Relationships downward; none for the table's own rows.
    """

    anchor: int
    path: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A group of features, and what they read.

    Attributes
    ----------
    chain
        Relationships upward from the target to the root.
    nodes
        Features by name.
    roles
        What is read for a range of root rows; the chain's own tables come first.
    whole
        Tables that are read whole, whatever the range.
    """

    chain: Path
    nodes: Mapping[str, Node]
    roles: tuple[Role, ...]
    whole: frozenset[str]


def group_demands(nodes: Mapping[str, Node]) -> list[Demand]:
    """Put features with one root together, and say what each group reads."""
    by_chain: dict[Path, dict[str, Node]] = {}
    for name, node in nodes.items():
        chain = max(sorted(_chains(node), key=str), key=len)
        by_chain.setdefault(chain, {})[name] = node
    return [demand_of(chain, group) for chain, group in by_chain.items()]


def demand_of(chain: Path, nodes: Mapping[str, Node]) -> Demand:
    """Say what `nodes` read when they are computed by ranges of the last table of `chain`."""
    walk = _Walk(chain)
    for node in nodes.values():
        walk.visit(node, Role(anchor=0))
    own = [Role(anchor=i) for i in range(len(chain) + 1)]
    roles = [role for role in walk.roles if role.path and role.path[-1].child not in walk.whole]
    return Demand(chain=chain, nodes=nodes, roles=(*own, *roles), whole=frozenset(walk.whole))


def table_of(role: Role, chain: Path, target: str) -> str:
    """Name the table whose rows a role holds."""
    if role.path:
        return role.path[-1].child
    return chain[role.anchor - 1].parent if role.anchor else target


def _chains(node: Node) -> set[Path]:
    """List the ways upward that a feature begins with."""
    match node:
        case Direct():
            return {(node.relationship, *chain) for chain in _chains(node.base)}
        case Column() | Aggregate():
            return {()}
        case _:
            return set().union(*(_chains(base) for base in inputs_of(node)))


class _Walk:
    """The roles and whole tables found so far."""

    def __init__(self, chain: Path) -> None:
        self._chain = chain
        self._seen: set[tuple[Node, Role | None]] = set()
        self.roles: dict[Role, None] = {}
        self.whole: set[str] = set()

    def visit(self, node: Node, role: Role | None) -> None:
        """Note what `node` reads for the rows of `role`; None is for all rows of its table."""
        if (node, role) in self._seen:
            return
        self._seen.add((node, role))
        if isinstance(node, Scan):
            role = None
            self.whole.add(node.table)
        # NOTE: also where there are no inputs: COUNT reads the rows of its path and no column.
        below = self._move(node, role)
        for base in inputs_of(node):
            self.visit(base, below)

    def _move(self, node: Node, role: Role | None) -> Role | None:
        """Say at which rows the inputs of `node` are read."""
        match node:
            case Direct():
                return self._upward(node.relationship, role)
            case Aggregate():
                for n, step in enumerate(node.path, start=1):
                    if role is None:
                        self.whole.add(step.child)
                    else:
                        below = Role(anchor=role.anchor, path=role.path + node.path[:n])
                        self.roles.setdefault(below)
                return None if role is None else below
            case _:
                return role

    def _upward(self, step: Relationship, role: Role | None) -> Role | None:
        if role is not None and role.path and role.path[-1] == step:
            return Role(anchor=role.anchor, path=role.path[:-1])
        if role is not None and not role.path and self._chain[role.anchor :][:1] == (step,):
            return Role(anchor=role.anchor + 1)
        self.whole.add(step.parent)
        return None
