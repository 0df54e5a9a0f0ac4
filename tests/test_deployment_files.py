"""The compose file and prefect.yaml say what the code reads."""

import os
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from flows.settings import Settings

ROOT = Path(__file__).parents[1]


def compose() -> dict[str, dict[str, object]]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_compose_sets_only_settings_the_code_reads() -> None:
    known = {f"PERENNIAL_{name.upper()}" for name in Settings.model_fields}
    named = set()
    for service in compose()["services"].values():
        named |= {name for name in service.get("environment", {}) if name.startswith("PERENNIAL_")}
    assert named
    # PERENNIAL_PROJECT is read by prefect.yaml.
    assert named - {"PERENNIAL_PROJECT"} <= known


def test_compose_publishes_on_loopback_only() -> None:
    ports = [
        port for service in compose()["services"].values() for port in service.get("ports", [])
    ]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_config_accepts_it_and_asks_for_a_password() -> None:
    command = _compose_command()
    environment = {k: v for k, v in os.environ.items() if k != "POSTGRES_PASSWORD"}
    refused = subprocess.run([*command, "config", "-q"], cwd=ROOT, env=environment, check=False)
    assert refused.returncode != 0
    environment["POSTGRES_PASSWORD"] = "chosen"
    subprocess.run([*command, "config", "-q"], cwd=ROOT, env=environment, check=True)


def _compose_command() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    docker = shutil.which("docker")
    found = (
        docker and subprocess.run([docker, "compose", "version"], capture_output=True).returncode
    )
    if found == 0:
        return ["docker", "compose"]
    if os.environ.get("CI"):
        pytest.fail("docker-compose is not installed")
    pytest.skip("docker-compose is not installed")


@pytest.mark.filterwarnings("ignore")
def test_prefect_yaml_names_flows_that_exist() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    names = set()
    for deployment in deployments:
        module, _, name = deployment["entrypoint"].rpartition(".")
        flow = getattr(import_module(module), name)
        assert flow.name == name
        # The outbox addresses `retrain/<project>`.
        assert deployment["name"] == "{{ $PERENNIAL_PROJECT }}"
        names.add(name)
    assert names == {"retrain", "score", "monitor", "dispatch"}


def test_the_lock_pins_versions_and_names_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert len(lines) > 100
    for line in lines:
        name, _, version = line.partition("==")
        assert name
        assert version
        assert "/" not in line
        assert "@" not in line
