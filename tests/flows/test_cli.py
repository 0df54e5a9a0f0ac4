"""The command line: help, exit codes, and errors a person can read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.shop import SPEC, write_shop

COMMANDS = (
    *("init", "check", "plan", "run", "retrain", "score", "monitor"),
    *("status", "history", "rollback", "trace", "replay", "up", "ui"),
)


def perennial(
    *arguments: str, cwd: Path | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"COLUMNS": "80", "PERENNIAL_ORCHESTRATOR": "none"} | settings
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_names_every_command_within_80_columns() -> None:
    answer = perennial("--help")
    assert answer.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["check", "plan", "run", "score", "monitor"])
def test_each_command_teaches_by_example(command: str) -> None:
    answer = perennial(command, "--help")
    assert answer.returncode == 0
    assert f"perennial {command}" in answer.stdout


def test_check_finds_an_interesting_column_that_is_not_there(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project", n_customers=20)
    wrong = SPEC.replace("features: {", "features: {interesting: {customers: {regoin: 2}}, ")
    (folder / "perennial.yaml").write_text(wrong)
    answer = perennial("check", "--now", "2024-05-20", cwd=folder)
    assert answer.returncode == 1
    assert "regoin" in answer.stderr
    assert "Did you mean 'region'?" in " ".join(answer.stderr.split())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, flows.cli; heavy = {'pandas', 'numpy', 'mlflow', 'prefect', 'feast', "
        "'evidently', 'sklearn', 'featuretools'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run",), 1, "perennial init"),
        (("nonsense",), 2, "No such command"),
        (("run", "--now", "sometime"), 2, "expected a moment"),
        (("init", "--example", "trains", "x"), 1, "flights"),
    ],
)
def test_errors_have_a_code_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    if arguments[:2] == ("run", "--now"):
        write_shop(tmp_path / "p")
    answer = perennial(*arguments, cwd=tmp_path / "p" if (tmp_path / "p").exists() else tmp_path)
    assert answer.returncode == code
    assert words in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


def test_a_prefect_server_that_does_not_answer_is_one_clear_error(tmp_path: Path) -> None:
    answer = perennial(
        "run",
        cwd=write_shop(tmp_path / "p"),
        PERENNIAL_ORCHESTRATOR="prefect",
        PERENNIAL_PREFECT_API_URL="http://127.0.0.1:9/api",
    )
    assert answer.returncode == 1
    assert "Expected a Prefect server at http://127.0.0.1:9/api" in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    answer = perennial("run", "--debug", cwd=tmp_path)
    assert answer.returncode != 0
    assert "Traceback" in answer.stderr


def test_check_says_what_is_there_and_keeps_nothing(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project")
    before = sorted(folder.rglob("*"))
    answer = perennial("check", "--now", "2024-05-20", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    for word in ("customers", "orders", "Labels", "Features", "All right"):
        assert word in answer.stdout
    assert sorted(folder.rglob("*")) == before


def test_check_names_a_wrong_column(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project")
    (folder / "perennial.yaml").write_text(SPEC.replace("time: joined_at", "time: joined"))
    answer = perennial("check", cwd=folder)
    assert answer.returncode == 1
    assert "joined_at" in answer.stderr


def test_status_without_a_champion(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project")
    answer = perennial("status", cwd=folder)
    assert answer.returncode == 0
    assert "Nothing serves yet" in answer.stdout


def test_init_leaves_an_existing_spec_alone(tmp_path: Path) -> None:
    assert perennial("init", "p", cwd=tmp_path).returncode == 0
    again = perennial("init", "p", cwd=tmp_path)
    assert again.returncode == 1
    assert "left as it is" in " ".join(again.stderr.split())
