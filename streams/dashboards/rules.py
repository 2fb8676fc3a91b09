"""Alert rules that Grafana evaluates by itself, each with its runbook and the panel that shows it.

A rule is a query, its last value per series, and a comparison. Its query has a row for every brand or source, also when
all is well, so that an alert ends because the number went down and never because a row was missing.
"""

import re
from typing import Any, Literal

import msgspec

from streams.dashboards import queries, thresholds
from streams.dashboards.builders import DATASOURCE, TAG, TIME_SERIES, target
from streams.dashboards.model import Look, Words
from streams.errors import VitalsError

Json = dict[str, Any]
RULE_GROUP = "group-vitals"
CONTACT = "vitals-contact"
MATCHERS = [["managed_by", "=", TAG]]
"""What sends our alerts to our contact point."""
INTERVAL_S = 60
_EXPRESSION = {"type": "__expr__", "uid": "__expr__"}
_SINCE_S = 3600


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An alert: fires when `sql`'s value stays above `above` for `lasts`, per brand or source.

    `no_data` and `error` are what Grafana takes for the state without an answer. `page` and `panel` show it.
    """

    name: str
    summary: Words
    sql: str
    above: float
    lasts: str
    severity: Literal["page", "warning"]
    page: str
    panel: int
    no_data: Literal["Alerting", "NoData", "OK"] = "NoData"
    error: Literal["Alerting", "Error", "OK"] = "Error"

    @property
    def slug(self) -> str:
        """The name of its runbook, `deploy/runbooks/<slug>.md`, made from its own."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", self.name).lower()

    @property
    def uid(self) -> str:
        """What it is called in every Grafana."""
        return f"vitals-{self.slug}"


RULES = (
    Rule(
        name="GroupsDying",
        summary=(
            "{{ $values.R }} groups of {{ $labels.brand_id }} are dying",
            "{{ $labels.brand_id }} 有 {{ $values.R }} 个群濒死",
        ),
        sql=queries.ALERT_DYING,
        above=thresholds.DYING_GROUPS,
        lasts="5m",
        severity="warning",
        page="fleet",
        panel=2,
    ),
    Rule(
        name="SourceBlind",
        summary=(
            "{{ $labels.source }} of {{ $labels.brand_id }} is blind, {{ $values.R }} groups are not seen",
            "{{ $labels.brand_id }} 的数据源 {{ $labels.source }} 失联,{{ $values.R }} 个群情况不明",
        ),
        sql=queries.ALERT_BLIND,
        above=thresholds.BLIND_GROUPS,
        lasts="5m",
        severity="page",
        page="pipeline",
        panel=4,
    ),
    Rule(
        name="PipelineBehind",
        summary=(
            "Vital signs are {{ $values.R }} minutes behind the events",
            "体征落后事件 {{ $values.R }} 分钟",
        ),
        sql=queries.ALERT_BEHIND,
        above=thresholds.BEHIND_MINUTES,
        lasts="10m",
        severity="page",
        page="pipeline",
        panel=1,
        no_data="Alerting",
        error="Alerting",
    ),
    Rule(
        name="DeadLettersRising",
        summary=(
            "{{ $values.R }} more records than usual were refused in the last hour",
            "过去一小时被拒绝的记录比平时多 {{ $values.R }} 条",
        ),
        sql=queries.ALERT_LETTERS,
        above=thresholds.NEW_DEAD_LETTERS,
        lasts="5m",
        severity="warning",
        page="pipeline",
        panel=3,
    ),
)


RUNBOOK_OF = {
    "dying": "groups-dying",
    "drop": "engagement-drop",
    "blind": "source-blind",
    "common_cause": "common-cause",
}
"""Kind of alert of the alert agent → its runbook, where it is the same matter that of the rule here."""
RUNBOOKS = tuple(dict.fromkeys((*(rule.slug for rule in RULES), *RUNBOOK_OF.values())))
"""Every runbook. One goes to the end: its place here is its place on the page that shows them."""


def runbook_url(slug: str, look: Look) -> str:
    """Where Grafana shows the runbook of that name."""
    number = RUNBOOKS.index(slug) + 1
    return f"{look.grafana_url}/d/vitals-runbooks?viewPanel={number}"


def rule(one: Rule, look: Look, folder: str) -> Json:
    """A rule as Grafana's provisioning API takes it; in a file the last three keys are the group's."""
    return {
        "uid": one.uid,
        "title": one.name,
        "condition": "B",
        "data": [_query(one, look), _reduce(), _compare(one.above)],
        "noDataState": one.no_data,
        "execErrState": one.error,
        "for": one.lasts,
        "annotations": {
            "summary": look.word(one.summary),
            "runbook_url": runbook_url(one.slug, look),
            "__dashboardUid__": f"vitals-{one.page}",
            "__panelId__": str(one.panel),
        },
        "labels": {"severity": one.severity, "managed_by": TAG},
        "orgID": 1,
        "folderUID": folder,
        "ruleGroup": RULE_GROUP,
    }


def contact_point(text: str | None) -> Json | None:
    """The contact point for an e-mail address or a URL. Raises VitalsError for anything else."""
    if not text:
        return None
    if text.startswith(("http://", "https://")):
        kind, settings = "webhook", {"url": text, "httpMethod": "POST"}
    elif "@" in text:
        kind, settings = "email", {"addresses": text}
    else:
        raise VitalsError(f"VITALS_GRAFANA_CONTACT is {text!r}: give an e-mail address or the URL of a webhook")
    return {"uid": CONTACT, "name": TAG, "type": kind, "settings": settings, "disableResolveMessage": False}


def _query(one: Rule, look: Look) -> Json:
    shared = {"selectedFormat": TIME_SERIES, "intervalMs": 1000, "maxDataPoints": 43200}
    model = target(one.sql, look, TIME_SERIES) | shared
    return _part("A", DATASOURCE["uid"], model, _SINCE_S)


def _reduce() -> Json:
    return _expression("R", {"type": "reduce", "expression": "A", "reducer": "last"})


def _compare(above: float) -> Json:
    return _expression("B", {"type": "math", "expression": f"$R > {above:g}"})


def _expression(name: str, model: Json) -> Json:
    shared = {"refId": name, "datasource": _EXPRESSION, "intervalMs": 1000, "maxDataPoints": 43200, "hide": False}
    return _part(name, "-100", model | shared, 0)


def _part(name: str, source: str, model: Json, since_s: int) -> Json:
    return {
        "refId": name,
        "queryType": "",
        "relativeTimeRange": {"from": since_s, "to": 0},
        "datasourceUid": source,
        "model": model,
    }
