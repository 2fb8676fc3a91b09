"""What members answer to a planned post: their messages within 60 minutes, beside what such minutes usually bring.

Usual is the mean of the same hour of the week in the weeks that panes know by the hour; two known ones are enough, as
many hours of many posts are added up later. Hours that another post had already stirred are left out, or a post of
every Thursday would be measured against itself; with fewer than two of them left, the same hour of all days is taken,
of at least seven. The two clock hours that 60 minutes lie in count by their share.

A message counts in whatever order it and the post came, as long as it is remembered when the post comes (`talk.py`);
one that is taken back counts no more.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import msgspec

from streams import events as e
from streams.vitals.hours import WEEK_HOURS
from streams.vitals.panes import DETAIL_DAYS, DayPane
from streams.vitals.policy import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from streams.vitals.state import GroupState

OPEN_POSTS = 32
"""So many of a day are measured; staff who post more often get no answer to each."""
POST_HOURS = 8 * DETAIL_DAYS
"""So many hours with a post are known, the latest."""
LATE_DAYS = 7
"""A post that comes later than its messages are remembered is not measured."""
_LEAST_WEEKS, _LEAST_DAYS = 2, 7
_EMPTY = DayPane()


class OpenPost(msgspec.Struct, array_like=True, gc=False):
    """A post whose 60 minutes have not been told of; `response` are the member messages so far."""

    post_id: str
    posted_at: int
    content_class: str
    has_code: bool
    response: int = 0


class Responses(msgspec.Struct, array_like=True, gc=False):
    """The posts of a group. `until` is when the last open one hears no more, -1 of none: all that a message asks.

    `hours` are those with a post, since 1970, in the order of arrival. `unmeasured` counts the posts beyond the bounds.
    """

    until: int = -1
    running: list[OpenPost] = []
    hours: list[int] = []
    unmeasured: int = 0


class Response(msgspec.Struct, frozen=True, gc=False):
    """A post when its day has closed. `expected` messages, None where too little is known; of so many `cells`."""

    post: OpenPost
    expected: float | None
    cells: int


def posted(state: "GroupState", event: e.Post, heard_before: int) -> None:
    """Begin to count the answers to a post; `heard_before` of them came before it."""
    posts, at = state.responses, event.occurred_at
    if at // HOUR_MS not in posts.hours:
        posts.hours.append(at // HOUR_MS)
        del posts.hours[:-POST_HOURS]
    is_late = state.closed_day is not None and at < (state.closed_day + 1 - LATE_DAYS) * DAY_MS
    if is_late or len(posts.running) >= OPEN_POSTS:
        posts.unmeasured += 1
        return
    posts.running.append(OpenPost(event.event_id, at, event.content_class, event.code is not None, heard_before))
    posts.until = max(posts.until, at + HOUR_MS)


def heard(posts: Responses, time: int, step: int = 1) -> None:
    """Count a member message at `time` for the open posts, or take it back."""
    for post in posts.running:
        if 0 <= time - post.posted_at < HOUR_MS:
            post.response += step


def close_posts(state: "GroupState", day: int) -> list[Response]:
    """At the end of a UTC day: the posts whose 60 minutes are over."""
    posts, at = state.responses, (day + 1) * DAY_MS
    if not posts.running:
        return []
    over = [post for post in posts.running if post.posted_at + HOUR_MS <= at]
    posts.running = [post for post in posts.running if post.posted_at + HOUR_MS > at]
    posts.until = max((post.posted_at + HOUR_MS for post in posts.running), default=-1)
    if not over:
        return []
    oldest = (day + 1 - DETAIL_DAYS) * 24 - 1
    posts.hours = [hour for hour in posts.hours if hour >= oldest]
    posted = frozenset(posts.hours)
    return [Response(post, *_expected(state, post.posted_at, posted)) for post in over]


def _expected(state: "GroupState", at: int, posted: AbstractSet[int]) -> tuple[float | None, int]:
    """Member messages that 60 minutes from `at` usually bring, and the fewest cells that either hour is known from.

    `posted` are the hours with a post.
    """
    hour, share = at // HOUR_MS, at % HOUR_MS / HOUR_MS
    parts = ((hour, 1 - share), (hour + 1, share)) if share else ((hour, 1.0),)
    expected, fewest = 0.0, DETAIL_DAYS
    for one, part in parts:
        cells = _usual(state, one, posted)
        fewest = min(fewest, len(cells))
        if not cells:
            return None, 0
        expected += part * sum(cells) / len(cells)
    return expected, fewest


def _usual(state: "GroupState", hour: int, posted: AbstractSet[int]) -> list[int]:
    """Member messages in the same hour of weeks before, else of days before; none if they are too few."""
    first = max(hour - 24 * (DETAIL_DAYS - 1), -(-(state.first_event_at or 0) // HOUR_MS))
    weeks = _calm(state, range(hour - WEEK_HOURS, first - 1, -WEEK_HOURS), posted)
    if len(weeks) >= _LEAST_WEEKS:
        return weeks
    days = _calm(state, range(hour - 24, first - 1, -24), posted)
    return days if len(days) >= _LEAST_DAYS else []


def _calm(state: "GroupState", hours: Iterable[int], posted: AbstractSet[int]) -> list[int]:
    """Member messages of those hours in which nobody answered a post, as far as they were watched and are known.

    Posts are answered in the hour of the post and in the next.
    """
    panes, unseen = state.panes.get, state.unseen
    found = []
    for hour in hours:
        if hour in posted or hour - 1 in posted:
            continue
        day = hour // 24
        pane = panes(day, _EMPTY)
        if not pane.is_sealed and (not unseen or day not in unseen):
            found.append(pane.hours.get(hour % 24, 0))
    return found
