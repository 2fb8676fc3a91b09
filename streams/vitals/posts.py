"""What the staff posted to sell: the conversion posts of a group, and those that carried one code."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec

from streams.vitals.shelf import Shelved


class PostTimes(msgspec.Struct, array_like=True, gc=False):
    """The posts of one group, a set of times in ms that rises; `offsets` says which event told of each.

    A post told at a later offset is not seen by a tick at an earlier one, so that a tick that is folded again
    after a crash, beside a value that is ahead of it, attributes the same. `forgot_at` is the latest post forgotten.
    """

    brand_id: str
    platform: str
    times: list[int] = []
    offsets: list[int] = []
    forgot_at: int = -1

    def note(self, at: int, offset: int, kept_ms: int, most: int) -> None:
        """Add a post; then forget those older than `kept_ms` before the newest, and all but the newest `most`."""
        times = self.times
        place = bisect_left(times, at)
        if place < len(times) and times[place] == at:
            return
        times.insert(place, at)
        self.offsets.insert(place, offset)
        old = max(bisect_left(times, times[-1] - kept_ms), len(times) - most)
        if old > 0:
            self.forgot_at = max(self.forgot_at, times[old - 1])
            del times[:old], self.offsets[:old]

    def between(self, since: int, until: int, offset: int) -> Sequence[int]:
        """The times of the posts in [since, until] that were told before an offset."""
        first, end = bisect_left(self.times, since), bisect_right(self.times, until)
        return [self.times[place] for place in range(first, end) if self.offsets[place] < offset]


class Posts(Shelved, array_like=True):
    """A stored value: the posts by group, either of the one group that its key names, or of the code."""

    groups: dict[str, PostTimes] = msgspec.field(default_factory=dict)
