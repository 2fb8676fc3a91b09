"""Every query of the dashboards, alert rules and runbooks on the real ClickHouse, as the reading user."""

import time
from datetime import timedelta
from functools import cache

import pytest

from streams.dashboards.checking import check_queries, questions, span
from streams.dashboards.macros import expand
from streams.dashboards.model import Look
from streams.dashboards.queries import ALERT_BEHIND, ALERT_BLIND, ALERT_DYING, ALERT_LETTERS
from streams.dashboards.rules import RUNBOOKS
from streams.dashboards.runbooks import queries_in, text_of
from streams.dashboards.thresholds import BEHIND_MINUTES, NEW_DEAD_LETTERS, worded
from streams.settings import Settings
from streams.warehouse import Warehouse
from tests.conftest import steady_now
from tests.integration.test_views import give_rows

pytestmark = pytest.mark.integration

DAYS = 60
GROUP = "dash/wecom/talks"
DRIVERS = {"usual_risk": 0.05, "driver_codes": ["breadth", "rhythm"], "driver_points": [0.5, -0.05]}


@cache
def now():
    """When these tests begin, which may be long after they were collected."""
    return steady_now()


def today():
    return now().replace(hour=0, minute=0, second=0)


def text(at):
    return at.strftime("%Y-%m-%d %H:%M:%S")


def row(group, at, verdict, **more):
    shared = {"group_id": group, "brand_id": "dash", "platform": "wecom", "is_day_close": True, "currency": "JPY"}
    told = {"at": text(at), "ingested_at": text(at), "verdict": verdict, "verdict_since": text(at), "members": 30}
    reasons = {"reasons": ["5 of 5 core members left"], "reasons_zh": ["5 名核心成员中有 5 名退群"]}
    return shared | told | reasons | DRIVERS | {"risk": 0.5} | more


def event(number, what, at, **more):
    shared = {
        "event_id": f"dash-{number}",
        "type": what,
        "brand_id": "dash",
        "platform": "wecom",
        "source": "dash-live",
    }
    return shared | {"group_id": GROUP, "occurred_at": text(at), "ingested_at": text(at)} | more


