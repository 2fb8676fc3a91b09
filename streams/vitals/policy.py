"""Every threshold of the measures, with its default and the reason for it."""

from collections.abc import Mapping

import msgspec

from streams.vitals.earning import PointRule

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MOVING_DAYS = 7
"""What comes in order changes no day before these: an answer counts on the day of what was asked, the first word of a
newcomer on the day of their join, and both are awaited for no longer."""


_REVENUE_HALF: dict[str, int] = {
    "CNY": 10_000, "USD": 1_500, "EUR": 1_500, "GBP": 1_200, "JPY": 2_200, "KRW": 20_000, "HKD": 11_000, "TWD": 45_000,
    "SGD": 2_000, "AUD": 2_200, "CAD": 2_000, "CHF": 1_500, "INR": 120_000, "MYR": 6_500, "THB": 50_000, "BRL": 8_000,
}  # fmt: skip
"""100 CNY, and what is about as much elsewhere. In another currency revenue is unknown until a reference is set."""


_WEIGHED = {
    "parts": {"conversion", "residue", "network", "reach", "care"},
    "conversion_parts": {"payers", "revenue", "benefits"},
}


class WorthPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What a group is worth: how each number becomes 0..1, and what is told by it. MEASURES has weights and limits.

    What MEASURES leaves open is chosen so that half a point is an ordinary group of a brand that sells in chats.
    """

    parts: Mapping[str, float] = msgspec.field(
        default_factory=lambda: {"conversion": 0.30, "residue": 0.20, "network": 0.20, "reach": 0.15, "care": 0.15}
    )
    """They add up to 1."""
    freebie_weight: float = 0.20
    every_days: int = 7
    well_every_days: int = 28
    """Of a group that is ill; who is here changes slowly. On the worth of one that is well nobody acts, and the day on
    which its verdict changes is a day on which it is judged."""
    year_days: int = 364
    conversion_parts: Mapping[str, float] = msgspec.field(
        default_factory=lambda: {"payers": 0.4, "revenue": 0.4, "benefits": 0.2}
    )
    """Who pays and how much say the same of a group in two ways; what benefits brought is noisy and counts half."""
    payers_half: float = 0.10
    """One member in ten who bought within a year is half a point, three in ten are three quarters: x / (x + half)."""
    revenue_half: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(_REVENUE_HALF))
    """Minor units per member and year that are half a point, by currency or by `brand/currency`. About one small order
    a year. What other groups bring is not asked: the fold sees one group, and a bad year of all is no good one."""
    benefit_days: int = 7
    benefit_half: float = 1.0
    """Benefits that brought as much more revenue as they cost are half a point: it is no profit, but they were paid."""
    regular_score: float = 3.0
    """The decayed messages of one a week for four weeks, when somebody last wrote: their habit was weekly."""
    regular_days: int = 4
    """On so many different days: an afternoon of messages is no habit."""
    network_days: int = 90
    aimless_leaves: float = 2.0
    """More leaves in those days than this many times all people: they close their client, and it means nothing."""
    claim_hours: int = 24
    care_days: int = 84
    care_least_messages: int = 20
    """Of the last 12 weeks while its verdict was good: fewer messages than this are no habit of answering."""
    let_go_freebie: float = 0.60
    let_go_least_days: int = 56
    """A younger group that only took its welcome gift may still buy."""
    keep_leaves: float = 0.02
    keep_purposes: tuple[str, ...] = ("industry", "alliance")
    """Quiet, but nobody leaves: such a group is an address book."""
    quiet_messages: int = 90
    """In `network_days`: a group with less than one message a day is quiet, though for it that may be well."""
    let_go_purposes: tuple[str, ...] = ("ads", "relay")
    ads_least_posts: int = 8
    """Of a group whose purpose nobody told: that most of so many posts were ads, and more than members wrote."""
    revive_worth: float = 60.0
    probe_worth: float = 35.0
    least_known: float = 0.40
    """With less known of it than this share of the parts' weights no number decides: a probe costs little and tells."""

    def __post_init__(self) -> None:
        """Raises ValueError for what no worth can be made of."""
        for name, of in (("parts", self.parts), ("conversion_parts", self.conversion_parts)):
            if of.keys() != _WEIGHED[name] or min(of.values()) < 0 or abs(sum(of.values()) - 1) > 1e-9:
                raise ValueError(f"{name} must be weights of {', '.join(sorted(_WEIGHED[name]))} that add up to 1")
        if min(self.payers_half, self.benefit_half, *self.revenue_half.values()) <= 0:
            raise ValueError("payers_half, benefit_half and all of revenue_half must be above 0")
        if min(self.every_days, self.well_every_days, self.year_days, self.benefit_days, self.network_days) < 1:
            raise ValueError("every number of days must be above 0")
        if self.year_days > 364 or self.care_days > 364 or self.network_days > 364:
            raise ValueError("no number of days may be above 364: panes reach no further")


class CarrierPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Who is an opinion leader, when to worry about one, and what makes a referral root or a freebie group."""

    elicit_ms: int = 900_000
    """MEASURES: what is written within 15 minutes of a message may be due to it."""
    follow_ms: int = 300_000
    """To be among the first to speak within five minutes after somebody may be an answer. Chance is taken off."""
    mentions_most: int = 5
    """Whoever names more people in one message calls all together and answers nobody."""
    replies_share: float = 0.02
    replies_least: int = 5
    """With fewer answers than this share of the messages, or so few, no replies are told of: timing is asked."""
    news_least: int = 100
    rank_weeks: int = 4
    """Leaders are ranked anew after a week with so many answers, else after four: a few move no rank."""
    leaders_least: int = 3
    leaders_share: float = 0.01
    leaders_most: int = 10
    """MEASURES: the top three or 1 %, at most ten. None is named without the evidence that follows."""
    leader_repliers: int = 3
    """Two friends who answer each other lead nobody."""
    leader_answers: float = 10.0
    """Of the faded answers: where chance explains one or two, one lively evening already is four deviations beyond."""
    leader_days: int = 28
    """Since their first message: newcomers are greeted by many, and many go again."""
    leader_lift: float = 1.4
    leader_sigmas: float = 3.5
    """Seven answers where chance explains five, and so many Poisson deviations beyond that: with three, six times as
    many pass for a leader in a week who are none as with four, with this three times."""
    leader_near_sigmas: float = 2.7
    """So many at two rankings in a row are as good: in a small group no week shows more of a leader."""
    leader_kept_answers: float = 7.0
    leader_kept_lift: float = 1.2
    leader_kept_sigmas: float = 2.5
    """Whoever is named stays so with a little less, or leaders would come and go with chance, and not be missed."""
    leader_sure_sigmas: float = 5.0
    """Whom a single ranking just so named and who then fell silent was mostly no leader; with so many hardly ever."""
    leader_silent_days: int = 7
    leader_pauses: float = 5.0
    """MEASURES: silent for 7 days. Who writes once a week is not silent then: five times their usual pause as well."""
    carried_share: float = 0.5
    carried_least_messages: int = 28
    """Of 28 days: fewer than one message a day is no talk to carry."""
    burst_joins: int = 20
    burst_ms: int = 600_000
    """MEASURES: 20 joins by one inviter in 10 minutes are no invitations by hand."""
    early_leave_hours: int = 72
    early_share: float = 0.5
    early_least_invitees: int = 10
    """MEASURES: half of the invitees gone within 72 hours. Two of three friends may change their mind. Of ten, half:
    where a fifth leave early, chance flags one inviter of ten invitees in 30, of twenty one in 400."""
    retained_days: int = 30
    freebie_days: int = 364
    freebie_every_days: int = 28
    """A year's share moves slowly; but where it is not known yet, it is asked for each week."""
    freebie_least: int = 5
    """So few who ever did anything say nothing of who comes for benefits alone."""
    freebie_share: float = 0.60
    """MEASURES: the share from which a group without a purchase is let go."""


class MemberPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of the stages of a member, of the member score and of the cleanup list, in days where not said."""

    newcomer_tenure_days: int = 30
    """A month is what a newcomer is given to arrive."""
    early_tenure_days: int = 14
    early_silent_days: int = 30
    early_unpaid_days: int = 60
    """Silent for a month and without a purchase in two: lost before there was a habit."""
    churned_tenure_days: int = 180
    churned_idle_days: int = 60
    """Who was here half a year and does nothing for two months, or hears nothing, is gone in all but name."""
    mature_tenure_days: int = 90
    mature_orders: int = 3
    mature_active_days: int = 4
    """Bought three times in a year and comes once a week: both are a habit."""
    growing_acts: int = 2
    """Of purchases in a year, or of days with a message in four weeks: once is chance."""
    orders_window_days: int = 365
    active_window_days: int = 28
    cleanup_tenure_days: int = 60
    cleanup_silent_days: int = 60
    cleanup_unpaid_days: int = 180
    """Two months are two rounds of what a group does monthly; half a year is what a customer is given to buy again."""
    score_cap: int = 20
    """Of one kind, member and day no more count: a flood is no merit."""
    weights: tuple[float, ...] = (1.0, 2.0, 0.3, 0.2, 3.0, 5.0)
    """What a message, a reply, a reaction, a claim, an invitation and a purchase are worth."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the fold. Changing one changes later rows only; a rebuild changes all."""

    forming_days: int = 14
    """A group younger than this has no habit to lose."""
    forming_speakers: int = 3
    """Fewer people who ever spoke than this are not yet a group."""
    fading_risk: float = 0.15
    """1.8 times the base rate of .085: four of five alarms are announced a week or more before. At .10 it would be
    said of a third of all groups that talk."""
    fading_hold_days: int = 14
    """Two weekly rhythms, so that one good week does not flap."""
    caused_share: float = 0.5
    """With a cause in sight, a week below this share of the usual is fading whatever the risk. From reasoning: the
    archives that the risk was fitted to know no causes."""
    caused_least_messages: float = 7.0
    """Of a usual week; below one message a day half a week is chance."""
    dying_risk: float = 0.45
    """The slider between alarms too many and deaths unseen; MODEL.md has its table. .43 to .46 are as good."""
    dying_min_age_days: int = 56
    """Below it what is usual is younger than what is foretold."""
    silent_days: int = 28
    """Four weeks without one member message: every habit of the week was missed four times. An alarm if the risk is
    within `silent_risk_below` of `dying_risk`: some groups are silent for a month each summer."""
    silent_risk_below: float = 0.20
    silent_sure_days: int = 42
    """After six weeks of silence the risk need not be asked."""
    rhythm_days: int = 14
    rhythm_factor: float = 2.0
    """A group that was never silent for half as long in its year is off its rhythm after `rhythm_days`."""
    rhythm_min_active_days: int = 10
    """With fewer days of talk in its year a group has no rhythm to lose."""
    alarm_hold_days: int = 35
    """An alarm is left after five weekly rhythms, not at the first good week: half of those that are left sooner
    come back. At 42 days deaths are told later, at 28 there are a tenth more alarms."""
    alarms_per_year: int = 0
    """A safety: of one group no more alarms begin within 364 days. 0: no cap."""
    dead_volume_share: float = 0.05
    """In an alarm, a 56-day volume below this share of the usual one is called dead, though somebody still writes."""
    falling_share: float = 0.30
    """Daily speakers down by this share, month on month, two months running."""
    falling_min_speaker_days: int = 56
    """Below two speakers a day in the first of the months a fall is chance."""
    revived_days: int = 28
    """For so long a group that left an alarm well is called revived."""
    revived_weeks: int = 2
    """Of the last four weeks so many at the band's usual breadth: not one lucky post."""
    revived_speakers_7d: tuple[int, int, int, int] = (4, 7, 12, 20)
    """What counts as usual, by size band (to 40, 41-100, 101-300, above 300 members)."""
    blind_after_hours: int = 12
    """A live source that is not complete for so long is blind; connectors report every few hours at worst."""
    monologue_staff_share: float = 0.80
    """Staff's share of messages above which, with at most one member speaking in a week, nobody listens."""
    monologue_kept_share: float = 0.90
    """With such a share a monologue goes on, though two or five wrote on one evening."""
    ad_only_least: int = 14
    """Messages in 28 days, one every other day: below it a group is quiet, whatever the few are."""
    ad_only_share: float = 0.8
    """Of the messages that are ads, as for a monologue: in groups that talk, one message in five or ten has a link."""
    ad_only_senders: int = 3
    """So few send four fifths of the ads. Where many share links, they are its subject, but for what follows."""
    ad_only_pasted: float = 0.5
    """Of the ads so many carry a link and repeat a text as well: sent again and again they are no talk, whoever sends
    them. A link that is shared comes once, and a word that all repeat, as at a roll call, has none."""
    ad_only_answered: float = 0.1
    """Of the ads so many may be answered by what is no ad: more, and somebody reads them."""
    probe_silent_days: int = 28
    """Members who did nothing for so long are asleep, and a probe may wake them (MEASURES, Members)."""
    welcome_minutes: int = 15
    """A word of staff so soon after a join is a greeting, though it names nobody. After an hour it is about something
    else, and a newcomer has put the phone away."""
    welcome_days: int = 7
    """A greeting later than the time in which a newcomer arrives or does not is none."""
    answered_minutes: int = 60
    """A member message answered by another person within this counts as answered."""
    newcomer_days: int = 7
    """A newcomer who spoke within this has arrived."""
    capped_messages: int = 20
    """Of one member and day no more count: a monologue is no crowd."""
    core_size: int = 5
    """The talkers whose going is felt first."""
    core_least: int = 3
    """Fewer talkers than this are no core."""
    leader_share: float = 0.5
    """Of the core's talk; whoever carries so much alone is the leader."""
    core_silent_days: int = 21
    """A core member silent for three weeks has left in all but name."""
    core_memory_days: int = 112
    """Whoever has not spoken for four 28-day windows no longer belongs to the core that is missed."""
    benefit_leave_hours: int = 72
    """Leaving within this of a benefit is leaving after the coupon."""
    drop_past_days: int = 56
    """What is usual comes from eight weeks, and a drop that lasts for longer is the new usual."""
    drop_least_past_days: int = 14
    """With fewer days that count there is no usual."""
    drop_recent_days: int = 14
    """Two weeks carry the level: a season moves it, one odd day does not."""
    drop_week_slack: float = 1.05
    """The last week lowers the level if it is below it by more than this factor: a lull comes within a week or two."""
    drop_least_a_day: float = 15.0
    """Capped messages, of which a group of 20 messages a day has 15 to 20. Below it a week is looked at, not days."""
    drop_least_a_week: float = 20.0
    """Below it a silent week is chance."""
    drop_least_28d: int = 40
    """A group with fewer capped messages in 28 days expects no 20 a week."""
    drop_p_two_days: float = 1e-4
    drop_p_three_days: float = 5e-4
    drop_p_week: float = 1e-4
    """How unlikely it must be. Two days are asked for more than three: they say less, and of 60 % that are gone a few
    groups are seen only on the third. DECISIONS.md has what each costs."""
    drop_share: float = 0.6
    """What is left must be less than this share of the expected, however sure a smaller loss is."""
    drop_day_share: float = 0.85
    """And no single day of it nearer to the usual: one lost day is no drop."""
    drop_calm_spread: float = 0.03
    drop_calm_days: float = 14.0
    """A group's own spread of days is known from eight weeks, and drawn towards a calm one's as if by two more."""
    drop_before_end_days: int = 14
    """A group that shall end so soon may fade."""
    drop_over_share: float = 0.7
    """Back above this share of the expected on two full days, or in a week of a small group, it is over. Above
    `drop_share`, so that none flickers."""
    drop_seen_hours: int = 22
    """Of a day of which less was seen nothing is said."""
    worth: WorthPolicy = WorthPolicy()
    carriers: CarrierPolicy = CarrierPolicy()
    members: MemberPolicy = MemberPolicy()
    points: Mapping[str, PointRule] = msgspec.field(default_factory=dict)
    """What earns points, by cause. Empty: only what events say."""

    def __post_init__(self) -> None:
        """Raises ValueError for waits beyond MOVING_DAYS."""
        if self.newcomer_days > MOVING_DAYS or self.answered_minutes * 60_000 > MOVING_DAYS * DAY_MS:
            raise ValueError(f"newcomer_days and answered_minutes must be no more than {MOVING_DAYS} days")


BANDS = (40, 100, 300)
"""Upper sizes of the bands small, middle, large; above is huge."""


def band(members: int) -> int:
    """The index of the size band, 0..3."""
    return sum(members > limit for limit in BANDS)
