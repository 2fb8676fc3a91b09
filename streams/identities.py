"""Who a pseudonym is: the only records with a raw id and a name, and what forbids to write them again."""

import msgspec

from streams.events import Id, Name, Time


class MemberIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One pseudonym's raw id and display name, keyed by `member_id` on the compacted topic `member-identities`.

    `at` is ms UTC of the event that showed it. A record of the same key without a value (a tombstone) erases it.
    """

    member_id: Id
    brand_id: Id
    platform: Id
    raw_id: Id
    at: Time
    name: Name = ""


class ForgottenMember(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pseudonym that shall lead to nobody, keyed by `member_id` on the compacted topic `forgotten-members`.

    `at` is ms UTC of the request. Connectors send no identity of it any more, the sink hides what there is.
    """

    member_id: Id
    at: Time
