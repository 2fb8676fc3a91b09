"""`vitals report` on the real ClickHouse, as the reading user: a brand with everything that a week can bring."""

import re
from datetime import date, timedelta

import pytest

from streams import cli
from streams.report.archive import Archive
from streams.report.period import week_named
from streams.settings import Settings
from tests.integration.test_views import give_rows
from tests.pages import tree

pytestmark = pytest.mark.integration

BRAND = "review"
HOSTILE = "<script>alert(1)</script> \u202eevil\u0000 👩‍👧 " + "長" * 300
WEEK = week_named("2026-W47")
LAST = WEEK.end
DAYS = 90
RISKS = {"dying": 0.5, "dead": 0.9, "fading": 0.12}


def verdicts(**since: int) -> list[str]:
    """The verdict of each of `DAYS` days, oldest first: `dying=20` is dying from 20 days before the last on."""
    days = ["healthy"] * DAYS
    for verdict, back in since.items():
        days[DAYS - 1 - back :] = [verdict] * (back + 1)
    return days


GROUPS = {
    "saved": verdicts(fading=40, dying=30, revived=2),
    "died": verdicts(fading=30, dying=18, dead=4),
    "sudden": verdicts(dead=3),
    "hostile": verdicts(fading=30, dying=5),
    "fading": verdicts(fading=1),
    "gap": verdicts(fading=60, healthy=6),
    "planned": verdicts(ended=2),
    "blind": verdicts(dying=50),
    "well": verdicts(),
}
BLIND_DAYS = 10
"""The blind group has no closed day for so long."""


def midnight_after(day: date) -> str:
    return f"{day + timedelta(days=1)} 00:00:00"


def closed_days(name: str, brand: str = BRAND) -> list[dict]:
    rows = []
    changed_at = midnight_after(LAST - timedelta(days=DAYS))
    for place, verdict in enumerate(GROUPS[name]):
        day = LAST - timedelta(days=DAYS - 1 - place)
        if name == "blind" and day > LAST - timedelta(days=BLIND_DAYS):
            break
        if place and GROUPS[name][place - 1] != verdict:
            changed_at = midnight_after(day)
        is_quiet = verdict == "dead"
        rows.append(
            {
                "group_id": f"{brand}/wecom/{name}",
                "brand_id": brand,
                "platform": "wecom",
                "currency": "JPY",
                "is_day_close": True,
                "at": midnight_after(day),
                "verdict": verdict,
                "verdict_since": changed_at,
                "risk": RISKS.get(verdict, 0.02),
                "members": 40,
                "messages_day": 0 if is_quiet else 5,
                "joins_day": 2,
                "leaves_day": 1,
                "speakers_28d": 0 if is_quiet else 9,
                "unseen_days_56d": 3 if name == "gap" and day > LAST - timedelta(days=3) else 0,
                "reasons": [f"because of {verdict}"],
                "reasons_zh": [f"因为 {verdict}"],
            }
        )
    return rows


def alert(number: int, transition: str, at: date, **more: object) -> dict:
    shared = {"brand_id": BRAND, "group_id": f"{BRAND}/wecom/saved", "episode_id": "review-e", "alert": "dying"}
    return shared | {"number": number, "transition": transition, "at": midnight_after(at), "severity": "warning"} | more


