"""Seals: whatever byte is changed, the file is named."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import DamageError
from features.seals import SEAL, check_seal, find_damage, hash_file, is_sealed, seal


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("the first")
    (folder / "deep" / "b.bin").write_bytes(bytes(range(256)))
    seal(folder)
    return folder


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), data=st.data())
def test_any_changed_byte_is_named(
    artefact: Path, where: float, flip: int, data: st.DataObject
) -> None:
    copy = artefact.with_name("copy")
    shutil.copytree(artefact, copy, dirs_exist_ok=True)
    name = data.draw(st.sampled_from(["a.txt", "deep/b.bin", SEAL]))
    content = bytearray((copy / name).read_bytes())
    content[int(where * len(content))] ^= flip
    (copy / name).write_bytes(bytes(content))
    assert [damage.path for damage in find_damage(copy)] == [copy / name]
    with pytest.raises(DamageError, match="was changed after it was written"):
        check_seal(copy)
    shutil.rmtree(copy)


def test_a_missing_file_is_named_and_an_added_one_is_not(artefact: Path) -> None:
    (artefact / "card.html").write_text("written later")
    check_seal(artefact)
    (artefact / "deep" / "b.bin").unlink()
    with pytest.raises(DamageError, match=r"b\.bin as it was written, but it is gone"):
        check_seal(artefact)
    check_seal(artefact, ["a.txt", "card.html"])


def test_without_a_seal_nothing_can_be_said(tmp_path: Path) -> None:
    assert not is_sealed(tmp_path)
    with pytest.raises(DamageError, match="is gone"):
        check_seal(tmp_path)


def test_a_seal_is_a_function_of_content(artefact: Path) -> None:
    before = hash_file(artefact / SEAL)
    assert seal(artefact) == before
    (artefact / "a.txt").write_text("the other")
    assert seal(artefact) != before
    check_seal(artefact)


def test_a_file_that_is_written_again_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    before = hash_file(path)
    path.write_text("two")
    assert hash_file(path) != before
