"""Every threshold of the measures, with its default and the reason for it."""

import msgspec

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the fold. Changing one changes later rows only; a rebuild changes all."""

    forming_days: int = 14
    """A group younger than this has no habit to lose."""
    forming_speakers: int = 3
    """Fewer people who ever spoke than this are not yet a group."""
    fading_risk: float = 0.10
    """First form of MEASURES: a little above the base rate of .085 of the reference archives."""
    dying_risk: float = 0.25
    """First form of MEASURES: three times the base rate."""
    dead_silent_days: int = 28
    """Four weeks without one member message: every habit of the week was missed four times."""
    dead_volume_share: float = 0.05
    """A 56-day volume below this share of the usual one is the label of a death."""
    hold_days: int = 14
    """A worse verdict is left only after this long: two weekly rhythms, so that one good week does not flap."""
    falling_share: float = 0.30
    """Daily speakers down by this share, month on month, two months running."""
    falling_min_speaker_days: int = 56
    """Below two speakers a day in the first of the months a fall is chance."""
    revived_weeks: int = 2
    """Of the last four weeks so many at the band's usual breadth: not one lucky post."""
    revived_speakers_7d: tuple[int, int, int, int] = (4, 7, 12, 20)
    """What counts as usual, by size band (to 40, 41-100, 101-300, above 300 members)."""
    blind_after_hours: int = 12
    """A live source that is not complete for so long is blind; connectors report every few hours at worst."""
    monologue_staff_share: float = 0.80
    """Staff's share of messages above which, with at most one member speaking in a week, nobody listens."""
    answered_minutes: int = 60
    """A member message answered by another person within this counts as answered."""
    newcomer_days: int = 7
    """A newcomer who spoke within this has arrived."""
    capped_messages: int = 20
    """Of one member and day no more count: a monologue is no crowd."""
    core_size: int = 5
    """The talkers whose going is felt first."""
    core_silent_days: int = 21
    """A core member silent for three weeks has left in all but name."""
    core_memory_days: int = 112
    """Whoever has not spoken for four 28-day windows no longer belongs to the core that is missed."""
    benefit_leave_hours: int = 72
    """Leaving within this of a benefit is leaving after the coupon."""


BANDS = (40, 100, 300)
"""Upper sizes of the bands small, middle, large; above is huge."""


def band(members: int) -> int:
    """The index of the size band, 0..3."""
    return sum(members > limit for limit in BANDS)
