"""The stage of a member, and whether the cleanup list has them: pure rules on what is known at the end of a UTC day.

The first stage that holds:

- left: not here · churned: here 180 days, and idle for 60 or muted
- early_churned: here 14 days, silent for 30 and no purchase in 60
- mature: here 90 days, 3 purchases in 365 and 4 days with a message in 28
- growing: here 30 days, and 2 such purchases or 2 such days · newcomer: here less than 30 days · stalled: the rest

Idle is who neither wrote, claimed nor bought; silence, idleness and tenure begin anew with each join. Staff and bots
are in no stage of a member.

On the cleanup list is who is here 60 days, wrote nothing in 60, bought nothing in 180, claimed none of the group's
last two benefits, and is neither staff nor a buyer: one who ever bought and kept it stays, however silent. Where no
benefit is known, a claim within the 60 days is a sign of life.
"""

import msgspec

from streams.vitals.insights import Stage
from streams.vitals.members import Member, Trade
from streams.vitals.policy import DAY_MS, MemberPolicy

STAGES: tuple[Stage, ...] = (
    "left", "churned", "early_churned", "mature", "growing", "newcomer", "stalled", "staff", "bot",
)  # fmt: skip
"""Members keep their place among these from 1 on (0: not judged yet), so none is ever moved."""
_LEFT, CHURNED, _EARLY, _MATURE, _GROWING, NEWCOMER, _STALLED, _STAFF, _BOT = range(1, len(STAGES) + 1)
_NEVER = 1 << 30
BENEFITS = 2
"""So many of a group's benefits, the latest first, are what a member may ignore."""


class Lifecycle(msgspec.Struct, array_like=True, gc=False):
    """What judging a group's members needs beside the ledger. Appended fields need defaults.

    `changed` are the pseudonyms of those of whom something was learnt since the last close, `acts` counts by day and
    member number what was not counted yet, twelve bits for each kind of `standing`: of days after `counted_day`, of
    those who did something other than write. `benefits` are the times of the last BENEFITS, the latest first; claims
    count from `claims_from` on, as of the last close. `moved` has, by member number, the stage that those who moved at
    that close were in before, and since the end of which day: day × 16 + stage. `actors` are the numbers of those who
    did something other than write in the four weeks of the group, and nothing was told of them since.
    """

    changed: dict[str, int] = {}
    acts: dict[int, dict[int, int]] = {}
    benefits: tuple[int, ...] = ()
    claims_from: int | None = None
    moved: dict[int, int] = {}
    counted_day: int = -1
    actors: dict[int, int] = {}


def judge(member: Member, day: int, claims_from: int | None, policy: MemberPolicy) -> int:
    """Give a member the stage and the place on or off the list that are theirs at the end of `day`.

    Claims since `claims_from` (ms UTC; None: no benefit is known) keep off the list. Answers the next day at whose end
    time alone changes any of it, 0 if it does not.
    """
    joined = member.joined_at
    if joined is None:
        joined = _seen_since(member, day)
    if member.role != "member":
        _put(member, _STAFF if member.role == "staff" else _BOT, day, is_listed=False)
        return 0
    if not member.is_present:
        _put(member, _LEFT, day, is_listed=False)
        return 0
    as_of, last, trade = (day + 1) * DAY_MS, member.last_message_at, member.trade
    tenure = silent = (as_of - joined) // DAY_MS
    if last is not None and last > joined:
        silent = (as_of - last) // DAY_MS
    idle, paid, claimed = (silent, _NEVER, _NEVER) if trade is None else _idle(trade, silent, as_of)
    churned, left = policy.churned_tenure_days - tenure, policy.churned_idle_days - idle
    churned = churned if churned > left or member.is_muted else left  # max() takes six times as long
    early, left = policy.early_tenure_days - tenure, policy.early_silent_days - silent
    early, left = early if early > left else left, policy.early_unpaid_days - paid
    early = early if early > left else left
    new = policy.newcomer_tenure_days - tenure
    if churned <= 0:
        stage, wait = CHURNED, _NEVER
    elif early <= 0:
        stage, wait = _EARLY, churned
    else:
        stage, wait = (NEWCOMER, new) if new > 0 else _settled(member, day, tenure, policy)
        wait = early if early < wait else wait
        wait = churned if churned < wait else wait
    list_in, left = policy.cleanup_tenure_days - tenure, policy.cleanup_silent_days - silent
    list_in = list_in if list_in > left else left
    if trade is not None:
        list_in = _list_in(trade, list_in, paid, claimed, claims_from, policy)
    _put(member, stage, day, is_listed=list_in <= 0)
    if 0 < list_in < wait:
        wait = list_in
    return day + wait if wait < _NEVER else 0


