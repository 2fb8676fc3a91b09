"""The simulated fleet: the same bytes by seed, the contract kept, and each cause visible by simple counting."""

import csv
import gzip
import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from streams import events as e
from streams.simulate.command import simulate_command
from streams.simulate.fleet import EVENTS_FILE, TRUTH_COLUMNS, TRUTH_FILE, Fleet, write_fleet
from streams.simulate.plan import CAUSES, FLOOR, GroupPlan, plan_fleet
from streams.vitals.policy import DAY_MS

END = date(2026, 6, 30)
DAYS = 120
GROUPS = 44
AFTER_END_MS = 1_782_864_000_000  # 2026-07-01T00:00Z

decode = msgspec.json.Decoder(e.ChatEvent | e.PurchaseEvent).decode


def written(out: Path) -> list[e.Event]:
    with gzip.open(out / EVENTS_FILE) as file:
        return [decode(line) for line in file]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fleet")
    write_fleet(Fleet(GROUPS, DAYS, 7, END), path, lambda: None)
    return path


@pytest.fixture(scope="module")
def events(out: Path) -> list[e.Event]:
    return written(out)


@pytest.fixture(scope="module")
def truth(out: Path) -> dict[str, dict[str, str]]:
    with (out / TRUTH_FILE).open(encoding="utf-8") as file:
        return {row["group_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def plans() -> list[GroupPlan]:
    return plan_fleet(GROUPS, DAYS, 7)


@pytest.fixture(scope="module")
def by_group(events: list[e.Event]) -> dict[str, list[e.GroupEvent]]:
    found: dict[str, list[e.GroupEvent]] = {}
    for event in events:
        if isinstance(event, e.GroupEvent):
            found.setdefault(event.group_id, []).append(event)
    return found


def day_of(event: e.Event) -> int:
    return DAYS - 1 - (AFTER_END_MS - 1 - event.occurred_at) // DAY_MS


def digest(out: Path) -> str:
    return hashlib.sha256((out / EVENTS_FILE).read_bytes() + (out / TRUTH_FILE).read_bytes()).hexdigest()


def spoken(events: Iterable[e.Event]) -> list[e.Message]:
    return [event for event in events if isinstance(event, e.Message) and event.role == "member"]


def planned(plans: list[GroupPlan], cause: str) -> list[tuple[GroupPlan, int]]:
    """The groups of a cause, with the day on which it set in."""
    found = [(plan, plan.turn) for plan in plans if plan.cause.name == cause and plan.turn is not None]
    assert found, f"no group has {cause}"
    return found


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_fleet(Fleet(6, 28, seed, END), tmp_path / name, lambda: None)
        digests.append(digest(tmp_path / name))
    assert digests[0] == digests[1] != digests[2]


def test_times_rise_and_none_lies_outside_the_days(events: list[e.Event]) -> None:
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(events))
    assert events[0].occurred_at >= AFTER_END_MS - DAYS * DAY_MS
    assert events[-1].occurred_at < AFTER_END_MS


def test_ids_are_unique(events: list[e.Event]) -> None:
    assert len({event.event_id for event in events}) == len(events)


def test_each_log_is_numbered_without_a_gap(events: list[e.Event]) -> None:
    last: dict[tuple[str | None, str], int] = {}
    for event in events:
        if isinstance(event, e.SourceComplete):
            continue
        key = event.source, event.group_id if isinstance(event, e.GroupEvent) else event.customer_id
        assert (event.source_prev, event.source_seq) == (last.get(key, 0), last.get(key, 0) + 1)
        last[key] = event.source_seq


def test_every_event_fits_into_a_record(out: Path) -> None:
    with gzip.open(out / EVENTS_FILE) as file:
        assert max(map(len, file)) < e.MAX_EVENT_BYTES


def test_no_text_is_made(events: list[e.Event]) -> None:
    assert all(event.text is None for event in events if isinstance(event, e.Message))


def test_nobody_acts_after_having_left(by_group: dict[str, list[e.GroupEvent]]) -> None:
    for events in by_group.values():
        gone: set[str] = set()
        for event in events:
            if isinstance(event, e.Join):
                gone.discard(event.member_id)
            elif isinstance(event, e.MemberEvent):
                assert event.member_id not in gone, event
                if isinstance(event, e.Leave):
                    gone.add(event.member_id)


def test_replies_recalls_and_reactions_name_messages_of_before(by_group: dict[str, list[e.GroupEvent]]) -> None:
    named = Counter[str]()
    for events in by_group.values():
        said: set[str] = set()
        for event in events:
            target = getattr(event, "reply_to", None) or getattr(event, "target", None)
            if target is not None:
                assert target in said
                named[type(event).__name__] += 1
            if isinstance(event, e.Message):
                said.add(event.event_id)
    assert set(named) == {"Message", "Recall", "Reaction"}


def test_every_group_is_in_the_truth_and_every_cause_is_planted(
    by_group: dict[str, list[e.GroupEvent]], truth: dict[str, dict[str, str]]
) -> None:
    assert set(by_group) == set(truth)
    causes = Counter(row["cause"] for row in truth.values())
    assert set(causes) == set(CAUSES)
    assert causes["healthy"] / GROUPS == pytest.approx(0.6, abs=0.02)
    assert all(row["is_death"] == str(CAUSES[row["cause"]].is_death).lower() for row in truth.values())


def test_the_registry_knows_each_group_before_anything_else(by_group: dict[str, list[e.GroupEvent]]) -> None:
    for events in by_group.values():
        first = events[0]
        assert isinstance(first, e.GroupCreated)
        assert first.name
        assert first.owner
        assert first.timezone
        assert first.currency


def test_names_are_chinese_and_english_and_platforms_four(truth: dict[str, dict[str, str]]) -> None:
    assert {group_id.split("/")[1] for group_id in truth} == {"wecom", "wechat", "telegram", "whatsapp"}
    chinese = [row["name"] for row in truth.values() if any("一" <= char <= "鿿" for char in row["name"])]
    assert 0 < len(chinese) < GROUPS


def test_a_death_is_silent_from_its_day_on_and_talks_before(
    by_group: dict[str, list[e.GroupEvent]], truth: dict[str, dict[str, str]], plans: list[GroupPlan]
) -> None:
    deaths = [plan for plan in plans if plan.cause.is_death]
    assert any(truth[plan.group_id]["dead_at"] for plan in deaths)
    for plan in deaths:
        days = [day_of(message) for message in spoken(by_group[plan.group_id])]
        dead = plan.dead_from
        assert dead is not None
        assert max(days) < dead
        assert bool(truth[plan.group_id]["dead_at"]) == (dead < DAYS)
        before = sum(day < plan.turn for day in days) / plan.turn
        assert before > 3


def test_core_left(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "core_left"):
        events = by_group[plan.group_id]
        top = Counter(message.member_id for message in spoken(events) if day_of(message) < turn).most_common(6)
        left = {event.member_id for event in events if isinstance(event, e.Leave) and 0 < day_of(event) - turn <= 10}
        assert len(left & {member_id for member_id, _ in top}) >= 3


def test_leader_left(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "leader_left"):
        events = by_group[plan.group_id]
        talk = Counter(message.member_id for message in spoken(events) if day_of(message) < turn)
        leader, count = talk.most_common(1)[0]
        assert count > 0.4 * talk.total()
        assert any(isinstance(event, e.Leave) and event.member_id == leader for event in events)


def test_ad_flood(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "ad_flood"):
        posts = [event for event in by_group[plan.group_id] if isinstance(event, e.Post)]
        ads = [day_of(post) for post in posts if post.content_class == "ads"]
        assert min(ads) == turn
        assert len(ads) >= 3 * (DAYS - turn)


def test_monologue(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "monologue"):
        late = [
            event for event in by_group[plan.group_id] if isinstance(event, e.Message) and day_of(event) >= turn + 20
        ]
        assert sum(message.role == "staff" for message in late) > 0.8 * len(late)


def test_freebie_hunters(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "freebie_hunters"):
        events = by_group[plan.group_id]
        joined = {
            event.member_id: event for event in events if isinstance(event, e.Join) and event.scene == "coupon_link"
        }
        left = {event.member_id: event for event in events if isinstance(event, e.Leave)}
        fled = [who for who in joined if who in left and left[who].occurred_at - joined[who].occurred_at < 3 * DAY_MS]
        assert min(day_of(event) for event in joined.values()) == turn
        assert len(fled) > len(joined) / 2


def test_unanswered_newcomers(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, turn in planned(plans, "unanswered_newcomers"):
        events = by_group[plan.group_id]
        came = {event.member_id for event in events if isinstance(event, e.Join) and day_of(event) >= turn}
        asked = {message.event_id for message in spoken(events) if message.member_id in came}
        assert len(came) > 10
        assert not any(message.reply_to in asked for message in events if isinstance(message, e.Message))


def test_planned_end(by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]) -> None:
    for plan, _ in planned(plans, "planned_end"):
        first, *_, last = by_group[plan.group_id]
        assert isinstance(first, e.GroupCreated)
        assert isinstance(last, e.GroupEnded)
        assert first.planned_end_at is not None
        assert 0 <= last.occurred_at - first.planned_end_at < DAY_MS


def test_a_blind_source_stops_while_the_others_of_its_brand_go_on(
    events: list[e.Event], by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]
) -> None:
    blind = planned(plans, "blind_source")
    turn = blind[0][1]
    sources = {plan.source for plan, _ in blind}
    said = [event for event in events if isinstance(event, e.SourceComplete)]
    assert len(sources) == 1
    assert {max(day_of(event) for event in by_group[plan.group_id]) for plan, _ in blind} == {turn - 1}
    assert [event.is_live for event in said if event.source in sources] == [True] * turn
    brand = blind[0][0].brand.brand_id
    others = [event for event in said if event.source not in sources and event.brand_id == brand]
    assert max(event.complete_until for event in others) == AFTER_END_MS
    assert not others[-1].is_live


