"""`vitals groups`, `vitals group` and `vitals work-list` against the real ClickHouse."""

import json
import time

import msgspec
import pytest

from streams import cli, hung_server, sink_rows, sink_tables
from streams.vitals.rows import GroupVitals, MemberVitals, Reason
from streams.warehouse import Warehouse

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000
LAST_DAY = 20_778  # 2026-11-21
DAYS = 70
GROUP = "reading/wecom/c-1"


def vitals_of(day):
    """A group that loses a speaker each week; its day `day` closed."""
    at, speakers = (LAST_DAY - DAYS + 2 + day) * DAY_MS, 10 - day // 7
    told = {field.name: 0 for field in msgspec.structs.fields(GroupVitals) if field.required}
    told |= dict.fromkeys(("ended_at", "planned_end_at", "breadth_28d", "newcomer_spoke_share"))
    told |= {"group_id": GROUP, "brand_id": "reading", "platform": "wecom", "name": "宝妈阅读群", "owner": "o"}
    told |= {"timezone": "Asia/Tokyo"}
    told |= {
        "at": at,
        "source_offset": day,
        "is_day_close": True,
        "model": "m-1",
        "currency": "JPY",
        "revenue_28d": 12345,
    }
    told |= {"verdict": "dying" if day > 50 else "healthy", "verdict_since": at, "risk": 0.5}
    told |= {"reasons": (Reason("breadth", {"speakers": speakers}),), "source_complete_at": at}
    told |= {"last_member_message_at": at, "silent_hours": 30.0, "answered_share_28d": 0.25, "members": 40}
    told |= {"worth": 64.2, "worth_known": 0.35, "advice": "revive", "revenue_at_risk": 9_000}
    told |= {"worth_parts": (Reason("care", {"value": 0.7, "points": 64.2, "answered": 0.7}),)}
    told |= {"advice_reasons": (Reason("care", {"answered": 0.7}),)}
    told |= {"messages_day": 5, "speakers_7d": speakers, "speakers_28d": speakers}
    return GroupVitals(**told)


def member_of(number):
    return MemberVitals(
        group_id=GROUP,
        brand_id="reading",
        member_id=f"m_{number}",
        role="member",
        day=LAST_DAY * DAY_MS,
        source_offset=number,
        messages=number,
        is_present=True,
        joined_at=None,
        last_message_at=LAST_DAY * DAY_MS,
    )


@pytest.fixture(scope="module")
def home(stack):
    """A brand with one judged group and one that is only known; gives the environment."""
    now, warehouse = int(time.time() * 1000), Warehouse(stack)
    judged = [vitals_of(day) for day in range(DAYS)]
    known = dict.fromkeys(sink_tables.GROUPS.columns, "") | {"group_id": "reading/wecom/c-2", "brand_id": "reading"}
    known |= {
        "version": 0,
        "members": None,
        "created_at": 0,
        "ingested_at": now,
        "planned_end_at": None,
        "ended_at": None,
    }
    rows = {
        sink_tables.GROUP_VITALS: [sink_rows.vitals_row(vitals, now) for vitals in judged],
        sink_tables.GROUPS: [sink_rows.registry_row(judged[-1], now), tuple(known.values())],
        sink_tables.MEMBER_VITALS: [sink_rows.member_day_row(member_of(number), now) for number in range(1, 13)],
    }
    for table, of_table in rows.items():
        warehouse.insert(table, dict(zip(table.columns, zip(*of_table, strict=True), strict=True)))
    return {"VITALS_HOME": str(stack.home), "VITALS_CLICKHOUSE_PORT": str(stack.clickhouse_port)}


@pytest.fixture
def run(home, capsys, monkeypatch):
    for name, value in home.items():
        monkeypatch.setenv(name, value)

    def run(*args):
        code = cli.run(list(args))
        return (code, *capsys.readouterr())

    return run


def test_the_ranking(run):
    code, out, err = run("groups", "--brand", "reading")
    assert (code, err) == (0, "")
    row = out.splitlines()[1]
    assert row.split()[:3] == ["dying", "50%", "宝妈阅读群"]
    assert row.endswith("1 speaker in 56 days")


def test_reasons_are_told_in_the_language_of_the_reader(run):
    [group] = json.loads(run("groups", "--brand", "reading", "--language", "zh", "--json")[1])
    assert group["reasons"] == ["近 56 天 1 人发言"]
    assert group["reason_codes"] == ["breadth"]


def test_one_group(run):
    code, out, err = run("group", "宝妈阅读")
    assert (code, err) == (0, "")
    assert "speakers  ██▇▆▆▅▄▄▃▂ most 10 a week" in out
    assert "12,345 JPY" in out


def test_what_one_group_is_worth(run):
    out = run("group", GROUP)[1]
    assert "revive: bring it back: write to those who once wrote, give them a reason" in out
    assert "worth 64/100 (points, known 35%):" in out
    assert "+64.2  care: 70% of messages were answered while it was well" in out
    assert "?  network: its source tells neither who leaves nor who is in it" in out


def test_the_work_list(run):
    code, out, err = run("work-list", "--brand", "reading")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[:6] == ["revive", "64?", "50%", "2,889", "JPY", "宝妈阅读群"]
    assert out.splitlines()[1].endswith("70% of messages were answered while it was well; 1 speaker in 56 days")
    [told] = json.loads(run("work-list", "--brand", "reading", "--json", "--language", "zh")[1])
    assert told["advice_reasons"] == ["良好时期 70% 的消息获回复"]
    assert (told["priority"], told["at_stake"]) == (pytest.approx(32.1), pytest.approx(2_889))


def test_there_is_nothing_to_do_for_a_brand_that_is_not_there(run):
    assert "No judged group has that brand" in run("work-list", "--brand", "nobody")[1]


def test_one_group_for_programs(run):
    told = json.loads(run("group", GROUP, "--json")[1])
    assert [week["speakers"] for week in told["weeks"]] == list(range(10, 0, -1))
    assert {week["messages"] for week in told["weeks"]} == {35}
    assert [member["member_id"] for member in told["members"]] == [f"m_{number}" for number in range(12, 2, -1)]
    assert told["details"]["answered_share_28d"] == 0.25


def test_a_group_without_vital_signs(run):
    code, _, err = run("group", "reading/wecom/c-2")
    assert code == 1
    assert err.startswith("vitals: reading/wecom/c-2 has no vital signs yet: `vitals wait`")


def test_a_query_that_works_is_never_silent(stack, monkeypatch):
    """ClickHouse reports while it works: so who says nothing hangs, and a long query is not taken for that."""
    words, received = [], hung_server.Heard._received
    monkeypatch.setattr(hung_server.Heard, "_received", lambda *args: words.append(1) or received(*args))
    warehouse = Warehouse(stack, "bi")
    warehouse.query("SELECT 1")
    before = len(words)
    assert warehouse.query("SELECT sleep(1)") == [(0,)]
    assert len(words) - before >= 5
