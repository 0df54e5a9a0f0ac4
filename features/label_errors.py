"""What may be wrong with the label SQL, each with one clear message."""

from collections.abc import Sequence

from features.errors import FeatureError
from features.wording import hint, listed


class LabelError(FeatureError):
    """The label SQL does not answer the question."""

    @classmethod
    def unknown_entity(cls, entity: str, known: Sequence[str]) -> "LabelError":
        """The question is about a table that does not exist."""
        return cls(
            f"target.entity: expected one of the tables {listed(known)}, got {entity!r}"
            f"{hint(entity, known)}"
        )

    @classmethod
    def unnamed_entity(cls, entity: str) -> "LabelError":
        """The question is about a table whose rows have no lasting name."""
        return cls(
            f"target.entity: expected a table with a key of its own, got {entity!r}, whose key is "
            "the row number. Set its `key` to the column that names its rows."
        )

    @classmethod
    def reserved_key(cls, key: str) -> "LabelError":
        """The entity's key is called like another column of the result."""
        return cls(
            "target.entity: expected a key that is not called cutoff_time, label or label_time, "
            f"got {key!r}. Rename it in the table's `sql`."
        )

    @classmethod
    def missing_columns(cls, missing: Sequence[str], got: Sequence[str]) -> "LabelError":
        """The SQL leaves out what must be there."""
        return cls(
            f"target.labels: expected columns {listed(missing)} in the result, got only "
            f"{listed(got)}{hint(missing[0], got)} Write SELECT … AS {missing[0]}."
        )

    @classmethod
    def misspelt_column(cls, got: str, nearest: str) -> "LabelError":
        """An unused column looks like one that has a meaning."""
        return cls(
            f"target.labels: expected {nearest!r} if that is meant, got column {got!r}, which "
            "would be ignored. Rename it, or leave it out."
        )

    @classmethod
    def no_rows(cls, what: str, advice: str) -> "LabelError":
        """Nothing to learn from."""
        return cls(f"target.labels: expected rows with a known label, got {what}. {advice}")

    @classmethod
    def null_values(cls, column: str, count: int) -> "LabelError":
        """A key or cutoff is null."""
        return cls(
            f"target.labels: expected {column!r} in every row, got {count:,} nulls. "
            f"Add WHERE {column} IS NOT NULL, or correct how it is made."
        )

    @classmethod
    def wrong_type(cls, column: str, expected: str, got: str) -> "LabelError":
        """A column's type or values do not fit its use."""
        return cls(
            f"target.labels: expected {column!r} to be {expected}, got {got}. "
            "Convert it in the SELECT, or set another task."
        )

    @classmethod
    def unknown_keys(
        cls, key: str, entity: str, count: int, examples: Sequence[object]
    ) -> "LabelError":
        """Rows are about entities that do not exist."""
        return cls(
            f"target.labels: expected keys of table {entity!r} in {key!r}, got {count:,} rows with "
            f"unknown keys: {listed(examples)}. Join with {entity!r}, or correct the key."
        )

    @classmethod
    def duplicate_rows(cls, key: str, count: int, example: object) -> "LabelError":
        """One question has several answers."""
        return cls(
            f"target.labels: expected one row per ({key}, cutoff_time), got {count:,} that repeat, "
            f"such as {example}. Aggregate or filter them in the SELECT."
        )

    @classmethod
    def early_label(cls, count: int, example: object) -> "LabelError":
        """An answer is known before the question is asked."""
        return cls(
            f"target.labels: expected label_time at or after cutoff_time, got {count:,} rows where "
            f"the label is known before, such as {example}. Move the cutoff back, or correct "
            "label_time."
        )

    @classmethod
    def too_few_classes(cls, task: str, classes: Sequence[object]) -> "LabelError":
        """There is nothing to tell apart."""
        return cls(
            f"target.labels: expected at least two classes for task {task!r}, got "
            f"{listed(classes)}. Correct the label, or wait until both outcomes have been seen."
        )

    @classmethod
    def too_many_classes(cls, classes: Sequence[object]) -> "LabelError":
        """A binary label has more than two values."""
        return cls(
            "target.labels: expected booleans, 0/1 or exactly two strings for task 'binary', got "
            f"{listed(classes)}. Compare in the SELECT (label = 'yes'), or set task: multiclass."
        )

    @classmethod
    def new_classes(cls, classes: Sequence[object], known: Sequence[object]) -> "LabelError":
        """Labels hold a class that the given ones do not have."""
        return cls(
            f"target.labels: expected the classes {listed(known)}, got also {listed(classes)}. "
            "Retrain, so that the model learns of them."
        )
