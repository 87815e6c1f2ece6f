"""The files for Docker, without its engine: a linter, the client where it is there, and the rules we keep."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@pytest.mark.parametrize("name", ["proxy.Dockerfile", "worker.Dockerfile"])
def test_the_linter_has_nothing_to_say(name: str) -> None:
    linter = Path(sys.executable).parent / "hadolint"  # of the extra `dev`
    found = subprocess.run([str(linter), "--no-color", str(DOCKER / name)], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_client_understands_the_compose_file() -> None:
    client = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*client, "version"], capture_output=True).returncode:
        pytest.skip("no docker client with compose here")
    command = [*client, "--file", str(DOCKER / "compose.yaml"), "--profile", "gpu", "config", "--quiet"]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


def test_images_run_as_an_ordinary_user_and_say_how_they_are() -> None:
    for name in ("proxy.Dockerfile", "worker.Dockerfile"):
        lines = (DOCKER / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith("USER ")] == ["USER 10001"]
        assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_what_the_images_copy_is_there() -> None:
    for name in ("proxy.Dockerfile", "worker.Dockerfile"):
        for line in (DOCKER / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                words = [word for word in line.split()[1:-1] if not word.startswith("--")]
                assert all((DOCKER.parent / word).exists() for word in words), line


def test_cache_and_broker_are_two_servers_that_forget_and_do_not() -> None:
    policies = {name: SERVICES[name]["command"][-1] for name in ("cache", "broker")}
    assert policies == {"cache": "allkeys-lru", "broker": "noeviction"}
    told = SERVICES["proxy"]["environment"]
    assert "cache:6379" in told["SECONDPASS_REDIS__URL"]
    assert "broker:6379" in told["SECONDPASS_BROKER__URL"]


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_dependency_is_waited_for_until_it_is_healthy() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[name] or "build" in SERVICES[name]


def test_the_containers_settings_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from connector.settings import load

    for name, value in SERVICES["proxy"]["environment"].items():
        monkeypatch.setenv(name, VARIABLE.sub(r"\2", value))
    settings = load(DOCKER / "secondpass.toml")
    assert settings.engine.url == ["http://engine:9200"]
    assert [policy.name for policy in settings.policy] == ["shop"]


def test_every_variable_has_a_default_and_is_explained() -> None:
    text = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    names = {name for name, _ in VARIABLE.findall(text)}
    assert {"SECONDPASS_CACHE_KEY", "SECONDPASS_ENGINE__URL"} <= names
    assert text.count("${") == len(VARIABLE.findall(text))
    page = (DOCKER.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    assert not [name for name in names if name not in page]


def test_models_of_the_hub_stay() -> None:
    """The folder belongs to the workers' user in the image: a new volume takes its owner from there."""
    assert "models" in COMPOSE["volumes"]
    for name in ("score", "embed", "score-gpu"):
        assert "models:/models" in SERVICES[name]["volumes"]
    worker = (DOCKER / "worker.Dockerfile").read_text(encoding="utf-8")
    assert "HF_HOME=/models" in worker
    assert "install -d -o 10001 /models" in worker


def test_no_package_hides_the_docker_sdk() -> None:
    assert not (DOCKER / "__init__.py").exists()