def can_move(member: Member, day: int, messages: int, policy: MemberPolicy) -> bool:
    """Whether one with so many messages in four weeks may be in another stage, or off the list, at the end of `day`.

    Who is new, mature, or growing without the purchases of the mature stays so until their `due_day` whatever they do:
    silence only begins anew. A single message is no habit.
    """
    if member.due_day <= day or member.listed_day:
        return True
    if member.stage in {_STALLED, _GROWING}:
        has_orders = member.trade is not None and len(member.trade.bought_at) >= policy.mature_orders
        return has_orders or (member.stage == _STALLED and messages >= policy.growing_acts)
    return member.stage not in {NEWCOMER, _MATURE}


def tenure_since(member: Member) -> int:
    """The last join, or where none was seen when they were first there, ms UTC."""
    if member.joined_at is not None:
        return member.joined_at
    seen, said = member.seen_day * DAY_MS, member.first_message_at
    return seen if said is None or seen < said else said


def _seen_since(member: Member, day: int) -> int:
    """Since when a member is here whose join nobody saw, noting that they are in the ledger as `day` closes."""
    member.seen_day = member.seen_day or day
    return tenure_since(member)


def _idle(trade: Trade, silent: int, as_of: int) -> tuple[int, int, int]:
    """Whole days up to a time that a member is idle, has bought and claimed nothing; _NEVER of what never was.

    A rule of ages holds `limit - age` days later, and time alone moves a member in the fewest of these days.
    """
    paid = (as_of - trade.bought_at[0]) // DAY_MS if trade.bought_at else _NEVER
    claimed = _NEVER if trade.last_claim_at is None else (as_of - trade.last_claim_at) // DAY_MS
    idle = silent if silent < paid else paid
    return idle if idle < claimed else claimed, paid, claimed


def _settled(member: Member, day: int, tenure: int, policy: MemberPolicy) -> tuple[int, int]:
    """The stage of who is neither new nor lost, for what they do, and in how many days time makes it another."""
    window, activity, trade = policy.active_window_days, member.activity, member.trade
    few, many, mature = -_NEVER, -_NEVER, policy.mature_tenure_days - tenure
    bought: list[int] = []
    if trade is not None and trade.bought_at:
        as_of, year = (day + 1) * DAY_MS, policy.orders_window_days
        bought = [year - (as_of - at) // DAY_MS for at in trade.bought_at]
    if activity is not None:
        active = activity.wrote(day, window)
        if active >= policy.growing_acts:
            few = activity.latest(policy.growing_acts) + window - day
        if active >= policy.mature_active_days:
            many = activity.latest(policy.mature_active_days) + window - day
    if not bought:
        return (_STALLED, _NEVER) if few <= 0 else (_GROWING, few)

    def stage_in(days: int) -> int:
        orders = sum(left > days for left in bought) if bought else 0
        if orders >= policy.mature_orders and many > days >= mature:
            return _MATURE
        return _GROWING if orders >= policy.growing_acts or few > days else _STALLED

    stage = stage_in(0)
    waits = sorted([wait for wait in (*bought, few, many, mature) if wait > 0])
    return stage, next((wait for wait in waits if stage_in(wait) != stage), _NEVER)


def _list_in(trade: Trade, wait: int, paid: int, claimed: int, claims_from: int | None, policy: MemberPolicy) -> int:
    """In how many days the cleanup list has one who traded; none or less: it has, _NEVER: time alone will not do it."""
    if trade.spent > 0 or trade.is_foreign:
        return _NEVER
    left = policy.cleanup_unpaid_days - paid
    wait = wait if wait > left else left
    if claims_from is None:
        return max(wait, policy.cleanup_silent_days - claimed)
    return wait if (trade.last_claim_at or 0) < claims_from else _NEVER


def _put(member: Member, stage: int, day: int, *, is_listed: bool) -> None:
    if stage != member.stage:
        member.stage, member.stage_day = stage, day
    if is_listed != bool(member.listed_day):
        member.listed_day = day if is_listed else 0
