"""The Helm chart: what it renders keeps to the rules of a cluster and of the parts that run in it."""

import json
import os
import re
import shutil
import subprocess
import typing
from pathlib import Path

import click
import pytest
import yaml

from streams import __version__
from streams.agents import AGENTS
from streams.app import STOP_LIMIT_S
from streams.cli import load_command
from streams.dashboards.files import pages
from streams.dashboards.model import Look
from streams.notify.agent import CLOSE_S
from streams.settings import Settings
from streams.sink import END_SECONDS
from tests import chart

OBJECTS = [one for one in yaml.safe_load_all(chart.RENDERED.read_text()) if one]
VALUES = yaml.safe_load((chart.CHART / "values.yaml").read_text())
SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
NO_VALUE = {
    "maven_mirror", "workers", "metrics",
    "clickhouse_password", "bi_password", "kafka_password", "grafana_token",
}  # fmt: skip
"""Settings that the chart sets itself, that only the embedded stack has, or that are secrets."""
JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}

needs_helm = pytest.mark.skipif(not shutil.which("helm"), reason="no helm here: `make deploy-check` fetches it")


def pod_of(one):
    return one["spec"] if one["kind"] == "Pod" else one["spec"]["template"]["spec"]


PODS = {
    one["metadata"]["name"]: pod_of(one)
    for one in OBJECTS
    if one["kind"] in ("Pod", "StatefulSet", "Deployment", "Job")
}
PARTS = {
    one["metadata"]["labels"]["app.kubernetes.io/component"]: one
    for one in OBJECTS
    if one["kind"] in ("StatefulSet", "Deployment")
}


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def test_the_fixture_is_of_this_chart():
    """Else: `python -m tests.chart`, where helm is."""
    assert chart.RENDERED.read_text().partition("\n")[0] == f"# checksum: {chart.checksum()}"


@needs_helm
def test_the_fixture_is_what_helm_renders():
    assert chart.RENDERED.read_text() == chart.rendered()