def test_completeness_is_said_after_all_that_it_covers(events: list[e.Event]) -> None:
    until: dict[str | None, int] = {}
    for event in events:
        if isinstance(event, e.SourceComplete):
            until[event.source] = event.complete_until
        assert event.occurred_at >= until.get(event.source, 0) - 1


def test_a_seasonal_lull_is_quiet_but_never_silent_for_long(
    by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]
) -> None:
    for plan, turn in planned(plans, "seasonal_lull"):
        assert plan.until is not None
        days = Counter(day_of(message) for message in spoken(by_group[plan.group_id]))
        trough = range(turn + 5, min(plan.until - 5, DAYS))
        usual = sum(days[day] for day in range(turn)) / turn
        assert sum(days[day] for day in trough) / len(trough) < 0.6 * usual
        assert max(b - a for a, b in pairwise(sorted(days))) < 14


def test_what_is_bought_is_paid_and_some_of_it_given_back(events: list[e.Event]) -> None:
    orders = {event.order_id: event for event in events if isinstance(event, e.Purchase)}
    refunds = [event for event in events if isinstance(event, e.Refund)]
    assert 0 < len(refunds) < 0.12 * len(orders)
    for refund in refunds:
        order = orders[refund.order_id]
        assert 0 < refund.amount <= order.amount
        assert (refund.customer_id, refund.currency) == (order.customer_id, order.currency)
        assert refund.occurred_at > order.occurred_at


