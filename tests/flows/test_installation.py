"""The installation: what is set, what answers, and what is said where something does not."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.errors import FlowError
from flows.installation import LEAST_FREE_BYTES, Part, effective_settings, examine
from flows.settings import Settings, read_settings
from tests.flows.shop import write_shop

SECRET = "Tr0ub4dor"


def found(settings: Settings, folder: Path) -> dict[str, Part]:
    return {part.name: part for part in examine(settings, folder)}


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_fresh_project_needs_no_server(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "project")
    parts = found(Settings(), folder)
    assert all(part.works for part in parts.values()), parts
    assert parts["spec"].sentence.startswith("shop: ")
    assert not (folder / ".perennial").exists(), "looking made a state directory"


def test_every_server_that_does_not_answer_is_named_with_its_setting(
    tmp_path: Path, closed_port: int
) -> None:
    at = f"127.0.0.1:{closed_port}"
    settings = Settings(
        ledger_url=f"postgresql+psycopg://ann:{SECRET}@{at}/ledger",
        mlflow_tracking_uri=f"http://{at}",
        feast_online=f"redis://:{SECRET}@{at}/0",
        prefect_api_url=f"http://{at}/api",
        executor=f"dask://{at}",
        memory_limit="900TB",
    )
    parts = found(settings, tmp_path)
    broken = {name for name, part in parts.items() if not part.works}
    assert broken == {"spec", "ledger", "MLflow", "online store", "Prefect", "executor", "memory"}
    for part in parts.values():
        assert SECRET not in part.target + part.sentence
    for name in ("ledger", "MLflow", "Prefect", "executor", "memory"):
        assert "PERENNIAL_" in parts[name].sentence, parts[name]


@pytest.mark.services
def test_servers_that_answer_work(tmp_path: Path) -> None:
    settings = Settings(
        ledger_url="postgresql+psycopg://postgres@127.0.0.1/postgres",
        feast_online="redis://127.0.0.1:6379/0",
    )
    parts = found(settings, write_shop(tmp_path / "project"))
    assert parts["ledger"].works, parts["ledger"]
    assert parts["online store"].works, parts["online store"]


def test_a_state_directory_that_is_no_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    part = found(Settings(state=tmp_path / "file" / "state"), tmp_path)["state"]
    assert not part.works
    assert "PERENNIAL_STATE" in part.sentence


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.installation.LEAST_FREE_BYTES", 10**18)
    part = found(Settings(), tmp_path)["state"]
    assert not part.works
    assert "free" in part.sentence
    assert LEAST_FREE_BYTES < 10**18


def test_a_misspelt_variable_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_LEDGR_URL", "sqlite://")
    part = found(Settings(), tmp_path)["settings"]
    assert not part.works
    assert "did you mean PERENNIAL_LEDGER_URL?" in part.sentence


def test_a_wrong_value_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERENNIAL_PREFECT_PORT", "abc")
    with pytest.raises(FlowError, match=r"PERENNIAL_PREFECT_PORT: expected .*integer.*got 'abc'"):
        read_settings()
    result = CliRunner().invoke(app, ["status", "-p", str(write_shop(tmp_path / "project"))])
    assert result.exit_code == 1
    assert "PERENNIAL_PREFECT_PORT" in result.output


def test_settings_are_shown_without_passwords(tmp_path: Path) -> None:
    settings = Settings(ledger_url=f"postgresql+psycopg://ann:{SECRET}@db/ledger")
    shown = {one.variable: one for one in effective_settings(settings, tmp_path)}
    assert shown["PERENNIAL_LEDGER_URL"].value == "postgresql+psycopg://ann:***@db/ledger"
    assert shown["PERENNIAL_LEDGER_URL"].origin == "environment"
    assert shown["PERENNIAL_STATE"].value == str(tmp_path / ".perennial")
    assert shown["PERENNIAL_STATE"].origin == "default"


def test_both_commands_speak_to_machines(tmp_path: Path) -> None:
    folder = str(write_shop(tmp_path / "project"))
    runner = CliRunner()
    examined = runner.invoke(app, ["doctor", "--json", "-p", folder])
    assert examined.exit_code == 0, examined.output
    assert {"spec", "ledger"} <= {part["name"] for part in json.loads(examined.output)}
    settings = runner.invoke(app, ["config", "--json", "-p", folder])
    assert "PERENNIAL_STATE" in {setting["variable"] for setting in json.loads(settings.output)}
    assert runner.invoke(app, ["doctor", "-p", str(tmp_path)]).exit_code == 1
