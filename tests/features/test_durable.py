"""Durable writes: whole or not at all, also when two writers race."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from features.durable import creating_directory, replacing

N_WRITERS = 8


def test_of_racing_writers_the_first_wins_and_nobody_fails(tmp_path: Path) -> None:
    barrier = Barrier(N_WRITERS)

    def write(number: int) -> None:
        for turn in range(25):
            with creating_directory(tmp_path / f"made-{turn}") as fresh:
                (fresh / "author").write_text(str(number))
                barrier.wait(timeout=20)

    with ThreadPoolExecutor(N_WRITERS) as pool:
        list(pool.map(write, range(N_WRITERS)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"made-{turn}" for turn in range(25)
    )
    assert all((path / "author").read_text() for path in tmp_path.iterdir())


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "first").touch()
    with creating_directory(tmp_path / "made") as fresh:
        (fresh / "second").touch()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "half").touch()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), creating_directory(tmp_path / "made") as fresh:
        fail(fresh)
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "file") as temporary:
        fail_to_write(temporary)
    assert list(tmp_path.iterdir()) == []


def fail_to_write(path: Path) -> None:
    path.write_text("half")
    raise IsADirectoryError
