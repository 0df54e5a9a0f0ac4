"""Reading specs of careless and of hostile people: bounded, and one clear error each."""

import time
from pathlib import Path

import pytest

from flows.document import MAX_CHARACTERS, read_document
from flows.errors import FlowError
from flows.project import load_project
from tests.flows.shop import write_shop


def read(text: str) -> object:
    return read_document(text, name="perennial.yaml")


def layers(n_layers: int, width: int, last: str) -> str:
    """Write lists of lists by aliases: width ** n_layers values in a few lines."""
    lines = ["a0: &a0 [" + ", ".join(["x"] * width) + "]"]
    for i in range(1, n_layers):
        lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]")
    return "\n".join([*lines, last.format(f"*a{n_layers - 1}")])


def merges(n_layers: int) -> str:
    lines = ["k0: &k0 {x: 1}"]
    lines += [f"k{i}: &k{i} {{<<: [{', '.join([f'*k{i - 1}'] * 30)}]}}" for i in range(1, n_layers)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (layers(9, 9, "tables: {}"), r"at most 100,000 values, got more with its aliases"),
        (layers(9, 9, "relationships: {}"), r"at most 100,000 values"),
        (merges(7), r"at most 100,000 values"),
        ("a: " + "[" * 60 + "]" * 60, r"at most 50 levels of lists and maps"),
        ("a: " + "[" * 20_000 + "]" * 20_000, r"at most 50 levels of lists and maps"),
        ("a: &a [*a]", r"line 1: expected a value, got one that contains itself"),
        ("question: " + "x" * MAX_CHARACTERS, r"at most 1,000,000 characters, got 1,000,010"),
        ("a: 1\nb: 2\na: 3", r"line 3: expected every key once, got 'a' again \(first in line 1"),
        ("x: {b: 1, b: 2}", r"line 1: expected every key once, got 'b' again"),
        ("? [a, b]\n: 1", r"expected a name as key, got a list or map"),
        ("a: !!python/object/apply:os.getcwd []", r"not valid YAML: could not determine a const"),
        ("a: !!python/name:os.system", r"not valid YAML"),
        ("a: [1", r"not valid YAML: while parsing a flow sequence"),
        ("a: 1\n---\nb: 2", r"not valid YAML: expected a single document"),
        ("\x00", r"not valid YAML"),
    ],
)
def test_what_is_refused_is_refused_at_once(text: str, expected: str) -> None:
    started = time.process_time()
    with pytest.raises(FlowError, match=expected) as refused:
        read(text)
    assert len(str(refused.value)) < 500
    assert time.process_time() - started < 30  # written out, some of them would take hours


def test_aliases_and_merges_of_ordinary_size_are_read() -> None:
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\nd: 2024-01-01\ne:"
    found = read(text)
    assert isinstance(found, dict)
    assert found["b"] == {"x": 1, "y": 2}
    assert found["c"] == [{"x": 1}, {"x": 1}]
    assert found["e"] is None
    assert read("") is None


def test_a_value_of_any_size_is_shown_short(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project")
    path = folder / "perennial.yaml"
    path.write_text(path.read_text().replace("project: shop", "project: " + "a" * 100_000))
    with pytest.raises(FlowError, match=r"project: string should match pattern") as refused:
        load_project(folder)
    assert len(str(refused.value)) < 400


def test_a_file_of_another_encoding_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "perennial.yaml").write_bytes("project: Zürich".encode("latin-1"))
    with pytest.raises(FlowError, match=r"expected UTF-8, got: .* Save it as UTF-8"):
        load_project(tmp_path)


def test_a_folder_or_file_in_the_wrong_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "perennial.yaml").mkdir()
    with pytest.raises(FlowError, match=r"Expected a file that can be read, got: .*directory"):
        load_project(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(FlowError, match=r"No perennial.yaml in .*file"):
        load_project(tmp_path / "file")
