"""`vitals dashboards push` against a stand-in that enforces the description of Grafana's API."""

import copy

import msgspec
import pytest

from streams import cli
from streams.dashboards import pushing
from streams.dashboards.files import ALERT_FOLDER, FOLDER
from streams.dashboards.model import Look
from streams.dashboards.pushing import covers, plan, wanted
from streams.dashboards.rules import RULES
from streams.errors import VitalsError
from streams.grafana import Grafana, GrafanaError
from streams.settings import Settings
from tests.grafana import DESCRIPTION, TOKEN, Description, FakeGrafana

NO_DESCRIPTION = "SKIPPED FOR LACK OF DATA: ../shared/data/grafana is not there"
needs_description = pytest.mark.skipif(not DESCRIPTION.exists(), reason=NO_DESCRIPTION)


@pytest.fixture(params=["free", pytest.param("described", marks=needs_description)])
def fake(request):
    description = Description() if request.param == "described" else None
    with FakeGrafana(description).serving() as running:
        yield running
    assert running.broken == []


@pytest.fixture
def settings(fake, tmp_path):
    return Settings(home=tmp_path, cache=tmp_path, bi_password="secret", grafana_url=fake.url, grafana_token=TOKEN)


def push(settings, look=None):
    want = wanted(settings, look or Look(), address="clickhouse:9000")
    steps = list(plan(Grafana(settings.grafana_url, settings.grafana_token), want))
    for step in steps:
        step.do() if step.action != "keep" else None
    return [(step.action, step.kind, step.name) for step in steps if step.action != "keep"]


def test_push_makes_everything_and_again_changes_nothing(fake, settings):
    with_contact = msgspec.structs.replace(settings, grafana_contact="https://hooks.example/x")
    done = push(with_contact)
    assert {action for action, _, _ in done} == {"create"}
    assert set(fake.folders) == {FOLDER, ALERT_FOLDER}
    assert len(fake.dashboards) == 5
    assert set(fake.rules) == {one.uid for one in RULES}
    assert fake.tree["routes"][0]["receiver"] == fake.contacts["vitals-contact"]["name"]
    before = len(fake.writes)
    assert push(with_contact) == []
    assert len(fake.writes) == before


def test_what_somebody_changed_is_put_right(fake, settings):
    push(settings)
    fake.dashboards["vitals-fleet"]["dashboard"]["title"] = "my fleet"
    fake.dashboards["vitals-group"]["meta"]["folderUid"] = "elsewhere"
    fake.rules["vitals-source-blind"]["noDataState"] = "OK"
    fake.folders[FOLDER]["title"] = "Other"
    fake.intervals[ALERT_FOLDER, "group-vitals"] = 600
    assert push(settings) == [
        ("update", "folder", FOLDER),
        ("update", "dashboard", "vitals-fleet"),
        ("update", "dashboard", "vitals-group"),
        ("update", "alert rule", "vitals-source-blind"),
        ("update", "interval of alert rules", "group-vitals"),
    ]
    assert set(fake.rules) == {one.uid for one in RULES}
    assert push(settings) == []


def test_what_is_ours_and_dropped_is_taken_away(fake, settings, monkeypatch):
    push(settings)
    monkeypatch.setattr(pushing, "RULES", RULES[1:])
    made = pushing.dashboards
    monkeypatch.setattr(pushing, "dashboards", lambda look: made(look)[1:])
    assert push(settings) == [("delete", "alert rule", RULES[0].uid), ("delete", "dashboard", "vitals-fleet")]
    assert "vitals-fleet" not in fake.dashboards
    assert RULES[0].uid not in fake.rules
    assert push(settings) == []


def test_what_is_not_ours_is_never_touched(fake, settings):
    with_contact = msgspec.structs.replace(settings, grafana_contact="oncall@example.com")
    push(with_contact)
    mine = fake.dashboards["vitals-fleet"]
    theirs = {"uid": "abc", "title": "A copy", "tags": ["group-vitals"], "version": 1}
    fake.dashboards["abc"] = {"dashboard": theirs, "meta": {"folderUid": FOLDER}}
    fake.dashboards["vitals-moved"] = {**copy.deepcopy(mine), "meta": {"folderUid": "elsewhere"}}
    fake.rules["theirs"] = {**fake.rules[RULES[0].uid], "uid": "theirs", "labels": {}}
    fake.contacts["pager"] = {"uid": "pager", "name": "pager", "type": "webhook", "settings": {"url": "x"}}
    fake.tree["routes"].append({"receiver": "pager", "object_matchers": [["team", "=", "a"]]})
    fake.intervals[ALERT_FOLDER, "group-vitals"] = 600  # the whole group is written
    theirs_before = copy.deepcopy((fake.dashboards["abc"], fake.rules["theirs"], fake.contacts["pager"]))
    push(settings)  # without a contact: our route and contact point go
    assert (fake.dashboards["abc"], fake.rules["theirs"], fake.contacts["pager"]) == theirs_before
    assert "vitals-moved" in fake.dashboards
    assert [route["receiver"] for route in fake.tree["routes"]] == ["pager"]
    assert set(fake.contacts) == {"pager"}


