"""The welcome: how long a newcomer waits for a word of staff, or of a bot, that is meant for them.

Meant for them is a word that mentions them, or answers a message of theirs: by a reply, or, where a platform has none,
as the first word of staff within `answered_minutes` of what they said last, nobody else having spoken in between. Else
the first word of staff within `welcome_minutes` of the join: nobody is named in "welcome, all of you", and texts are
not known; what staff says an hour later is about something else. A bot must name its newcomer, for bots post by the
clock. Only who had never been in the group is a newcomer, and within `welcome_days`.

Bounded: `WAITING` newcomers wait, the latest; waits are counted in buckets (`latencies.py`).
"""

from typing import TYPE_CHECKING

import msgspec

from streams import events as e
from streams.vitals.latencies import FOR_GREETING, medians, wait
from streams.vitals.policy import DAY_MS, Policy
from streams.vitals.weeks import Weeks, ends_week, last_weeks

if TYPE_CHECKING:
    from streams.vitals.state import GroupState

WAITING = 256
"""A crowd that came for a coupon is greeted as a crowd or not at all."""
_NOBODY = (e.MAX_TIME + 1, "")


class Waits(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How many waits of four weeks ended, and their medians in minutes, None of none.

    They are for a greeting, and for an answer, by who gave it first. Appended fields need defaults.
    """

    welcomes: int = 0
    welcome_minutes: float | None = None
    staff_answers: int = 0
    staff_minutes: float | None = None
    member_answers: int = 0
    member_minutes: float | None = None


NO_WAITS = Waits()


class Welcome(msgspec.Struct, array_like=True, gc=False):
    """`newcomers` are those who wait for a word, as they came: number → time of the join and pseudonym.

    `waits` are all waits of the group, for a greeting and for an answer, by the week in which they began; `now` is as
    of the last Sunday that closed.
    """

    newcomers: dict[int, tuple[int, str]] = {}
    waits: Weeks = {}
    now: Waits = NO_WAITS


def arrived(state: "GroupState", member_id: str, at: int) -> None:
    """A newcomer joined at `at` and waits for a word."""
    waiting = state.welcome.newcomers
    waiting[state.ledger[member_id].number] = at, member_id
    if len(waiting) > WAITING:
        del waiting[next(iter(waiting))]


def greet(state: "GroupState", event: e.Message, policy: Policy, replied_to: int | None) -> None:
    """Staff or a bot spoke, while newcomers wait. `replied_to` is the number of the member whom it answers, if any."""
    waiting, look = state.welcome.newcomers, state.ledger.look
    meant = {member.number: None for one in event.mentions if (member := look(one)) is not None}
    if replied_to is not None:
        meant[replied_to] = None
    if event.role == "staff":
        since = event.occurred_at - policy.welcome_minutes * 60_000
        for number in reversed(waiting):
            if waiting[number][0] < since:
                break
            meant[number] = None
    for number in meant:
        joined_at, member_id = waiting.get(number, _NOBODY)
        if joined_at <= event.occurred_at:
            del waiting[number]
            _welcome(state, member_id, joined_at, event.occurred_at, policy)


def _welcome(state: "GroupState", member_id: str, joined_at: int, at: int, policy: Policy) -> None:
    member = state.ledger.find(member_id)
    if member is None or at - joined_at > policy.welcome_days * DAY_MS:
        return
    if member.welcomed_at is None:
        member.welcomed_at = at
        state.lifecycle.changed[member_id] = 0  # their standing is told at the next close
    wait(state.welcome.waits, FOR_GREETING, joined_at, at - joined_at)


def close_welcomes(state: "GroupState", day: int, policy: Policy) -> None:
    """At the end of a Sunday: the waits of four weeks. Nobody waits any longer who has waited for `welcome_days`."""
    welcome = state.welcome
    if welcome.waits and ends_week(day):
        greeting, staff, members = medians(last_weeks(welcome.waits, day))
        welcome.now = Waits(*greeting, *staff, *members)
    waiting = welcome.newcomers
    if waiting:
        limit = (day + 1 - policy.welcome_days) * DAY_MS
        for number in [one for one, (joined_at, _) in waiting.items() if joined_at < limit]:
            del waiting[number]
