"""The report of a red packet, each number counted by hand; and what becomes of claims that are odd."""

import random
import sys
from typing import Any

import msgspec
import pytest

from streams import events as e
from streams.vitals.insights import ProbeReport
from streams.vitals.policy import DAY_MS, HOUR_MS
from streams.vitals.probes import DONE_PROBES, OPEN_PROBES, WAITING_CLAIMS
from tests.unit.test_group_fold import COMMON, START, run, state_of, tick

SENT = START + 40 * DAY_MS + 10 * HOUR_MS + 30 * 60_000
"""On a day 40 at 10:30."""
MEMBERS = [f"m_{n}" for n in range(10)]


class Story:
    """What happens in one group, by hours after the benefit was sent, in whatever order it is told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def add(self, event: type[e.GroupEvent], hours: float, /, **fields: Any) -> "Story":
        n = len(self.events) + 1
        common = {**COMMON, "source": None}  # known again by its id: the order of a shuffle is no order of the source
        self.events.append(event(event_id=f"e/{n}", occurred_at=SENT + round(hours * HOUR_MS), **common, **fields))
        return self

    def benefit(self, hours: float = 0, name: str = "b", **fields: Any) -> "Story":
        return self.add(e.Benefit, hours, benefit_id=name, **({"kind": "red_packet", "amount": 6_000} | fields))

    def claim(self, hours: float, member: str, name: str | None = "b", **fields: Any) -> "Story":
        return self.add(e.Claim, hours, member_id=member, benefit_id=name, **fields)

    def told(self, days: int = 11, *, as_written: bool = False) -> list[ProbeReport]:
        """The reports, each day closing as it ends; a day's events in the order of time, or as they are written."""
        last = SENT // DAY_MS + days
        ticks = [tick(day * DAY_MS, None) for day in range(START // DAY_MS + 1, last + 1)]
        events = self.events if as_written else sorted(self.events, key=lambda one: one.occurred_at)
        self.log, rows = run(sorted([*ticks, *events], key=lambda one: one.occurred_at // DAY_MS))
        return [row for row in rows if isinstance(row, ProbeReport)]


def quiet_group() -> Story:
    """Ten members for 40 days: m_0 and m_1 write at 10 o'clock each day, and m_2 last reacted 27 days before."""
    story = Story()
    for member in MEMBERS:
        story.add(e.Join, (START - SENT) / HOUR_MS, member_id=member)
    for day in range(52):
        for member in MEMBERS[:2]:
            story.add(e.Message, (START - SENT) / HOUR_MS + 24 * day + 10.25, member_id=member)
    return story.add(e.Reaction, -27 * 24, member_id="m_2")


def eventful() -> Story:
    story = quiet_group().benefit(currency="CNY")
    for hours, member in ((1, "m_0"), (2, "m_4"), (3, "m_4"), (23.9, "m_2"), (24, "m_5"), (200, "m_6")):
        story.claim(hours, member)
    story.add(e.Join, 3, member_id="m_new").claim(4, "m_new").claim(5, "s_1", role="staff")
    for hours in (-0.25, 1, 2, 3, 47.4, 47.6):  # from 10:00 of the day on, for 48 hours
        story.add(e.Message, hours, member_id="m_0")
    story.add(e.Message, 5 * 24, member_id="m_3")
    story.add(e.Leave, 60, member_id="m_5").add(e.Leave, 71, member_id="m_4").add(e.Leave, 73, member_id="m_new")
    return story.add(e.Leave, 10, member_id="m_9")  # claimed nothing


def test_every_number_of_a_probe() -> None:
    *_, final = eventful().told()
    seen = msgspec.structs.asdict(final)
    assert {name: seen[name] for name in seen.keys() - {"group_id", "brand_id", "at", "source_offset"}} == {
        "benefit_id": "b", "kind": "red_packet", "sent_at": SENT, "amount": 6_000, "currency": "CNY", "windows": 4,
        "exposed": 10, "silent": 7,  # m_3 to m_9
        "claimers": 6, "claimers_24h": 3,  # m_0, m_4, m_2: m_5 a moment too late, m_new came later, m_6 on day 8
        "strangers": 1, "woken": 3,  # m_4, m_5, m_6
        "left_72h": 2,  # m_5, m_4
        "talk_48h": 9, "usual_48h": 4.0,  # 2 a day at 10 o'clock, and five more; 47.6 h is 10:06 of the day after
        "talk_d3_9": 15, "usual_d3_9": 14.0,
        "unprobed": 0,
    }  # fmt: skip


def test_a_row_is_told_when_a_window_is_complete_and_then_no_more() -> None:
    reports = eventful().told(days=14)
    midnights = [SENT // DAY_MS + days for days in (2, 3, 4, 11)]
    assert [(one.at // DAY_MS, one.windows) for one in reports] == list(zip(midnights, (1, 2, 3, 4), strict=True))
    assert [one.left_72h for one in reports] == [None, None, 2, 2]
    assert [one.talk_48h for one in reports] == [None, 9, 9, 9]
    assert [one.talk_d3_9 for one in reports] == [None, None, None, 15]
    assert [one.claimers for one in reports] == [5, 5, 5, 6]


@pytest.mark.parametrize("seed", range(8))
def test_claims_may_come_in_any_order_of_their_day_before_their_benefit_too(seed: int) -> None:
    story = eventful()
    expected = story.told()
    claims = [one for one in story.events if isinstance(one, e.Claim)]
    # whoever comes later has come before they claim: to claim is to be there
    others = sorted((one for one in story.events if one not in claims), key=lambda one: one.occurred_at)
    rng = random.Random(seed)
    for claim in claims:
        first = (
            len(MEMBERS)
            if claim.member_id in MEMBERS
            else 1 + max(n for n, one in enumerate(others) if one.occurred_at <= claim.occurred_at)
        )
        others.insert(rng.randrange(first, len(others)), claim)
    story.events = others
    assert story.told(as_written=True) == expected


def test_claims_before_their_benefit_wait_for_it() -> None:
    story = quiet_group().claim(1, "m_4").claim(1.5, "m_4").claim(2, "m_0")
    assert story.told(days=2) == []
    assert len(state_of(story.log).probes.waiting) == 3
    (report, *_) = story.benefit().told(as_written=True)
    assert (report.claimers, report.claimers_24h, report.woken) == (2, 2, 1)
    assert state_of(story.log).probes.waiting == []


@pytest.mark.parametrize(
    ("hours", "name", "claimers"),
    [
        (1, None, 1),  # names none: of the latest one of 24 hours
        (25, None, 0),
        (-1, None, 0),
        (-1, "b", 1),  # a clock that is behind
        (239.9, "b", 1),
        (240, "b", 0),  # the probe is over
        (1, "another", 0),
    ],
)
def test_what_becomes_of_an_odd_claim(hours: float, name: str | None, claimers: int) -> None:
    *_, final = quiet_group().benefit().claim(hours, "m_7", name).told()
    assert final.claimers == claimers


def test_a_claim_that_names_none_is_of_the_latest_benefit() -> None:
    reports = quiet_group().benefit(0, "b").benefit(2, "c").claim(3, "m_7", None).told()
    assert {one.benefit_id: one.claimers for one in reports} == {"b": 0, "c": 1}


def test_a_benefit_told_twice_is_one() -> None:
    reports = quiet_group().benefit().claim(1, "m_7").benefit(2).told()
    assert [(one.sent_at, one.claimers) for one in reports] == [(SENT, 1)] * 4


def test_late_claims_of_what_is_over_do_not_wait() -> None:
    story = quiet_group().benefit().claim(300, "m_7")
    story.told(days=13)
    assert state_of(story.log).probes.waiting == []
    assert len(state_of(story.log).probes.done) == 1


def test_a_young_group_knows_nothing_of_usual_hours() -> None:
    story = Story().add(e.Join, -30, member_id="m_0").benefit().add(e.Message, 1, member_id="m_0")
    *_, final = story.told()
    assert (final.exposed, final.silent, final.talk_48h, final.usual_48h) == (1, 0, 1, None)


def test_days_that_nobody_saw_leave_talk_unknown() -> None:
    story = quiet_group().benefit()
    until = SENT + 4 * DAY_MS
    gap = e.SourceComplete(
        event_id="c",
        occurred_at=until,
        complete_until=until,
        unseen_from=SENT - DAY_MS,
        brand_id="acme",
        platform="irc",
        source="irc/acme",
        is_live=True,
    )
    seen = [msgspec.structs.replace(one, source="irc/acme") for one in story.events]
    before = [one for one in seen if one.occurred_at < SENT - DAY_MS] + [one for one in seen if type(one) is e.Benefit]
    _, rows = run([*before, gap, tick(until)])
    *_, told = [row for row in rows if isinstance(row, ProbeReport)]
    assert (told.windows, told.exposed, told.talk_48h, told.usual_48h) == (3, 10, None, None)


def test_so_many_probes_are_open_at_once_and_so_many_claims_wait() -> None:
    story = quiet_group()
    for n in range(OPEN_PROBES + 3):
        story.benefit(n / 100, f"b{n}")
    for n in range(WAITING_CLAIMS + 9):
        story.claim(1, "m_1", f"unknown{n}")
    reports = story.told()
    state = state_of(story.log)
    assert len({one.benefit_id for one in reports}) == OPEN_PROBES
    assert reports[-1].unprobed == 3
    assert state.probes.running == []
    story.told(days=1)
    assert len(state_of(story.log).probes.waiting) == WAITING_CLAIMS
    assert len(state.probes.done) <= DONE_PROBES


def test_a_slot_is_used_again_without_what_was_before() -> None:
    story = quiet_group().benefit().claim(1, "m_7").benefit(24 * 11, "later").claim(24 * 11 + 1, "m_8", "later")
    later = [one for one in story.told(days=23) if one.benefit_id == "later"]
    assert [one.claimers for one in later] == [1] * 4
    assert later[-1].woken == 1
    assert later[-1].silent == 7, "m_7 claimed, m_2 fell silent by now"


def test_a_probe_costs_a_group_no_more_for_its_members() -> None:
    """Two bits of each member, in an int that Python keeps once for all up to 256; and some hundred bytes."""
    story = quiet_group().benefit()
    story.told(days=1)
    probes = state_of(story.log).probes
    assert len(msgspec.msgpack.encode(probes)) < 100
    claimed = [member.probes for member in state_of(story.log).ledger.by_id.values()]
    assert max(claimed) < 256
    assert sys.getsizeof(max(claimed)) <= 28