def give_brand(settings: Settings) -> None:
    """The rows that agents and sink would have written."""
    registry = {"brand_id": BRAND, "platform": "wecom", "currency": "JPY", "owner": "李 <b>", "version": 1}
    names = {name: HOSTILE if name == "hostile" else f"Group {name}" for name in [*GROUPS, "new"]}
    give_rows(
        settings,
        "groups_v1",
        [registry | {"group_id": f"{BRAND}/wecom/{key}", "name": name} for key, name in names.items()]
        + [{"group_id": "review-empty/wecom/a", "brand_id": "review-empty", "platform": "wecom"}]
        + [registry | {"group_id": "review-dark/wecom/blind", "brand_id": "review-dark"}],
    )
    rows = [row for name in GROUPS for row in closed_days(name)]
    dark = closed_days("blind", "review-dark")
    blind = [row for row in rows if row["group_id"].endswith("/blind")][-1]
    unseen = {"at": midnight_after(LAST), "verdict": "stale", "is_day_close": False}
    give_rows(settings, "group_vitals_v1", [*rows, *dark, blind | unseen, dark[-1] | unseen])
    since = LAST - timedelta(days=30)
    give_rows(
        settings,
        "group_alerts_v1",
        [
            alert(1, "opened", since),
            alert(2, "acknowledged", since + timedelta(days=1), actor="secret-actor"),
            alert(3, "recovered", LAST - timedelta(days=2)),
        ],
    )
    event = {"brand_id": BRAND, "platform": "wecom", "source": "review-live", "role": "staff"}
    days = [LAST - timedelta(days=back) for back in (5, 6, 9)]
    deeds = [
        event | {"event_id": f"review-{back}", "type": "post", "content_class": "activate"} | group("saved", day)
        for back, day in enumerate(days)
    ]
    deeds.append(event | {"event_id": "review-b", "type": "benefit", "kind": "red_packet"} | group("saved", days[0]))
    heard = {"group_id": "", "type": "source_complete", "is_live": True, "event_id": "review-s"}
    told = {"complete_until": f"{LAST - timedelta(days=BLIND_DAYS - 1)} 00:00:00", "occurred_at": f"{LAST} 00:00:00"}
    talk = event | {"event_id": "review-t", "type": "message", "member_id": "m_secret"} | group("blind", days[2])
    give_rows(settings, "events_v1", [*deeds, event | heard | told, talk])
    order = {"brand_id": BRAND, "type": "purchase", "customer_id": "m_secret", "currency": "JPY", "amount": 12345}
    give_rows(
        settings,
        "purchases_v1",
        [
            order | {"event_id": f"review-p{back}", "order_id": f"o{back}"} | at_ten(LAST - timedelta(days=back))
            for back in (1, 8, 15)
        ],
    )  # fmt: skip


def group(name: str, day: date) -> dict:
    return {"group_id": f"{BRAND}/wecom/{name}"} | at_ten(day)


def at_ten(day: date) -> dict:
    return {"occurred_at": f"{day} 10:00:00"}


@pytest.fixture(scope="module")
def home(stack: Settings) -> Settings:
    give_brand(stack)
    return stack


@pytest.fixture
def run(home, capsys, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(home.home))
    monkeypatch.setenv("VITALS_CLICKHOUSE_PORT", str(home.clickhouse_port))

    def run(*args):
        code = cli.run(["report", *map(str, args)])
        return (code, *capsys.readouterr())

    return run


def test_a_week_with_everything(run, tmp_path):
    code, out, err = run("--brand", BRAND, "--week", "2026-W47", "--language", "both", "--out", tmp_path)
    assert (code, err) == (0, "")
    paths = [tmp_path / f"review-2026-W47.{language}.html" for language in ("en", "zh")]
    assert out.split() == [str(path) for path in paths]
    english, chinese = (tree(path.read_text()) for path in paths)
    text = english.text
    assert "2 groups died, 1 fell ill, 1 came back. Dying, still to be saved: 1 of 7 groups." in text
    assert "called dying on 4 Nov, 14 days before" in text
    assert "died without warning" in text
    assert "in alarm since 23 Oct, for 28 days" in text
    for deed in ("an alert told 24 Oct, acknowledged", "3 posts (to get people talking), the last 17 Nov",
                 "1 benefit (red packet), the last 17 Nov", "It came first; that it helped is not shown."):  # fmt: skip
        assert deed in text
    assert "1 group not seen to the end of the week." in text
    assert "last seen 12 Nov, dying then" in text
    assert "review-live (wecom): complete to 12 Nov, 1 group without data now" in text
    assert "1 group judged with days of this week missing" in text
    assert "1 group known, but without a closed day yet" in text
    assert "因为 dying" in chinese.text
    for page in paths:
        content = page.read_text()
        assert "secret" not in content
        assert "<script" not in content
        assert "\u202e" not in content


