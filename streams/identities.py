"""Who a pseudonym is: the only record with a raw id and a name."""

import msgspec

from streams.events import Id, Time


class MemberIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One pseudonym's raw id and display name, keyed by `member_id` on the compacted topic `member-identities`.

    `at` is ms UTC of the event that showed it. A record of the same key without a value (a tombstone) erases it.
    """

    member_id: Id
    brand_id: Id
    platform: Id
    raw_id: Id
    at: Time
    name: str = ""