def test_codes_of_orders_are_those_of_posts(events: list[e.Event], plans: list[GroupPlan]) -> None:
    posted = {event.code for event in events if isinstance(event, e.Post) and event.code}
    typed = {event.code for event in events if isinstance(event, e.Purchase) and event.code}
    unseen = tuple(plan.group_id[-6:] for plan, _ in planned(plans, "blind_source"))
    assert typed & posted
    assert all(code.endswith(unseen) for code in typed - posted)


def test_some_people_are_in_two_groups(by_group: dict[str, list[e.GroupEvent]]) -> None:
    groups = Counter(who for events in by_group.values() for who in {m.member_id for m in spoken(events)})
    assert max(groups.values()) > 1


@pytest.mark.parametrize("plan", plan_fleet(22, 180, 1), ids=lambda plan: plan.cause.name)
def test_energy_stays_a_share_and_a_death_ends(plan: GroupPlan) -> None:
    energies = [plan.energy(day) for day in range(400)]
    assert all(0 <= energy <= 1 for energy in energies)
    assert (energies[-1] == 0) == (plan.cause.is_death or plan.cause.name == "planned_end")
    if plan.dead_from is not None:
        assert energies[plan.dead_from] == 0
        assert energies[plan.dead_from - 1] >= FLOOR


def test_the_command_writes_both_files_and_says_how_much(tmp_path: Path) -> None:
    options = ["--out", str(tmp_path / "new"), "--groups", "3", "--days", "28", "--end", "2026-06-30"]
    result = CliRunner().invoke(simulate_command, options)
    assert result.exit_code == 0, result.output
    assert f"{len(written(tmp_path / 'new')):,} events of 3 groups and 28 days" in result.output
    assert (tmp_path / "new" / TRUTH_FILE).read_text().splitlines()[0] == ",".join(TRUTH_COLUMNS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--end", "2999-01-01"], "lies ahead: choose a day that has come"),
        (["--out", "/dev/null/fleet"], "cannot write to /dev/null/fleet"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(simulate_command, ["--out", str(tmp_path), "--groups", "1", "--days", "28", *options])
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_adverts_carry_links_and_repeat_and_greetings_name_who_has_just_come(
    by_group: dict[str, list[e.GroupEvent]], plans: list[GroupPlan]
) -> None:
    flooded = {plan.group_id for plan in plans if plan.cause.name == "ad_flood"}
    greeted = 0
    for group, told in by_group.items():
        said = [one for one in told if isinstance(one, e.Message)]
        adverts = [one.text_hash for one in said if one.text_hash is not None]
        assert (len(set(adverts)) == 3) == (group in flooded)
        assert all(one.links for one in said if one.text_hash is not None)
        came = {one.member_id: one.occurred_at for one in told if isinstance(one, e.Join)}
        names = [(one, name) for one in said for name in one.mentions]
        assert all(one.role == "staff" and 0 <= one.occurred_at - came[name] < DAY_MS for one, name in names)
        greeted += len(names)
    assert greeted > 50
