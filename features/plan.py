"""Feature plans: which features a matrix has, as definitions that can be stored and compared."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from features.durable import write_text
from features.errors import FeatureError
from features.fingerprint import fingerprint
from features.interesting import Interesting
from features.matrix import CUTOFF_TIME
from features.redundancy import Facts, find_redundant
from features.schema import Schema
from features.seals import parse, render
from features.synthesis import Proposal, propose, save

__all__ = [
    "CUTOFF_TIME",
    "DroppedFeature",
    "FeaturePlan",
    "FeatureSpec",
    "own_features",
    "synthesize",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """One column of the matrix.

    Attributes
    ----------
    kind
        "numeric" is float64 in the matrix (booleans 0.0 and 1.0), "categorical" is str or None.
    table
        Table that the feature's first column comes from.
    description
        One sentence, as featuretools words it.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    table: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFeature:
    """A definition that is not in the plan, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePlan:
    """The features of a target, in matrix order.

    Attributes
    ----------
    target
        Table whose rows are asked about.
    definitions
        JSON of `featuretools.save_features`, canonical.
    schema_fingerprint
        Of the schema that the plan was made for.
    """

    target: str
    features: tuple[FeatureSpec, ...]
    definitions: str
    schema_fingerprint: str
    dropped: tuple[DroppedFeature, ...] = ()

    def __post_init__(self) -> None:
        if not self.features:
            raise FeatureError(
                f"Expected at least one feature of {self.target!r}, got none. Give the table "
                "columns beside its key, relate it to other tables, or keep more features."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in matrix order."""
        return tuple(feature.name for feature in self.features)

    @property
    def fingerprint(self) -> str:
        """Name of what the plan computes: target, definitions and schema."""
        return fingerprint([self.target, self.definitions, self.schema_fingerprint])

    def keep(self, names: Iterable[str], reason_by_name: Mapping[str, str]) -> "FeaturePlan":
        """Return the plan with only the features called `names`, in their present order.

        Parameters
        ----------
        names
            Features to keep.
        reason_by_name
            Why each of the others goes.

        Raises
        ------
        FeatureError
            When a name is not in the plan, or none is left.
        """
        wanted = set(names)
        unknown = sorted(wanted.difference(self.names))
        if unknown:
            raise FeatureError(
                f"Expected names of features in the plan, got {unknown[:5]}. "
                "Take them from the plan's `names`."
            )
        gone = tuple(
            DroppedFeature(name=name, reason=reason_by_name.get(name, "not kept"))
            for name in self.names
            if name not in wanted
        )
        return replace(
            self,
            features=tuple(feature for feature in self.features if feature.name in wanted),
            definitions=_restrict(self.definitions, wanted),
            dropped=self.dropped + gone,
        )

    def save(self, path: Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        write_text(path, render(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "FeaturePlan":
        """Read a plan that `save` wrote.

        Raises
        ------
        FeatureError
            When the file is missing, is no plan, or is not as it was written.
        """
        try:
            text = path.read_text(encoding="utf-8")
            content = json.loads(text)
            if "sha256" in content:  # plans were written without it once
                content = parse(text)
            features = tuple(FeatureSpec(**feature) for feature in content.pop("features"))
            dropped = tuple(DroppedFeature(**feature) for feature in content.pop("dropped"))
            return cls(features=features, dropped=dropped, **content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FeatureError(
                f"Expected a feature plan in {path}, got: {error!r}. Make the plan anew."
            ) from error


def synthesize(
    schema: Schema,
    target: str,
    *,
    depth: int,
    windows: Sequence[str] = (),
    max_features: int = 300,
    prefer: Sequence[str] = (),
    seed: int = 0,
    facts: Facts | None = None,
    interesting: Interesting | None = None,
) -> FeaturePlan:
    """Plan features of `target` by deep feature synthesis.

    Parameters
    ----------
    schema
        Tables and relationships.
    target
        Table whose rows are asked about.
    depth
        Primitives and relationships one upon the other, 0 to 3; 0 takes only the target's own
        columns and their transforms.
    windows
        Spans such as "3h", "7d", "4w": aggregations of tables with a time get a copy that looks
        back only so far from the cutoff; counts, means and shares also their ratio to the next
        longer window. "all", the whole past, is always among them.
    max_features
        Cap; preferred features come first, then shallow ones, source tables and windows by turns.
    prefer
        Names to keep first, such as those of the plan before.
    seed
        Chooses among definitions that are equal in rank.
    facts
        What is known of the tables: definitions that are redundant by construction are dropped.
    interesting
        Table to column to values: rows with such a value are summarized apart, too.

    Raises
    ------
    FeatureError
        When an argument is out of range, or nothing can be planned.

    Examples
    --------
    >>> from features.schema import ColumnType, Relationship, Table
    >>> users = Table(name="users", key="id", columns={"id": ColumnType.KEY})
    >>> columns = {"id": ColumnType.KEY, "user": ColumnType.KEY, "price": ColumnType.NUMERIC}
    >>> orders = Table(name="orders", key="id", columns=columns)
    >>> link = Relationship.parse("users.id <- orders.user")
    >>> schema = Schema(tables=(users, orders), relationships=(link,))
    >>> synthesize(schema, "users", depth=1).names[:3]
    ('COUNT(orders)', 'LAST(orders.price)', 'MAX(orders.price)')
    >>> synthesize(schema, "users", depth=4)
    Traceback (most recent call last):
    ...
    features.errors.FeatureError: Expected a depth from 0 to 3, got 4.
    """
    if not 0 <= depth <= 3:
        raise FeatureError(f"Expected a depth from 0 to 3, got {depth}.")
    if max_features < 1:
        raise FeatureError(f"Expected max_features of at least 1, got {max_features}.")
    taken = {schema.table(target).key, CUTOFF_TIME}
    proposals = propose(schema, target, depth=depth, windows=windows, interesting=interesting)
    objections = {p.name: o for p in proposals if (o := _objection(p, taken)) is not None}
    if facts is not None:
        left = [p for p in proposals if p.name not in objections]
        objections |= find_redundant(save(left), facts) if left else {}
    ranked = _rank([p for p in proposals if p.name not in objections], prefer, seed)
    chosen = {proposal.name for proposal in ranked[:max_features]}
    kept = [proposal for proposal in proposals if proposal.name in chosen]
    reasons = dict.fromkeys(
        (p.name for p in ranked[max_features:]), f"beyond the {max_features} features allowed"
    )
    return FeaturePlan(
        target=target,
        features=tuple(_specify(proposal) for proposal in kept),
        definitions=save(kept) if kept else "{}",
        schema_fingerprint=schema.fingerprint,
        dropped=tuple(
            DroppedFeature(name=name, reason=reason)
            for name, reason in (objections | reasons).items()
        ),
    )


def own_features(schema: Schema, target: str) -> frozenset[str]:
    """Name the features that are the target's own columns, or transforms of them; maybe none."""
    taken = {schema.table(target).key, CUTOFF_TIME}
    proposals = propose(schema, target, depth=0, windows=())
    return frozenset(p.name for p in proposals if _objection(p, taken) is None)


def _objection(proposal: Proposal, taken: Collection[str]) -> str | None:
    if proposal.name in taken:
        return "the matrix has another column of this name"
    return proposal.objection


def _rank(proposals: Sequence[Proposal], prefer: Sequence[str], seed: int) -> list[Proposal]:
    """Order proposals: preferred, then shallow, then the sources' first, second, … by turns."""
    place = {name: i for i, name in enumerate(prefer)}
    chance = np.random.default_rng(seed).permutation(len(proposals))
    turns: dict[tuple[int, str, str | None], int] = {}
    rank: dict[str, tuple[int, int, int, int]] = {}
    for i in np.argsort(chance):
        p = proposals[i]
        turn = turns[p.depth, p.table, p.window] = turns.get((p.depth, p.table, p.window), -1) + 1
        rank[p.name] = (place.get(p.name, len(place)), p.depth, turn, int(chance[i]))
    return sorted(proposals, key=lambda p: rank[p.name])


def _specify(proposal: Proposal) -> FeatureSpec:
    return FeatureSpec(
        name=proposal.name,
        kind=proposal.kind,
        table=proposal.table,
        description=proposal.describe(),
    )


def _restrict(definitions: str, names: Collection[str]) -> str:
    """Leave out what the features called `names` do not stand on."""
    content = json.loads(definitions)
    features: dict[str, Any] = content["feature_definitions"]
    listed = [f for f in content["feature_list"] if features[f]["arguments"]["name"] in names]
    needed: set[str] = set()
    stack = list(listed)
    while stack:
        feature = stack.pop()
        needed.add(feature)
        stack.extend(base for base in features[feature]["dependencies"] if base not in needed)
    content["feature_list"] = listed
    content["feature_definitions"] = {f: features[f] for f in features if f in needed}
    primitives = {features[f]["arguments"].get("primitive") for f in needed}
    content["primitive_definitions"] = {
        name: primitive
        for name, primitive in content["primitive_definitions"].items()
        if name in primitives
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
