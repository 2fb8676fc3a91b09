"""The dashboards as files: the committed ones, made anew by `make dashboards`, and those for Grafana's provisioning."""

import json
from typing import Any

import yaml

from streams.dashboards.builders import DATASOURCE, Json, dashboard
from streams.dashboards.fleet_page import FLEET
from streams.dashboards.group_page import group_page
from streams.dashboards.members_page import MEMBERS
from streams.dashboards.model import Look, Page
from streams.dashboards.pipeline_page import PIPELINE
from streams.dashboards.rules import INTERVAL_S, RULE_GROUP, RULES, contact_point, rule
from streams.dashboards.runbooks import runbooks_page
from streams.resources import resource_dir, write
from streams.settings import Settings

FOLDER, ALERT_FOLDER = "group-vitals", "group-vitals-alerts"
TITLES = {FOLDER: ("Group vitals", "群体征"), ALERT_FOLDER: ("Group vitals alerts", "群体征告警")}
"""Two titles: a file of alerts makes its folder by title, and dashboards would then land in that one."""
PROVISIONING = "/etc/grafana/provisioning"
"""Where Grafana looks for files, unless told otherwise."""


def pages(look: Look) -> tuple[Page, ...]:
    """Every dashboard."""
    return (FLEET, group_page(look.dying_risk), MEMBERS, PIPELINE, runbooks_page())


def dashboards(look: Look) -> list[Json]:
    """Every dashboard as Grafana takes it."""
    return [dashboard(page, look) for page in pages(look)]


def datasource(settings: Settings, address: str | None = None) -> Json:
    """The data source, without its password. `address` is ClickHouse's host:port as Grafana reaches it."""
    host, _, port = (address or f"{settings.clickhouse_host}:{settings.clickhouse_port}").rpartition(":")
    return {
        "name": "Group vitals",
        "uid": DATASOURCE["uid"],
        "type": DATASOURCE["type"],
        "access": "proxy",
        "jsonData": {
            "server": host,
            "host": host,
            "port": int(port),
            "protocol": "native",
            "username": settings.bi_user,
            "defaultDatabase": settings.clickhouse_database,
            "timeout": "10",
            "queryTimeout": "60",
            **({"secure": True} if settings.clickhouse_secure else {}),
        },
    }


def committed() -> dict[str, bytes]:
    """Path below `dashboards/` → content, for the default settings, in both languages."""
    looks = (Look("en"), Look("zh"))
    return {
        f"{look.language}/{page['uid'].removeprefix('vitals-')}.json": pretty(page)
        for look in looks
        for page in dashboards(look)
    }


def rendered(
    settings: Settings, look: Look, *, address: str | None, mounted_at: str = PROVISIONING
) -> dict[str, bytes]:
    """Path below the provisioning folder → content. The password is taken from Grafana's own environment."""
    source = datasource(settings, address) | {"secureJsonData": {"password": "$VITALS_BI_PASSWORD"}}
    provider = {
        "name": "group-vitals",
        "type": "file",
        "folder": look.word(TITLES[FOLDER]),
        "folderUid": FOLDER,
        "options": {"path": f"{mounted_at}/dashboards/group-vitals"},
    }
    files = {
        "datasources/group-vitals.yaml": _yaml({"apiVersion": 1, "datasources": [source]}),
        "dashboards/group-vitals.yaml": _yaml({"apiVersion": 1, "providers": [provider]}),
        "alerting/group-vitals.yaml": _yaml({"apiVersion": 1, "groups": [rule_group(look)], **_told(settings)}),
    }
    return files | {f"dashboards/group-vitals/{one['uid']}.json": pretty(one) for one in dashboards(look)}


def rule_group(look: Look) -> Json:
    """The alert rules as a file has them."""
    rules = [rule(one, look, ALERT_FOLDER) for one in RULES]
    for one in rules:
        for key in ("orgID", "folderUID", "ruleGroup"):
            del one[key]
    return {
        "orgId": 1,
        "name": RULE_GROUP,
        "folder": look.word(TITLES[ALERT_FOLDER]),
        "interval": f"{INTERVAL_S}s",
        "rules": rules,
    }


def _told(settings: Settings) -> Json:
    """Whom the rules tell, as a file has it: policies of a file are all the policies there are."""
    point = contact_point(settings.grafana_contact)
    if point is None:
        return {}
    receiver = {name: value for name, value in point.items() if name != "name"}
    return {
        "contactPoints": [{"orgId": 1, "name": point["name"], "receivers": [receiver]}],
        "policies": [{"orgId": 1, "receiver": point["name"], "group_by": ["alertname", "brand_id"]}],
    }


def pretty(value: Any) -> bytes:
    """JSON for people and for diffs."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _yaml(value: Any) -> bytes:
    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=10_000)
    return text.encode()


if __name__ == "__main__":
    for path in write(resource_dir("dashboards"), committed()):
        print(f"wrote {path}")  # noqa: T201 - this is a tool, run by `make dashboards`
