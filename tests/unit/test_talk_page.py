"""What `vitals group` says of how a group is looked after, in both languages; the unknown is left out or said."""

import re
from datetime import UTC, datetime

import msgspec

from streams import talk_page
from streams.talk_page import Attention, Care, Probe, Slot, facts_of, probe_table

NOTHING = Care(**dict.fromkeys(Care.__struct_fields__))
CARE = Care(
    newcomers_28d=4,
    welcomes_28d=3,
    welcome_minutes_28d=7.54,
    unanswered_share_28d=0.25,
    staff_responses_28d=5,
    staff_response_minutes_28d=300,
    member_responses_28d=1200,
    member_response_minutes_28d=2,
    staff_share_28d=0.85,
    is_monologue=True,
    ad_share_28d=0.92,
    ad_senders_28d=1,
    is_ad_only=True,
)
PROBE = Probe(
    kind="red_packet",
    sent_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    claim_rate_24h=0.16,
    silent=20,
    woken=4,
    talk_lift_48h=2.5,
    persistence_d3_9=None,
    leave_share_72h=0.2,
    cost_per_woken=1500.4,
    currency="CNY",
)
BEST = Slot(posts=78, why="", slot="Thu 18-24", lift=1.84, low=1.2, high=2.7)


def test_every_fact_in_english() -> None:
    assert facts_of(Attention(CARE, [], BEST), "en") == [
        ("newcomers greeted", "3 of 4 after 7.5 min"),
        ("answered first by", "staff 5 after 5 h · members 1,200 after 2 min"),
        ("unanswered within an hour", "25%"),
        ("staff speaks to itself", "85% of messages"),
        ("nothing but advertising", "92% of messages from 1"),
        ("best time to post", "Thu 18-24, 1.8 (1.2-2.7) times the usual"),
    ]


def test_no_word_of_english_is_left_in_chinese() -> None:
    unknown = Slot(posts=3, why="too few posts", slot=None, lift=None, low=None, high=None)
    for slot in (BEST, unknown):
        found = Attention(CARE, [PROBE], slot)
        said = [*(" ".join(fact) for fact in facts_of(found, "zh")), *map(" ".join, probe_table(found, "zh"))]
        assert not re.search(r"[a-z]{2}", " ".join(said).replace("x", ""))


def test_nothing_known_says_nothing() -> None:
    assert facts_of(Attention(NOTHING), "en") == []
    assert probe_table(Attention(NOTHING), "en") == []


def test_no_best_slot_says_why() -> None:
    none = Slot(posts=3, why="too few posts", slot=None, lift=None, low=None, high=None)
    assert facts_of(Attention(NOTHING, [], none), "en") == [("best time to post", "not known: too few posts (3 posts)")]


def test_a_row_for_each_probe() -> None:
    unfinished = msgspec.structs.replace(PROBE, kind="coupon", talk_lift_48h=None, cost_per_woken=None)
    _, first, second = probe_table(Attention(CARE, [PROBE, unfinished]), "en")
    assert first == ["red packet", "2026-03-01", "16%", "4 of 20", "2.5x", "-", "20%", "15.00 CNY"]
    assert second == ["coupon", "2026-03-01", "16%", "4 of 20", "-", "-", "20%", "-"]
    dead = msgspec.structs.replace(unfinished, talk_48h=0, talk_d3_9=2)
    assert probe_table(Attention(CARE, [dead]), "en")[1][4:6] == ["0", "2"], "nothing is usual there"


def test_every_reason_of_the_view_has_its_words() -> None:
    assert {"too few posts", "no slot stands out"} <= talk_page._CHINESE.keys()