@pytest.fixture(scope="module")
def home(stack: Settings) -> Settings:
    """A brand with a group that turns dying, one that has been silent and unjudged for a month, one never judged."""
    groups = [(GROUP, 9), ("dash/wecom/silent", 9), ("dash/wecom/new", 0), ("dash-new/wecom/new", 0)]
    give_rows(
        stack,
        "groups_v1",
        [
            {"group_id": group, "brand_id": group.split("/")[0], "platform": "wecom", "version": version}
            for group, version in groups
        ],
    )
    closes = [today() - timedelta(days=back) for back in range(DAYS, -1, -1)]
    days = [row(GROUP, at, "dying" if at == today() else "healthy", messages_day=5, messages_7d=35) for at in closes]
    silent = [row("dash/wecom/silent", closes[10], "healthy"), row("dash/wecom/silent", closes[11], "dying", risk=0.4)]
    latest = row(GROUP, now(), "dying", is_day_close=False, messages_7d=35)
    give_rows(stack, "group_vitals_v1", [*days, *silent, latest])
    talk = [event(number, "message", at - timedelta(hours=2), member_id="m_1", role="member")
            for number, at in enumerate(closes)]  # fmt: skip
    more = [
        event(1001, "post", today() - timedelta(days=3), role="staff", content_class="convert"),
        event(1002, "benefit", today() - timedelta(days=3), role="staff", kind="red_packet"),
        event(1003, "source_complete", now(), group_id="", is_live=True, complete_until=text(now())),
        event(1004, "order_attributed", today() - timedelta(days=3), customer_id="m_1", order_id="o", amount=500,
              currency="JPY", weight=1.0),
    ]  # fmt: skip
    give_rows(stack, "events_v1", talk + more)
    give_rows(
        stack,
        "member_vitals_v1",
        [
            {"group_id": GROUP, "brand_id": "dash", "member_id": "m_1", "role": "member", "day": f"{at:%Y-%m-%d}",
             "messages": 5, "is_present": True, "last_message_at": text(at)}
            for at in closes[:-1]
        ],
    )  # fmt: skip
    stands = {"group_id": GROUP, "brand_id": "dash", "member_id": "m_1", "role": "member", "stage": "growing"}
    since = {when: text(closes[0]) for when in ("tenure_since", "stage_since", "joined_at")}
    give_rows(stack, "member_standings_v1", [stands | since | {"at": text(today()), "is_present": True}])
    told = {"agent": "groups", "part": "groups-1", "labels": "{}", "since": text(now() - timedelta(minutes=1))}
    told |= {"at": text(now()), "started_at": text(now())}
    numbers = {"vitals_lag_records": 5, "vitals_records_total": 60, "vitals_build_info": 1}
    bounds = [("vitals_flush_seconds_bucket", bound, count) for bound, count in (("0.1", 1), ("0.5", 3), ("+Inf", 4))]
    give_rows(
        stack,
        "part_metrics_v1",
        [told | {"name": name, "value": value} for name, value in numbers.items()]
        + [told | {"name": name, "value": count, "labels": f'{{"le":"{bound}"}}'} for name, bound, count in bounds],
    )
    bought = {"brand_id": "dash", "type": "purchase", "order_id": "o", "customer_id": "m_1", "currency": "JPY"}
    at = text(today() - timedelta(days=3))
    give_rows(stack, "purchases_v1", [bought | {"event_id": "dash-p", "occurred_at": at, "amount": 500}])
    return stack


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_query_runs_and_gives_rows_where_a_healthy_system_has_some(home, language):
    found = list(check_queries(home, Look(language), time.time_ns() // 1_000_000))
    assert [
        (one.question.page, one.question.what, one.error) for one in found if not one.is_good(needs_rows=True)
    ] == []
    assert len(found) == len(list(questions(Look(language))))


@pytest.mark.parametrize("slug", RUNBOOKS)
def test_every_query_of_a_runbook_runs(home, slug):
    for sql in queries_in(text_of(slug)):
        assert Warehouse(home, "bi").answer(sql).columns


def test_the_runbook_of_a_common_cause_asks_of_its_groups_though_their_verdicts_stand(home):
    shared = {"brand_id": "dash", "transition": "opened", "severity": "warning", "number": 1, "at": text(now())}
    common = shared | {"alert_id": "dash-c/1", "episode_id": "dash-c", "alert": "common_cause"}
    drop = shared | {"alert_id": "dash-d/1", "episode_id": "dash-d", "alert": "drop", "group_id": GROUP}
    give_rows(home, "group_alerts_v1", [common, drop | {"cause_id": "dash-c", "withheld": "common_cause"}])
    sources, shares, bends, days, moments = [
        [row for row in Warehouse(home, "bi").answer(sql).rows if row[0] == "dash"]
        for sql in queries_in(text_of("common-cause"))
    ]
    assert [row[2] for row in sources] == ["dash-live"]
    assert [(row[3], row[4]) for row in shares] == [(1, 3)]
    assert shares[0][6] == (today() - timedelta(days=3)).date()
    assert [row[3:] for row in bends] == [(5.0, (today() - timedelta(days=1)).date())]
    assert {row[2] for row in days} == {5}
    assert {(row[2], row[4], row[5]) for row in moments} == {("post", 1, 0), ("benefit", 1, 0)}


def test_a_group_without_news_still_counts_and_a_brand_without_any_has_a_row(home):
    values = {brand: value for _, brand, value in asked(home, ALERT_DYING)}
    assert values["dash"] == 2
    assert values["dash-new"] == 0


def test_a_source_is_blind_by_the_verdict_of_its_groups(home):
    assert [row[3] for row in asked(home, ALERT_BLIND) if row[2] == "dash-live"] == [0]
    give_rows(home, "group_vitals_v1", [row(GROUP, now() + timedelta(seconds=1), "stale", is_day_close=False)])
    assert [row[3] for row in asked(home, ALERT_BLIND) if row[2] == "dash-live"] == [1]


def test_behind_counts_from_a_live_source_that_is_complete_to_later_than_any_row(home):
    edge = now() + timedelta(minutes=BEHIND_MINUTES)
    told = {"group_id": "", "is_live": True}
    give_rows(home, "events_v1", [event(2001, "source_complete", now(), complete_until=text(edge), **told)])
    assert BEHIND_MINUTES - 1 <= asked(home, ALERT_BEHIND)[0][1] <= BEHIND_MINUTES
    later = text(edge + timedelta(minutes=2))
    give_rows(home, "events_v1", [event(2002, "source_complete", now(), complete_until=later, **told)])
    assert asked(home, ALERT_BEHIND)[0][1] > BEHIND_MINUTES


def test_dead_letters_rise_past_three_times_the_usual(home):
    before = asked(home, ALERT_LETTERS)[0][1]
    letters = [{"origin": "dash", "position": number, "reason": "bad_shape", "at": text(now())} for number in range(24)]
    give_rows(home, "dead_letters_v1", letters)
    assert asked(home, ALERT_LETTERS)[0][1] == before + 24 > NEW_DEAD_LETTERS
    usual = [letter | {"at": text(now() - timedelta(hours=3)), "position": 100 + number}
             for number in range(160) for letter in letters[:1]]  # fmt: skip
    give_rows(home, "dead_letters_v1", usual)
    assert asked(home, ALERT_LETTERS)[0][1] == pytest.approx(before + 24 - 20)


def asked(settings: Settings, sql: str) -> list[tuple]:
    now = time.time_ns() // 1_000_000
    return Warehouse(settings, "bi").query(expand(worded(sql, Look()), {}, span("now-1h", now)))
