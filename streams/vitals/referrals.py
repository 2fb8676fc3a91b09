"""Who brought whom: the trees of invitations of a group, and what became of those at the root of each.

An edge is told by a join that names an inviter. The first join that is told of a member counts, also where it comes
after what they did later; who had been there before was brought by nobody. Nobody invites themselves, and an edge that
would close a circle is refused; both are counted. An inviter whom the group does not know, or staff, is a root like any
other; staff is never suspected. An inviter who joins after those they invited (joins out of order) takes them along.

A tree is a number in `Member.invited`: its root, the day of the join, the depth. So nothing has to be walked when one
joins, leaves or buys. Bound: that number, and MAX_ROOTS roots of at most 20 times, some 200 bytes each; of more roots
those with most invitees are kept, and what the others' invitees do is told of nobody.
"""

from bisect import insort
from collections.abc import Iterable

import msgspec

from streams.vitals.ledger import Ledger
from streams.vitals.members import Member
from streams.vitals.panes import MAX_REVENUE, day_of
from streams.vitals.policy import HOUR_MS, CarrierPolicy

MAX_ROOTS = 1024
MAX_MOVED = 1024
MAX_DEPTH = 255
_DEPTH_BITS, _DAY_BITS = 8, 21
_LEFT_EARLY, _BOUGHT, _SETTLED = 1 << 8, 1 << 9, 1 << 10
_DAY_AT, _ROOT_AT = 11, 11 + _DAY_BITS


class Root(msgspec.Struct, array_like=True, gc=False):
    """What one inviter brought, directly and through those they brought. Appended fields need defaults.

    `width` were invited by the root itself, `depth` is that of the longest chain. Of the `due`, who joined 30 days ago
    or earlier, `retained` were here on their 30th day. `early` left within 72 hours. `revenue` is in minor units of the
    group's currency, refunds taken off. `burst` is the most joins in ten minutes, of which `times` (ms) has the latest.
    """

    member_id: str
    invitees: int = 0
    depth: int = 0
    width: int = 0
    due: int = 0
    retained: int = 0
    buyers: int = 0
    revenue: int = 0
    early: int = 0
    burst: int = 0
    times: list[int] = []
    is_changed: bool = False
    is_told: bool = False


