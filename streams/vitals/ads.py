"""Groups that are nothing but advertising, told without a text: by links, by texts that come again, and by who answers.

A message is an ad if it carries a link, or repeats one of the last `TEXTS` longer texts of the group within a week; who
wrote it does not matter, the platforms that relay ads do it as members, as staff and as bots alike. An ad is answered
if somebody else writes what is no ad within the hour. Only messages whose text a connector saw (`links` is told) say
anything; where none does, staff's posts of the classes ads and relay say it alone, else it is unknown.

A group is ad-only if it had `ad_only_least` messages in four weeks, `ad_only_share` of them ads, hardly any answered,
and all but a few of `ad_only_senders` people or `ad_only_pasted` of them the same link and text again; the close of a
Sunday says so. Healthy groups share links too, but others talk about them, or many share and each link comes once.

Bounded: `TEXTS` hashes, and five weeks of some counts and of `SENDERS` people who sent ads.
"""

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from streams import events as e
from streams.vitals.policy import DAY_MS, HOUR_MS, Policy
from streams.vitals.weeks import MONDAY_MS, WEEK_MS, Weeks, ends_week, last_weeks

if TYPE_CHECKING:
    from streams.vitals.state import GroupState

TEXTS = 64
_TEXTS_SLACK = 16
REPEAT_DAYS = 7
SENDERS = 24
"""Of a week, or a few more; whoever else sends ads in it is one of many, and so many are no few."""
_SEEN, _LINKED, _REPEATED, _ADS, _ANSWERED, _OTHERS, _FIRST_SENDER = range(7)


class AdShare(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Ads of 28 days. `share` of the messages that could be judged, None of none; `senders` sent four fifths of them.

    `repeats` and `links` are the messages that were ads for that reason, some for both. Appended fields need defaults.
    """

    ads: int = 0
    share: float | None = None
    senders: int = 0
    repeats: int = 0
    links: int = 0
    answered: int = 0
    is_ad_only: bool = False


NO_ADS = AdShare()


class Ads(msgspec.Struct, array_like=True, gc=False):
    """The ads of a group. `texts` maps a hash of a text to the day on which it was last written, in that order.

    The last ad that nobody has answered was sent at `asked_at` by the member of that number. `now` and
    `is_monologue` (staff speaks to itself, `silence.py`) are as of the last Sunday, and day, that closed.
    """

    texts: dict[int, int] = {}
    counts: Weeks = {}
    asked_at: int = -1
    asked_by: int = -1
    now: AdShare = NO_ADS
    is_monologue: bool = False


def look_at(state: "GroupState", event: e.Message, number: int) -> None:
    """Somebody wrote something whose text a connector saw."""
    ads, time = state.ads, event.occurred_at
    week = (time + MONDAY_MS) // WEEK_MS
    counts = ads.counts.get(week)
    if counts is None:
        counts = ads.counts[week] = {}
    counts[_SEEN] = counts.get(_SEEN, 0) + 1
    is_repeat = event.text_hash is not None and _is_repeat(ads.texts, event.text_hash, time // DAY_MS)
    if event.links or is_repeat:
        _count_ad(counts, number, has_link=bool(event.links), is_repeat=is_repeat)
        ads.asked_at, ads.asked_by = time, number
    elif 0 <= time - ads.asked_at <= HOUR_MS and number != ads.asked_by:
        counts[_ANSWERED] = counts.get(_ANSWERED, 0) + 1
        ads.asked_at = -HOUR_MS


def _count_ad(counts: dict[int, int], number: int, *, has_link: bool, is_repeat: bool) -> None:
    sender = _FIRST_SENDER + number
    if sender not in counts and len(counts) >= SENDERS + _FIRST_SENDER:
        sender = _OTHERS
    keys = [_ADS, sender, *[_LINKED] * has_link, *[_REPEATED] * is_repeat]
    for key in keys:
        counts[key] = counts.get(key, 0) + 1


def _is_repeat(texts: dict[int, int], digest: int, day: int) -> bool:
    last = texts.pop(digest, None)
    texts[digest] = day
    if len(texts) >= TEXTS + _TEXTS_SLACK:
        for old in list(islice(texts, _TEXTS_SLACK)):
            del texts[old]
    return last is not None and abs(day - last) <= REPEAT_DAYS


def close_ads(state: "GroupState", day: int, posts: int, messages: int, policy: Policy) -> None:
    """At the end of a Sunday: the ads of 28 days. `posts` are those of the classes ads and relay, `messages` all."""
    ads = state.ads
    if ends_week(day) and (ads.counts or posts or ads.now is not NO_ADS):
        ads.now = _share(last_weeks(ads.counts, day), posts, messages, policy)


def _share(total: dict[int, int], posts: int, messages: int, policy: Policy) -> AdShare:
    seen = total.get(_SEEN, 0)
    if not seen and not posts:
        return NO_ADS
    ads, answered = total.get(_ADS, 0), total.get(_ANSWERED, 0)
    share: float | None = ads / seen if seen else None
    senders = _senders(total)
    if posts and posts > (share or 0.0) * messages:  # what staff says of its own posts is surer than a guess
        share, ads, senders, answered = min(1.0, posts / max(messages, 1)), posts, 1, 0
    pasted = total.get(_LINKED, 0) + total.get(_REPEATED, 0) - ads  # an ad is one or the other, or both
    is_only = (
        max(seen, messages) >= policy.ad_only_least
        and (share or 0.0) >= policy.ad_only_share
        and (0 < senders <= policy.ad_only_senders or pasted >= policy.ad_only_pasted * ads > 0)
        and answered <= policy.ad_only_answered * ads
    )
    return AdShare(ads, share, senders, total.get(_REPEATED, 0), total.get(_LINKED, 0), answered, is_only)


def _senders(total: dict[int, int]) -> int:
    """How few people sent four fifths of the ads; those who are not known by number count one by one."""
    sent = sorted((count for key, count in total.items() if key >= _FIRST_SENDER), reverse=True)
    sent += [1] * total.get(_OTHERS, 0)
    needed, people = 0.8 * sum(sent), 0
    for people, count in enumerate(sent, 1):  # noqa: B007 - the last one is the answer
        needed -= count
        if needed <= 1e-9:
            break
    return people
