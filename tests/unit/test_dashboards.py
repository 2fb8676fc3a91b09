"""Grafana's pages and rules as made by code: complete, in both languages, and equal to the committed files."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from click.testing import CliRunner

from streams.cli import load_command
from streams.dashboards import pipeline_queries, queries, thresholds
from streams.dashboards.builders import ALL, TAG
from streams.dashboards.checking import questions, span
from streams.dashboards.choices import ADVICE
from streams.dashboards.files import committed, dashboards, datasource, pages, rendered
from streams.dashboards.macros import Span, UnknownMacroError, expand
from streams.dashboards.model import Look
from streams.dashboards.rules import RULES, RUNBOOK_OF, RUNBOOKS, rule, runbook_url
from streams.dashboards.runbooks import directory, queries_in, text_of
from streams.migrations import views
from streams.resources import write
from streams.settings import Settings
from streams.vitals.appraisal import Step
from streams.vitals.drivers import DRIVERS
from streams.words import ALERT_WORDS

ROOT = Path(__file__).parent.parent.parent
EN, ZH = Look("en"), Look("zh")
SPAN = Span(1_700_000_000_000, 1_700_086_400_000, 60)
PANELS = [pytest.param(page, panel, id=f"{page.name}-{panel.id}") for page in pages(EN) for panel in page.panels]


def chosen(_sql):
    return {"brand": ALL, "platform": ALL, "verdict": ALL, "group": ["a/irc/g"]}


def test_the_committed_files_are_what_the_code_makes():
    made = committed()
    there = {str(path.relative_to(ROOT / "dashboards")) for path in (ROOT / "dashboards").rglob("*.json")}
    assert there == set(made)
    assert [name for name, content in made.items() if (ROOT / "dashboards" / name).read_bytes() != content] == []


def test_writing_twice_changes_nothing(tmp_path):
    files = {"en/a.json": b"1", "b.json": b"2"}
    assert write(tmp_path, files) == [tmp_path / "en" / "a.json", tmp_path / "b.json"]
    assert write(tmp_path, files) == []


@pytest.mark.parametrize(("page", "panel"), PANELS)
def test_a_panel_says_what_it_is_in_both_languages(page, panel):
    for words in (
        panel.title,
        panel.about,
        panel.nothing,
        *(column.title for column in panel.columns if column.title[0]),
    ):
        assert words[0]
        assert words[1]
        assert not re.search(r"[\u4e00-\u9fff]", words[0])
        assert page.name == "runbooks" or re.search(r"[\u4e00-\u9fff]", words[1]) or words[1].isupper(), words
    assert panel.width <= 24
    assert panel.sql or panel.text[0]


@pytest.mark.parametrize("page", pages(EN), ids=lambda page: page.name)
def test_panels_have_ids_of_their_own_and_do_not_overlap(page):
    [made] = [one for one in dashboards(EN) if one["uid"] == page.uid]
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
    cells = [
        (x, y)
        for panel in made["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(("page", "panel"), [one for one in PANELS if one.values[1].kind == "table"])
def test_a_table_needs_no_sideways_scrolling_at_1280_pixels(page, panel):
    shown = [column for column in panel.columns if not column.is_hidden]
    widths = sum(column.width or 150 for column in shown)  # Grafana's least width where none is given
    assert widths <= 1230 * panel.width / 24


def test_every_page_leads_to_the_others_and_every_link_exists():
    uids = {page.uid for page in pages(EN)}
    for made in dashboards(EN):
        assert made["tags"] == [TAG]
        assert made["links"][0]["tags"] == [TAG]
        for uid in re.findall(r'"/d/([\w-]+)\?', json.dumps(made)):
            assert uid in uids


def test_links_take_columns_that_the_query_gives():
    for page in pages(EN):
        for panel in page.panels:
            for column in panel.columns:
                for name in re.findall(r"__data\.fields\.(\w+)", column.link):
                    assert re.search(rf"\b{name}\b", panel.sql), (page.name, panel.id, name)


@pytest.mark.parametrize("look", [EN, ZH], ids=["en", "zh"])
def test_every_query_reads_only_what_exists_and_leaves_nothing_unfilled(look):
    known = set(views()) | {"group_vitals_v1", "numbers"}
    for question in questions(look):
        sql = expand(thresholds.worded(question.sql, look), chosen(question.sql), SPAN)
        read = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z]\w+)\b(?!\()", sql))
        assert read
        assert read <= known, question.what
        assert not re.search(r"[{}$]", sql), question.what


def test_every_query_is_asked_by_a_page_or_a_rule():
    written = vars(queries) | vars(pipeline_queries)
    constants = {value for name, value in written.items() if name.isupper() and isinstance(value, str)}
    assert constants == {question.sql for question in questions(EN)}


def test_every_step_has_words():
    assert {value for value, _ in ADVICE} == set(get_args(Step)) - {""}


def test_every_driver_has_words():
    assert set(thresholds.DRIVER_WORDS) == {"usual", *DRIVERS}


def test_reasons_are_in_the_language_of_the_page():
    assert "latest.reasons_zh" in thresholds.worded(queries.GROUP_REASONS, ZH)
    assert "reasons_zh" not in thresholds.worded(queries.GROUP_REASONS, EN)


def test_the_band_of_dying_begins_where_groups_alarm():
    made = next(one for one in dashboards(Look(dying_risk=0.3)) if one["uid"] == "vitals-group")
    [risk] = [panel for panel in made["panels"] if panel["title"] == "Risk"]
    assert [step["value"] for step in risk["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [None, 0.15, 0.3]


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("$__timeFilter(at)", "at >= '1700000000' AND at <= '1700086400'"),
        ("$__timeFilter_ms(at)", "at >= '1700000000000' AND at <= '1700086400000'"),
        ("$__dateFilter(day)", "day >= toDate(1700000000) AND day <= toDate(1700086400)"),
        ("day > $__fromTime", "day > toDateTime(intDiv(1700000000000,1000))"),
        ("toDate($__toTime, 'UTC')", "toDate(toDateTime(intDiv(1700086400000,1000)), 'UTC')"),
        ("$__timeInterval(at)", "toStartOfInterval(toDateTime(at), INTERVAL 60 second)"),
        ("$__timeInterval_ms(at)", "toStartOfInterval(toDateTime64(at, 3), INTERVAL 60000 millisecond)"),
        ("greatest(60, $__interval_s)", "greatest(60, 60)"),
        ("IN (${brand:sqlstring})", "IN ('*')"),
        ("IN (${group:sqlstring})", "IN ('a','it''s')"),
    ],
)
def test_macros_expand_as_the_plugin_does(sql, expanded):
    assert expand(sql, {"brand": ALL, "group": ["a", "it's"]}, SPAN) == expanded


@pytest.mark.parametrize("sql", ["$__timeFiler(at)", "${brand}", "${brand:raw}"])
def test_what_the_plugin_does_not_know_or_is_not_safe_is_refused(sql):
    with pytest.raises(UnknownMacroError):
        expand(sql, {"brand": ALL}, SPAN)


def test_time_ranges_end_now():
    assert span("now-90d", 90 * 86_400_000) == Span(0, 90 * 86_400_000, 7776)
    assert span("now-1h", 3_600_000) == Span(0, 3_600_000, 3)
    with pytest.raises(ValueError, match="no time range"):
        span("yesterday", 0)


def test_alerts_runbooks_and_panels_match():
    assert {path.stem for path in directory().glob("*.md")} == set(RUNBOOKS)
    assert set(RUNBOOK_OF) == set(ALERT_WORDS)
    shown = {page.name: {panel.id: panel for panel in page.panels} for page in pages(EN)}
    for one in RULES:
        assert text_of(one.slug).startswith(f"# {one.name}\n")
        assert shown[one.page][one.panel].sql
    for number, slug in enumerate(RUNBOOKS, 1):
        text = text_of(slug)
        headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert headings == ["First look", "Likely causes", "What to do", "When to escalate"]
        assert queries_in(text)
        whom = text.partition("## When to escalate\n")[2]
        assert re.findall(r"^- \*\*(.+?):\*\* \w", whom, flags=re.MULTILINE) == ["Now", "In the morning"]
        assert shown["runbooks"][number].text == (text, text)
        assert runbook_url(slug, EN).endswith(f"/d/vitals-runbooks?viewPanel={number}")


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.name)
def test_a_rule_is_whole(one):
    made = rule(one, Look(grafana_url="https://g.example"), "folder")
    parts = {part["refId"]: part for part in made["data"]}
    assert list(parts) == ["A", "R", "B"]
    assert made["condition"] == "B"
    assert parts["A"]["model"]["format"] == parts["A"]["model"]["selectedFormat"] == 0
    assert parts["R"]["model"]["expression"] == "A"
    assert parts["R"]["model"]["reducer"] == "last"
    assert parts["B"]["model"]["expression"] == f"$R > {one.above:g}"
    assert made["annotations"]["runbook_url"].startswith("https://g.example/d/")
    assert made["noDataState"] != "OK"
    assert made["execErrState"] != "OK"
    assert re.fullmatch(r"\d+m", made["for"])
    assert made["labels"]["severity"] in ("page", "warning")


def test_names_of_alerts_give_names_of_runbooks():
    assert [one.slug for one in RULES] == ["groups-dying", "source-blind", "pipeline-behind", "dead-letters-rising"]


def test_rendered_files_hold_no_password_and_name_two_folders(tmp_path):
    settings = Settings(home=tmp_path, cache=tmp_path, bi_password="secret-of-bi", clickhouse_host="10.0.0.9")
    files = rendered(settings, EN, address="clickhouse:9000")
    assert not [name for name, content in files.items() if b"secret-of-bi" in content]
    [source] = yaml.safe_load(files["datasources/group-vitals.yaml"])["datasources"]
    assert source["secureJsonData"] == {"password": "$VITALS_BI_PASSWORD"}
    assert (source["jsonData"]["host"], source["jsonData"]["port"]) == ("clickhouse", 9000)
    [provider] = yaml.safe_load(files["dashboards/group-vitals.yaml"])["providers"]
    [group] = yaml.safe_load(files["alerting/group-vitals.yaml"])["groups"]
    assert provider["folder"] != group["folder"]
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards/group-vitals"
    assert len(group["rules"]) == len(RULES)
    assert sum(name.startswith("dashboards/group-vitals/") for name in files) == len(pages(EN))


def test_rendered_rules_tell_whom_the_setting_names(tmp_path):
    settings = Settings(home=tmp_path, cache=tmp_path, grafana_contact="https://hooks.example/x")
    alerting = yaml.safe_load(rendered(settings, EN, address=None)["alerting/group-vitals.yaml"])
    [point] = alerting["contactPoints"]
    assert point["receivers"][0]["settings"]["url"] == "https://hooks.example/x"
    assert alerting["policies"][0]["receiver"] == point["name"]


def test_the_data_source_reads_as_bi(tmp_path):
    source = datasource(Settings(home=tmp_path, cache=tmp_path, bi_user="looker"))
    assert source["jsonData"]["username"] == "looker"
    assert source["jsonData"]["port"] == 19000


def test_render_says_what_it_wrote(tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    out = str(tmp_path / "out")
    command = load_command("dashboards")
    first = CliRunner().invoke(command, ["render", out, "--language", "zh"], catch_exceptions=False)
    assert first.output == f"8 files in {out}, 8 of them new or changed\n"
    again = CliRunner().invoke(command, ["render", out, "--language", "zh"], catch_exceptions=False)
    assert again.output == f"8 files in {out}, 0 of them new or changed\n"
    assert "群体征" in (tmp_path / "out" / "dashboards" / "group-vitals" / "vitals-fleet.json").read_text()
