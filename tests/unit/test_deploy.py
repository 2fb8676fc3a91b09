"""What is deployed is what is here: the image, the compose file, and the users of a ClickHouse of one's own."""

import hashlib
import re
import shutil
import stat
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from streams import __version__
from streams.agents import AGENTS
from streams.app import STOP_LIMIT_S
from streams.cli import load_command
from streams.notify.agent import CLOSE_S
from streams.settings import Settings
from streams.sink import END_SECONDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("group-vitals")}
STAYING = {"groups-1", "groups-2", "identity", "attribution", "alerts", "sink", "ticker", "notify"}
SETTINGS = {f"VITALS_{name.upper()}" for name in Settings.__struct_fields__}
OF_COMPOSE = {"VITALS_LANGUAGE", "VITALS_IMPORT", "VITALS_BI_PASSWORD"}
"""Variables of compose.yaml that are no setting of `vitals`."""


def pins(name):
    """Package → its lines in a lock, from the version to the last hash."""
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)(==.*(?:\\\n +--hash.*)+)", (DEPLOY / name).read_text(), re.MULTILINE)
    return {name: re.sub(r" ;.*\\", "\\\\", rest) for name, rest in found}


def needed(wanted):
    """Every package that these requirements bring here, as they are installed, extras included."""
    known, todo = set(), [Requirement(line) for line in wanted]
    while todo:
        one = todo.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        for extra in {"", *one.extras}:
            if (name, extra) in known:
                continue
            known.add((name, extra))
            lines = metadata.distribution(name).requires or []
            todo += [dep for line in lines if _holds(dep := Requirement(line), extra)]
    return {name for name, _ in known}


def _holds(requirement, extra):
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("image.lock", PROJECT["project"]["dependencies"]), ("build.lock", PROJECT["build-system"]["requires"])],
)
def test_the_image_has_what_it_needs_as_it_was_tested(lock, wanted):
    image, tested = pins(lock), pins("requirements.lock")
    assert {name: pin for name, pin in image.items() if tested.get(name) != pin} == {}
    assert needed(wanted) - {"group-vitals"} <= set(image)


def test_the_image_is_without_the_extras():
    extras = PROJECT["project"]["optional-dependencies"]
    left_out = {Requirement(line).name for lines in extras.values() for line in lines}
    assert len(left_out) > 2
    assert not left_out & set(pins("image.lock"))


def test_the_dockerfile_copies_what_is_there_and_what_is_let_in():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) > 6
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}\n" in ignored
    assert ignored.splitlines()[1] == "*"
    assert set(re.findall(r"^!(.+)$", ignored, re.MULTILINE)) == set(sources)


def test_the_wheel_finds_all_that_it_packs_in_the_image():
    target = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    packed = {*target["packages"], *target["force-include"], PROJECT["project"]["readme"], "LICENSE", "pyproject.toml"}
    assert [path for path in packed if not re.search(rf"^COPY .*\b{re.escape(path)}\b", DOCKERFILE, re.MULTILINE)] == []


