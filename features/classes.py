"""The answers of a classification, numbered: which classes there are, and labels as their codes."""

import pyarrow as pa
import pyarrow.compute as pc

from features.label_errors import LabelError

Classes = tuple[str | int | bool, ...]

_CODES = {"binary": pa.int8(), "multiclass": pa.int64(), "regression": pa.float64()}


def find_classes(labels: pa.ChunkedArray, task: str, *, required: bool) -> Classes | None:
    """Find the classes, in order, that known labels belong to.

    Parameters
    ----------
    labels
        Known labels, without nulls.
    required
        Whether fewer than two are refused; otherwise the answer is None unless the type alone
        tells the classes (booleans and 0/1).

    Returns
    -------
    tuple or None
        None for a regression.

    Raises
    ------
    LabelError
        When labels do not fit the task.
    """
    values = _comparable(labels, task)
    if task == "regression":
        return None
    found: list[str | int | bool] = sorted(pc.unique(values).to_pylist())
    classes = tuple(found) if task == "multiclass" else _binary_classes(found, values.type)
    if len(found) < 2 and required:
        raise LabelError.too_few_classes(task, found)
    return classes if len(classes) > 1 else None


def encode(labels: pa.ChunkedArray, task: str, classes: Classes | None) -> pa.ChunkedArray:
    """Give labels as numbers: positions in `classes`, or float64 for a regression; nulls stay.

    Raises
    ------
    LabelError
        When a label does not fit the task or is none of `classes`.
    """
    if labels.null_count == len(labels):
        return pa.chunked_array([pa.nulls(len(labels), _CODES[task])])
    values = _comparable(labels, task)
    if task == "regression" or classes is None:
        return values.cast(_CODES[task])
    codes = _positions(values, classes)
    unknown = pc.and_(pc.is_null(codes), pc.is_valid(values))
    if pc.any(unknown).as_py():
        new = sorted(pc.unique(values.filter(unknown)).to_pylist())
        raise LabelError.new_classes(new, classes)
    return codes.cast(_CODES[task])


def are_unknown(labels: pa.ChunkedArray, task: str, classes: Classes | None) -> pa.ChunkedArray:
    """Say of every label whether it is none of `classes`, which `encode` would refuse.

    Raises
    ------
    LabelError
        When a label does not fit the task.
    """
    if task == "regression" or classes is None or labels.null_count == len(labels):
        return pa.chunked_array([pa.repeat(pa.scalar(False), len(labels))])
    values = _comparable(labels, task)
    return pc.and_(pc.is_null(_positions(values, classes)), pc.is_valid(values))


def _positions(values: pa.ChunkedArray, classes: Classes) -> pa.ChunkedArray:
    try:
        known = pa.array(classes).cast(values.type)
    except pa.ArrowInvalid:
        known = pa.array(classes)
    if known.type != values.type:
        raise LabelError.wrong_type("label", f"of the classes {classes}", str(values.type))
    return pc.index_in(values, known)


def _comparable(labels: pa.ChunkedArray, task: str) -> pa.ChunkedArray:
    """Give labels as bool, int64, float64 (regression only) or string."""
    kind = labels.type
    if task == "regression":
        return _finite(labels)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return labels.cast(pa.string())
    if pa.types.is_boolean(kind):
        return labels
    if _is_number(kind):
        return _whole(labels, task)
    raise LabelError.wrong_type("label", f"classes for task {task!r}", f"type {kind}")


def _binary_classes(found: list[str | int | bool], kind: pa.DataType) -> Classes:
    if pa.types.is_boolean(kind):
        return (False, True)
    if pa.types.is_integer(kind):
        if not set(found) <= {0, 1}:
            raise LabelError.too_many_classes(found)
        return (0, 1)
    if len(found) > 2:
        raise LabelError.too_many_classes(found)
    return tuple(found)


def _finite(labels: pa.ChunkedArray) -> pa.ChunkedArray:
    if not _is_number(labels.type):
        raise LabelError.wrong_type("label", "numbers for task 'regression'", f"type {labels.type}")
    values = labels.cast(pa.float64())
    infinite = pc.sum(pc.is_inf(values)).as_py()
    if infinite:
        raise LabelError.wrong_type("label", "finite numbers", f"{infinite:,} infinite ones")
    return values


def _whole(labels: pa.ChunkedArray, task: str) -> pa.ChunkedArray:
    try:
        return labels.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise LabelError.wrong_type(
            "label", f"whole numbers, booleans or strings for task {task!r}", "fractions"
        ) from error


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