@needs_helm
@pytest.mark.parametrize("values", ["least", "all"])
def test_helm_lints_and_kubernetes_knows_every_field(values, tmp_path):
    done = chart.helm("lint", "--strict", chart.CHART.name, "--values", f"{chart.CHART.name}/ci/{values}-values.yaml")
    assert done.returncode == 0, done.stdout
    done = chart.template(values)
    assert done.returncode == 0, done.stderr
    schemas, kubeconform = os.environ.get("KUBERNETES_SCHEMAS"), shutil.which("kubeconform")
    if not schemas or not kubeconform:
        pytest.skip("no kubeconform and KUBERNETES_SCHEMAS here: `make deploy-check` fetches them")
    (tmp_path / "all.yaml").write_text(done.stdout)
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [kubeconform, "-strict", "-summary", "-schema-location", location, "-skip", "ServiceMonitor", "all.yaml"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@needs_helm
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("agents.groups.replicas=9", "agents.groups.replicas is 9, the topics have 8 partitions"),
        ("sink.replicas=9", "sink.replicas is 9"),
        ("settings.kafka=", "settings.kafka: give its address"),
        ("secrets.clickhouse.name=", "name the Secret"),
        ("image.repository=", "image.repository"),
        ("notify.enabled=true", "notify.config"),
        ("settings.clickhouse_password=x", "'clickhouse_password' not allowed"),
        ("setings.kafka=x", "'setings' not allowed"),
        ("settings.partitions=0", "minimum"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_installed(wrong, said):
    done = chart.template("least", "--set", wrong)
    assert done.returncode != 0
    assert said in done.stderr


@needs_helm
@pytest.mark.parametrize("replicas", [1, 8])
def test_as_many_workers_as_partitions_are_fine(replicas):
    assert chart.template("least", "--set", f"agents.groups.replicas={replicas}").returncode == 0


@needs_helm
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_those_of_the_project(language):
    more = (
        "--set",
        "dashboards.enabled=true,dashboards.language=" + language,
        "--show-only",
        "templates/dashboards.yaml",
    )
    maps = list(yaml.safe_load_all(chart.template("least", *more).stdout))
    found = {name: json.loads(text) for one in maps for name, text in one["data"].items()}
    folder = chart.ROOT / "dashboards" / language
    assert found == {f"vitals-{path.name}": json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert len(found) == len(pages(Look(language)))
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in maps)


def test_every_pod_is_confined():
    assert len(PODS) == len(AGENTS) + 6  # sink, ticker, notify, toolbox, setup, test
    for name, pod in PODS.items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in containers(pod):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(one["resources"]["requests"])
            assert "memory" in one["resources"]["limits"]
            assert re.fullmatch(r"registry\.example/group-vitals@sha256:0{64}", one["image"])


def test_the_chart_is_of_this_version():
    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == __version__


def test_no_secret_is_made_or_shown():
    assert {one["kind"] for one in OBJECTS} & {"Secret"} == set()
    for pod in PODS.values():
        for variable in [variable for one in containers(pod) for variable in one.get("env", [])]:
            assert not re.search("PASSWORD|TOKEN|SECRET", variable["name"])
    assert {name for name, value in VALUES["secrets"].items() if value["name"]} == set()


def test_every_variable_is_a_setting_and_every_setting_a_value():
    known = {f"VITALS_{name.upper()}" for name in Settings.__struct_fields__}
    given = {variable["name"] for pod in PODS.values() for one in containers(pod) for variable in one.get("env", [])}
    assert given - known == {"POD_NAME"}
    hints = typing.get_type_hints(Settings)
    types = {name: {*typing.get_args(hints[name]), hints[name]} for name in Settings.__struct_fields__}
    types = {name: {str} if typing.get_origin(hints[name]) is typing.Literal else of for name, of in types.items()}
    wanted = {name: JSON_TYPES[kind] for name in set(types) - NO_VALUE for kind in types[name] & set(JSON_TYPES)}
    assert {name: one["type"] for name, one in SCHEMA["properties"]["settings"]["properties"].items()} == wanted
    files = {name for name, kinds in types.items() if Path in kinds} - {"home", "cache"}
    assert files <= set(VALUES["files"]) == set(SCHEMA["properties"]["files"]["properties"])


def test_large_numbers_stay_numbers():
    sink = containers(PODS["vitals-group-vitals-sink"])[0]
    values = {one["name"]: one.get("value") for one in sink["env"]}
    assert (values["VITALS_RETENTION_DAYS"], values["VITALS_DYING_RISK"]) == ("1000000", "0.4")


def test_every_part_is_there_and_would_run():
    assert set(PARTS) == {*AGENTS, "sink", "ticker", "notify", "toolbox"}
    for part, one in PARTS.items():
        words = list(containers(pod_of(one))[0].get("args", ["groups"]))
        command = load_command(words.pop(0))
        assert not isinstance(command, click.Group)
        assert command.make_context(part, [word.replace("$(POD_NAME)", "a-0") for word in words]).command is command


def test_members_of_a_consumer_group_keep_their_names():
    for part in (*AGENTS, "sink"):
        one = PARTS[part]
        assert one["kind"] == "StatefulSet"
        assert one["spec"]["podManagementPolicy"] == "Parallel"
        args = containers(pod_of(one))[0]["args"]
        assert args[args.index("--name") + 1] == "$(POD_NAME)"
        assert "volumeClaimTemplates" not in one["spec"]


def test_every_part_is_probed_and_may_end_in_order():
    for part, one in PARTS.items():
        pod = pod_of(one)
        assert pod["terminationGracePeriodSeconds"] > max(STOP_LIMIT_S, END_SECONDS, CLOSE_S)
        if part == "toolbox":
            continue
        (container,) = pod["containers"]
        assert container["ports"] == [{"name": "metrics", "containerPort": 9464}]
        assert container["livenessProbe"]["httpGet"] == {"path": "/live", "port": "metrics"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}
        assert {"name": "VITALS_METRICS", "value": "0.0.0.0:9464"} in container["env"]


def test_there_is_one_ticker_and_one_notify_with_its_spool():
    assert PARTS["ticker"]["spec"]["replicas"] == PARTS["notify"]["spec"]["replicas"] == 1
    (claim,) = PARTS["notify"]["spec"]["volumeClaimTemplates"]
    mounts = {one["name"]: one["mountPath"] for one in pod_of(PARTS["notify"])["containers"][0]["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == "/var/lib/vitals/notify"
    assert mounts["channels"] == "/var/lib/vitals/channels"


def test_who_needs_a_password_gets_it_and_nobody_else():
    files = {}
    for name, pod in PODS.items():
        for volume in pod.get("volumes", []):
            sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
            items = [item["path"] for secret in sources for item in secret.get("items", [{"path": secret["name"]}])]
            files |= {name.removeprefix("vitals-group-vitals-"): sorted(items)} if items else {}
    assert files == {
        **{part: ["kafka"] for part in (*AGENTS, "ticker")},
        **{part: ["clickhouse", "kafka"] for part in ("sink", "setup", "test")},
        "notify": ["bi", "kafka"],
        "toolbox": ["bi", "clickhouse", "kafka", "vitals-brands"],
    }  # fmt: skip


def test_what_a_pod_mounts_it_has():
    for one in [one for one in OBJECTS if "containers" in str(one.get("spec"))]:
        pod, name = pod_of(one), one["metadata"]["name"]
        has = {volume["name"] for volume in pod["volumes"]}
        has |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        mounted = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", [])}
        assert mounted == has, name


def test_files_lie_where_the_settings_say():
    for name, pod in PODS.items():
        for container in containers(pod):
            paths = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
            files = [one["value"] for one in container.get("env", []) if one.get("value", "").startswith("/etc/")]
            assert [file for file in files if file.rpartition("/")[0] not in paths] == [], name
            assert len(files) in (0, 2)


def test_a_drained_node_takes_one_worker_of_an_agent_at_a_time():
    budgets = {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] == "PodDisruptionBudget"}
    assert set(budgets) == {f"vitals-group-vitals-{part}" for part in (*AGENTS, "sink")}
    for part in (*AGENTS, "sink"):
        budget = budgets[f"vitals-group-vitals-{part}"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"] == PARTS[part]["spec"]["selector"]
        labels = PARTS[part]["spec"]["template"]["metadata"]["labels"]
        assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_topics_and_schema_come_before_the_pods_and_need_nothing_of_the_chart():
    (job,) = [one for one in OBJECTS if one["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = pod_of(job)
    assert [one["args"] for one in containers(pod)] == [["topics", "apply"], ["migrate"]]
    ours = {one["metadata"]["name"] for one in OBJECTS if one["kind"] == "ConfigMap"}
    assert not [volume for volume in pod["volumes"] if volume.get("configMap", {}).get("name") in ours]


def test_prometheus_finds_every_part():
    (service,) = [one for one in OBJECTS if one["kind"] == "Service"]
    assert service["spec"]["clusterIP"] == "None"
    for one in PARTS.values():
        assert service["spec"]["selector"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
        if one["kind"] == "StatefulSet":
            assert one["spec"]["serviceName"] == service["metadata"]["name"]
    (monitor,) = [one for one in OBJECTS if one["kind"] == "ServiceMonitor"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