def test_our_route_comes_before_a_general_one_and_the_tree_stays_editable(fake, settings):
    fake.tree["routes"] = [{"receiver": "pager", "object_matchers": [["severity", "=", "page"]]}]
    push(msgspec.structs.replace(settings, grafana_contact="oncall@example.com"))
    assert [route["receiver"] for route in fake.tree["routes"]] == ["group-vitals", "pager"]
    [header] = [header for _, path, _, header in fake.writes if path.endswith("/policies")]
    assert header == "true"


def test_policies_from_a_file_are_left_alone(fake, settings):
    fake.tree["provenance"] = "file"
    with pytest.raises(GrafanaError, match="policies come from a file"):
        push(msgspec.structs.replace(settings, grafana_contact="oncall@example.com"))
    assert fake.writes == []


@pytest.mark.parametrize("kind", ["dashboard", "alert rule", "data source"])
def test_a_uid_taken_by_something_else_stops_the_plan_before_anything_changes(fake, settings, kind):
    if kind == "dashboard":
        fake.dashboards["vitals-fleet"] = {"dashboard": {"uid": "vitals-fleet", "title": "x"}, "meta": {}}
    elif kind == "alert rule":
        fake.folders["f"] = {"uid": "f", "title": "f"}
        fake.rules[RULES[0].uid] = msgspec.to_builtins(wanted(settings, Look(), address=None).rules[0]) | {"labels": {}}
    else:
        fake.sources["vitals-clickhouse"] = {"uid": "vitals-clickhouse", "type": "prometheus"}
    with pytest.raises(GrafanaError, match=f"has a {kind} vitals-.* that is not of vitals"):
        push(settings)
    assert fake.writes == []


def test_a_changed_password_is_given_again(fake, settings):
    push(settings)
    fake.good_password = "rotated"
    changed = msgspec.structs.replace(settings, bi_password="rotated")
    assert push(changed) == [("update", "data source", "vitals-clickhouse")]
    assert push(changed) == []


def test_the_other_language_is_an_update_of_the_same_pages(fake, settings):
    push(settings)
    assert {kind for _, kind, _ in push(settings, Look("zh"))} == {"folder", "dashboard", "alert rule"}
    assert len(fake.dashboards) == 5
    assert fake.dashboards["vitals-fleet"]["dashboard"]["title"].startswith("群体征")


def test_errors_are_one_line_that_says_what_to_do(fake, settings):
    def said(**changed):
        with pytest.raises(VitalsError) as raised:
            push(msgspec.structs.replace(settings, **changed))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "does not know the token: set VITALS_GRAFANA_TOKEN" in said(grafana_token="wrong")
    assert "does not answer" in said(grafana_url="http://127.0.0.1:1")
    assert "give it like http://" in said(grafana_url="127.0.0.1:3000")
    assert "give an e-mail address or the URL" in said(grafana_contact="me")
    assert fake.writes == []
    assert "cannot ask ClickHouse (" in said(bi_password="wrong")
    fake.has_plugin = False
    assert "no plugin for ClickHouse: `grafana-cli plugins install grafana-clickhouse-datasource`" in said()
    fake.version = "8.5.27"
    assert "is 8.5.27: 9.3 or newer is needed" in said()


def test_a_token_without_the_role_is_told_so(fake, settings):
    fake.role = "Viewer"
    with pytest.raises(GrafanaError, match="may not POST /folders: its service account needs the role Admin"):
        push(settings)


def test_the_command_dry_runs_pushes_and_checks(fake, settings, monkeypatch, capsys):
    for name in ("grafana_url", "grafana_token", "bi_password", "home"):
        monkeypatch.setenv(f"VITALS_{name.upper()}", str(getattr(settings, name)))
    assert cli.run(["dashboards", "push", "--dry-run"]) == 0
    assert "would create dashboard vitals-fleet" in capsys.readouterr().out
    assert fake.writes == []
    assert cli.run(["dashboards", "push"]) == 0
    assert "create alert rule vitals-groups-dying" in capsys.readouterr().out
    assert cli.run(["dashboards", "push"]) == 0
    assert capsys.readouterr().out == "nothing to do, 12 as they should be\n"


def test_without_a_grafana_the_command_says_what_to_set(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    assert cli.run(["dashboards", "push"]) == 1
    assert "VITALS_GRAFANA_URL is not set" in capsys.readouterr().err


def test_covers_is_about_what_is_wanted():
    assert covers({"a": 1, "b": [{"c": 2, "d": 3}]}, {"b": [{"c": 2}]})
    assert not covers({"a": [1, 2]}, {"a": [1]})
    assert not covers({}, {"a": None})


@needs_description
def test_the_description_is_enforced():
    described = Description()
    with pytest.raises(AssertionError, match="is not in the description"):
        described.check_request("POST", "/api/v1/provisioning/rules", {}, {})
    with pytest.raises(AssertionError, match="unknown fields"):
        described.check_request("POST", "/api/folders", {}, {"titel": "x"})
    with pytest.raises(AssertionError, match="is a required property"):
        described.check_request("POST", "/api/v1/provisioning/alert-rules", {}, {"orgID": 1})
