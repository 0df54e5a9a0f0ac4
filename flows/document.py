"""The YAML document of a spec: plain values alone, of bounded size, every key once."""

from typing import Any

import yaml

from flows.errors import FlowError

MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
"""Values of a document with its aliases written out: a few lines of them can mean billions."""

MAX_DEPTH = 50


def read_document(text: str, *, name: str) -> Any:
    """Read one YAML document of maps, lists, strings, numbers, booleans, dates and nulls.

    Parameters
    ----------
    name
        Of the file, for messages.

    Raises
    ------
    FlowError
        When it is no YAML, too large in characters, values or depth, gives a key of a map twice,
        or asks for an object of Python.
    """
    if len(text) > MAX_CHARACTERS:
        raise FlowError(
            f"{name}: expected at most {MAX_CHARACTERS:,} characters, got {len(text):,}. Keep "
            "data in the tables' files."
        )
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _count(root, name, {}, ())
        return loader.construct_document(root)
    except RecursionError as error:
        raise _too_deep(name) from error
    except yaml.YAMLError as error:
        raise FlowError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error


def _count(node: yaml.Node, name: str, known: dict[int, int], above: tuple[yaml.Node, ...]) -> int:
    """Return how many values a node stands for, aliases written out."""
    if id(node) in known:
        return known[id(node)]
    if node in above:
        raise FlowError(f"{name}{_place(node)}: expected a value, got one that contains itself.")
    if len(above) > MAX_DEPTH:
        raise _too_deep(name)
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated(node, name)
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    n_values = 1 + sum(_count(child, name, known, (*above, node)) for child in children)
    if n_values > MAX_VALUES:
        raise FlowError(
            f"{name}: expected at most {MAX_VALUES:,} values, got more with its aliases (`*name`) "
            "written out. Write what is meant without them."
        )
    known[id(node)] = n_values
    return n_values


def _refuse_repeated(node: yaml.MappingNode, name: str) -> None:
    seen: dict[str, yaml.Node] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise FlowError(f"{name}{_place(key)}: expected a name as key, got a list or map.")
        if key.value in seen:
            raise FlowError(
                f"{name}{_place(key)}: expected every key once, got {key.value[:60]!r} again "
                f"(first in line {seen[key.value].start_mark.line + 1}). Remove one of them."
            )
        seen[key.value] = key


def _place(node: yaml.Node) -> str:
    return f", line {node.start_mark.line + 1}"


def _too_deep(name: str) -> FlowError:
    return FlowError(f"{name}: expected at most {MAX_DEPTH} levels of lists and maps, got more.")