class Referrals(msgspec.Struct, array_like=True, gc=False):
    """All trees of a group. Appended fields need defaults.

    `moved` says under which root, how much deeper, a tree came that had one of its own: root << 8 | depth. `joined`
    counts the invited by the day of their join until they are due. `ended` are roots that were told of, whose tree has
    come under another since the last day.
    """

    roots: dict[int, Root] = {}
    root_of: dict[str, int] = {}
    next_root: int = 0
    moved: dict[int, int] = {}
    joined: dict[int, int] = {}
    self_invites: int = 0
    circles: int = 0
    ended: list[str] = []

    def invite(self, ledger: Ledger, member_id: str, inviter_id: str, time: int, policy: CarrierPolicy) -> None:
        """Note the first join of a member. It is theirs who is called `inviter_id`."""
        member = ledger[member_id]
        if member.invited >= 0:
            return
        if inviter_id == member_id:
            self.self_invites += 1
            return
        number, depth = self._place(ledger.find(inviter_id), inviter_id)
        own = self.root_of.get(member_id)
        if own == number:
            self.circles += 1
            return
        root, depth = self.roots[number], min(depth + 1, MAX_DEPTH)
        member.invited = number << _ROOT_AT | min(day_of(time), (1 << _DAY_BITS) - 1) << _DAY_AT | depth
        root.invitees += 1
        root.width += depth == 1
        root.depth = max(root.depth, depth)
        root.is_changed = True
        self.joined[day_of(time)] = self.joined.get(day_of(time), 0) + 1
        if own is not None:
            self._move(own, number, depth)
        _note_times(root, [time], policy)
        self._bound(ledger)

    def left(self, member: Member, time: int, policy: CarrierPolicy) -> None:
        """Note that a member is gone since `time`, if that is soon after their join; of each once."""
        joined = member.joined_at
        root = self._root(member)
        if root is None or joined is None or member.invited & _LEFT_EARLY:
            return
        if 0 <= time - joined <= policy.early_leave_hours * HOUR_MS:
            member.invited |= _LEFT_EARLY
            root.early += 1
            root.is_changed = True

    def sold(self, member: Member, amount: int, *, is_order: bool) -> None:
        """Note what was paid, or given back (negative), in minor units of the group's currency."""
        root = self._root(member)
        if root is None:
            return
        root.revenue = max(-MAX_REVENUE, min(MAX_REVENUE, root.revenue + amount))
        root.is_changed = True
        if is_order and not member.invited & _BOUGHT:
            member.invited |= _BOUGHT
            root.buyers += 1

    def end_day(self, ledger: Ledger, day: int, policy: CarrierPolicy) -> list[Root]:
        """See who of the invited is still here on their 30th day; the roots that have changed since the last day.

        One that is a root no longer has no invitees then.
        Members are looked through only on a day on which somebody is due, or a tree came under another.
        """
        due = {joined for joined in self.joined if joined <= day - policy.retained_days}
        if due or self.moved:
            for member_id, seen in ledger.look_each():
                if seen.invited >= 0 and (self.moved or day_joined(seen) in due):
                    self._settle(ledger[member_id], due)
            self.moved.clear()
            for joined in due:
                del self.joined[joined]
        changed = [root for root in self.roots.values() if root.is_changed]
        for root in changed:
            root.is_changed, root.is_told = False, True
        ended, self.ended = self.ended, []
        return [Root(member_id) for member_id in ended] + changed

    def _settle(self, member: Member, due: Iterable[int]) -> None:
        if member.invited < 0:
            return
        member.invited = self._moved(member.invited)
        root = self.roots.get(member.invited >> _ROOT_AT)
        if root is not None and day_joined(member) in due and not member.invited & _SETTLED:
            member.invited |= _SETTLED
            root.due += 1
            root.retained += member.is_present
            root.is_changed = True

    def _root(self, member: Member) -> Root | None:
        if member.invited < 0:
            return None
        if self.moved:
            member.invited = self._moved(member.invited)
        return self.roots.get(member.invited >> _ROOT_AT)

    def _moved(self, invited: int) -> int:
        """The same place, said from the root under which its tree has come."""
        number, depth = invited >> _ROOT_AT, invited & MAX_DEPTH
        path = []
        while number in self.moved:
            path.append(number)
            number, depth = self.moved[number] >> _DEPTH_BITS, depth + (self.moved[number] & MAX_DEPTH)
        deeper = 0
        for passed in reversed(path):  # whoever asks next goes there at once
            deeper = min(deeper + (self.moved[passed] & MAX_DEPTH), MAX_DEPTH)
            self.moved[passed] = number << _DEPTH_BITS | deeper
        return number << _ROOT_AT | invited & (1 << _ROOT_AT) - 1 & ~MAX_DEPTH | min(depth, MAX_DEPTH)

    def _place(self, inviter: Member | None, inviter_id: str) -> tuple[int, int]:
        """The root and the depth of an inviter, who is a root from now on if they are in no tree that is kept."""
        if inviter is not None and self._root(inviter) is not None:
            return inviter.invited >> _ROOT_AT, inviter.invited & MAX_DEPTH
        number = self.root_of.get(inviter_id)
        if number is None:
            number = self.root_of[inviter_id] = self.next_root
            self.roots[number] = Root(inviter_id)
            self.next_root += 1
        return number, 0

    def _move(self, own: int, number: int, depth: int) -> None:
        """Put a tree whose root has turned out to be invited under that one's root."""
        tree, root = self.roots.pop(own), self.roots[number]
        del self.root_of[tree.member_id]
        self.ended += [tree.member_id] * tree.is_told
        self.moved[own] = number << _DEPTH_BITS | depth
        root.invitees += tree.invitees
        root.depth = min(max(root.depth, depth + tree.depth), MAX_DEPTH)
        root.due += tree.due
        root.retained += tree.retained
        root.buyers += tree.buyers
        root.revenue = max(-MAX_REVENUE, min(MAX_REVENUE, root.revenue + tree.revenue))
        root.early += tree.early
        root.burst = max(root.burst, tree.burst)
        root.times = sorted([*root.times, *tree.times])

    def _bound(self, ledger: Ledger) -> None:
        if len(self.moved) > MAX_MOVED:
            for _, member in ledger.find_each():
                self._settle(member, ())
            self.moved.clear()
        if len(self.roots) > 2 * MAX_ROOTS:
            kept = sorted(self.roots.items(), key=lambda one: (one[1].invitees, one[0]))[-MAX_ROOTS:]
            self.roots = dict(sorted(kept))
            self.root_of = {root.member_id: number for number, root in self.roots.items()}


def day_joined(member: Member) -> int:
    """The UTC day of the join by which an invited member came."""
    return member.invited >> _DAY_AT & (1 << _DAY_BITS) - 1


def flags(root: Root, policy: CarrierPolicy, *, is_staff: bool) -> tuple[str, ...]:
    """What makes an inviter suspicious: "early_leaves", "burst". Staff opens groups and adds whole lists by hand."""
    found = []
    is_many = root.invitees >= policy.early_least_invitees
    if is_many and root.early >= policy.early_share * root.invitees:
        found.append("early_leaves")
    if root.burst >= policy.burst_joins:
        found.append("burst")
    return () if is_staff else tuple(found)


def _note_times(root: Root, times: Iterable[int], policy: CarrierPolicy) -> None:
    """Add times of joins. Those within ten minutes of the latest are kept: a burst that is told later is not seen."""
    for time in times:
        insort(root.times, time)
    since = root.times[-1] - policy.burst_ms
    root.times = [time for time in root.times if time > since][-policy.burst_joins :]
    root.burst = max(root.burst, len(root.times))
