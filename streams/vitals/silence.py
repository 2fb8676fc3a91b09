"""Silence: how long nobody has said a word, and whether those who talk are listened to."""

from streams.vitals.policy import HOUR_MS, Policy
from streams.vitals.state import GroupState
from streams.vitals.talk import member_message_times


def last_message_before(state: GroupState, at: int) -> int | None:
    """The time of the last member message before `at`.

    Only an evaluation that lags behind the log, as of a source complete to an earlier time, has to search: in
    the remembered messages (7 days), then in the ledger.
    """
    last = state.last_message_at
    if last is None or last < at:
        return last
    return max((time for time in member_message_times(state) if time < at), default=None)


def silent_hours(last_message_at: int | None, at: int) -> float | None:
    """Hours from the last member message to `at`; None for a group in which no member ever spoke."""
    return None if last_message_at is None else max(0, at - last_message_at) / HOUR_MS


def is_monologue(messages_28d: int, staff_messages_28d: int, speakers_7d: int, policy: Policy) -> bool:
    """Staff talks, nobody answers: broadcasting into the void is not activity (MEASURES, Silence)."""
    return _staff_has(policy.monologue_staff_share, messages_28d, staff_messages_28d) and speakers_7d <= 1


def is_still_monologue(messages_28d: int, staff_messages_28d: int, policy: Policy) -> bool:
    """Whether a monologue goes on though some spoke this week: one evening in a month does not end it."""
    return _staff_has(policy.monologue_kept_share, messages_28d, staff_messages_28d)


def _staff_has(share: float, messages_28d: int, staff_messages_28d: int) -> bool:
    total = messages_28d + staff_messages_28d
    return total >= 10 and staff_messages_28d >= share * total