def test_figures_are_those_of_the_views(home, run, tmp_path):
    facts = Archive(home).facts(BRAND, WEEK)
    assert {one.group_id.rpartition("/")[2]: one.verdict for one in facts.groups} == {
        name: "stale" if name == "blind" else days[-1] for name, days in GROUPS.items()
    } | {"new": None}
    assert facts.verdicts[0] == {"stale": 1, "dead": 2, "dying": 1, "fading": 1, "healthy": 2, "revived": 1, "ended": 1}
    assert facts.verdicts[2]["healthy"] == 4
    assert [(week.back, week.joins, week.leaves) for week in facts.weeks[:3]] == [
        (0, 112, 56),
        (1, 120, 60),
        (2, 126, 63),
    ]
    assert [(one.back, one.net) for one in facts.money] == [(0, 12345), (1, 12345), (2, 12345)]
    assert facts.talk[f"{BRAND}/wecom/hostile"] == [30] + [35] * 12
    assert facts.half_seen == {f"{BRAND}/wecom/gap": 1}


def test_the_same_data_give_the_same_bytes(run, tmp_path):
    run("--brand", BRAND, "--out", tmp_path / "a")
    run("--all-brands", "--out", tmp_path / "b")
    [page] = (tmp_path / "a").iterdir()
    assert page.name == "review-2026-W47.en.html"
    assert (tmp_path / "b" / page.name).read_bytes() == page.read_bytes()
    assert not [path for path in (tmp_path / "b").iterdir() if "empty" in path.name]


def test_what_there_is_nothing_to_say_of(run, tmp_path):
    out = ("--out", tmp_path / "none")
    assert run("--brand", "reviews", *out)[2].startswith("vitals: no brand 'reviews': known are review, ")
    assert run("--brand", "review-empty", *out)[2].startswith("vitals: review-empty has groups, but none was judged")
    assert run("--brand", BRAND, "--week", "2025-W10", *out)[2] == (
        "vitals: no data of review for 2025-03-03 to 2025-03-09: it has days from 2026-08-25 to 2026-11-22\n"
    )
    assert run("--brand", BRAND, "--until", "2026-12-24", *out)[0] == 1
    assert not (tmp_path / "none").exists()


def test_a_brand_that_nobody_sees_gets_a_page_that_says_so(run, tmp_path):
    assert run("--brand", "review-dark", "--out", tmp_path)[0] == 0
    text = tree((tmp_path / "review-dark-2026-W47.en.html").read_text()).text
    assert "No group died, fell ill or came back this week. Not seen: 1 group, of which nothing is known." in text
    assert "No group needs a look this week." in text
    assert "1 group not seen to the end of the week." in text


def test_a_week_that_is_not_over_ends_with_the_last_day_judged(run, tmp_path):
    code, _, err = run("--brand", BRAND, "--until", "2026-11-25", "--out", tmp_path)
    assert (code, err) == (0, "")
    assert (
        "The week is not over: what is here ends with 22 November 2026."
        in tree((tmp_path / "review-2026-11-25.en.html").read_text()).text
    )


def test_a_week_of_the_past_is_told_as_it_stood(home):
    then = Archive(home).facts(BRAND, week_named("2026-W43"))
    assert {one.group_id.rpartition("/")[2]: one.verdict for one in then.groups if one.verdict != "healthy"} == {
        "saved": "dying", "blind": "dying", "hostile": "fading", "died": "fading", "gap": "fading",
    } | {"new": None}  # fmt: skip


def test_clickhouse_away_is_one_line(home, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(home.home))
    monkeypatch.setenv("VITALS_CLICKHOUSE_PORT", "9")
    assert cli.run(["report", "--brand", BRAND, "--out", str(tmp_path / "x")]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"vitals: ClickHouse at 127\.0\.0\.1:9 does not answer \(.*\), see `vitals status`\n", said)
    assert not (tmp_path / "x").exists()