def test_the_image_runs_a_supported_python_as_nobody_in_particular():
    (python,) = re.findall(r"^ARG PYTHON=python:(\d+\.\d+\.\d+)-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert python in SpecifierSet(PROJECT["project"]["requires-python"])
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert stage.index("USER 10001:10001") < stage.index('ENTRYPOINT ["vitals"]')
    assert "useradd --uid 10001" in stage
    installs = re.findall(r"pip.* install .*", DOCKERFILE)
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_every_image_is_pinned():
    for name, one in SERVICES.items():
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+(\.\d+)?", one["image"]), name
    assert {one["image"] for one in OURS.values()} == {f"group-vitals:{__version__}"}
    assert re.fullmatch(r"[\w-]+@\d+\.\d+\.\d+", SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"])


def test_nothing_is_published_beyond_loopback():
    ports = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert len(ports) == 4
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert not [name for name, one in SERVICES.items() if one.get("network_mode") == "host" or one.get("privileged")]


def test_every_variable_is_a_setting():
    named = set(re.findall(r"VITALS_[A-Z_]+[A-Z]", (DEPLOY / "compose.yaml").read_text()))
    assert named - OF_COMPOSE - SETTINGS == set()
    assert set(re.findall(r"VITALS_[A-Z_]+[A-Z]", DOCKERFILE)) - SETTINGS == set()


def test_every_variable_that_compose_takes_is_in_the_guide():
    taken = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert "VITALS_PARTITIONS" in taken
    assert taken <= set(re.findall(r"`(VITALS_\w+)`", (DEPLOY / "README.md").read_text()))


def test_no_password_is_a_variable():
    for name, one in SERVICES.items():
        for key, value in (one.get("environment") or {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", key):
                assert (key, value.startswith("/run/secrets/")) == (f"{key.removesuffix('__FILE')}__FILE", True), name


def test_every_part_runs_and_ends_in_its_time():
    commands = {name: one["command"] for name, one in OURS.items()}
    assert {command[1] for command in commands.values() if command[0] == "worker"} == set(AGENTS)
    assert {"sink", "ticker", "notify"} <= {command[0] for command in commands.values()}
    names = [command[command.index("--name") + 1] for command in commands.values() if "--name" in command]
    assert len(names) == len(set(names)) == len(AGENTS) + 2  # a worker of the groups more, and the sink
    for name in STAYING:
        assert int(OURS[name]["stop_grace_period"].removesuffix("s")) > max(STOP_LIMIT_S, END_SECONDS, CLOSE_S)
        assert OURS[name]["restart"] == "unless-stopped"
        assert "9464/live" in OURS[name]["healthcheck"]["test"][-1]
        assert OURS[name]["environment"]["VITALS_METRICS"].endswith(":9464")
        assert set(OURS[name]["depends_on"]) == {"topics", "schema"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_would_run(name):
    words = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in OURS[name]["command"]]
    command = load_command(words.pop(0))
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    assert command.make_context(name, words).command is command


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_container_of_ours_is_confined(name):
    one = OURS[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]


def test_who_needs_a_password_gets_it_and_nobody_else():
    has = {name: sorted(secret["source"] for secret in one.get("secrets", [])) for name, one in OURS.items()}
    assert {name: secrets for name, secrets in has.items() if secrets} == {
        "schema": ["clickhouse"],
        "sink": ["clickhouse"],
        "notify": ["bi"],
        "cli": ["bi", "clickhouse"],
    }
    for one in OURS.values():
        for secret in one.get("secrets", []):
            assert secret["target"] == f"/var/lib/vitals/secrets/{secret['source']}"


def test_what_has_to_stay_is_in_volumes_and_every_volume_is_used():
    mounted = {volume.partition(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])}
    assert set(COMPOSE["volumes"]) == {name for name in mounted if not name.startswith((".", "$"))}
    files = {name for name in mounted if name.startswith("./clickhouse/")}
    assert len(files) == 2
    assert all((DEPLOY / name).is_file() for name in files)


def test_compose_itself_takes_the_file():
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no `docker compose` here to check deploy/compose.yaml: see `make deploy-check`")
    command = [docker, "compose", "--file", "compose.yaml", "--profile", "*", "config", "--quiet"]
    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_secrets_are_made_once_and_for_their_owner(tmp_path):
    script = shutil.copy(DEPLOY / "make-secrets", tmp_path)
    folder = tmp_path / "secrets"
    subprocess.run([script], check=True, capture_output=True)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(first) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    subprocess.run([script], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len({first[name].strip() for name in ("clickhouse", "bi", "grafana-admin")}) == 3
    for name, key in (("clickhouse", "vitals_digest"), ("bi", "bi_digest")):
        password = first[name].strip()
        assert len(password) == 32
        assert f"<{key}>{hashlib.sha256(password.encode()).hexdigest()}</{key}>" in first["clickhouse-digests"]
        assert password not in first["clickhouse-digests"]


def test_secrets_are_never_committed():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"deploy/secrets/", "deploy/notify/"} <= set(ignored)
