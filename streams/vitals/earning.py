"""The rules of points: what earns how many, and how many of them a member may earn or redeem in a day."""

import msgspec


class PointRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rule of one cause. `points` for each act, at most `daily` of a member and UTC day, either way (None: any).

    Of "message" and "answer" the fold sees the acts itself; of any other cause an event of 0 points takes the rule's.
    """

    points: int = 0
    daily: int | None = None
