"""Who carries a group, in words: what `vitals group` shows of opinion leaders and of how few write most."""

from datetime import datetime

import msgspec

from streams.words import Language

_WORDS = {
    "en": {
        "half": "half of the messages of 28 days to {at}",
        "by": "{count} members write it, {top} {share:.0%} of all",
        "one": "one member writes it: {top}, {share:.0%} of all",
        "leaders": "opinion leaders",
        "none": "none: nobody draws clearly more answers than others",
        "silent": "fell silent or left",
    },
    "zh": {
        "half": "截至 {at} 的 28 天消息的一半",
        "by": "由 {count} 位成员发出,其中 {top} 占全部 {share:.0%}",
        "one": "由 1 位成员发出:{top},占全部 {share:.0%}",
        "leaders": "意见领袖",
        "none": "无:没有人获得的回应明显多于他人",
        "silent": "已沉默或退群",
    },
}


class Carriers(msgspec.Struct, frozen=True, kw_only=True):
    """A group's row of the view `group_carriers`, and its leaders by pseudonym, the first first.

    `at` is the end of the week of which it is told: of a group that fell silent, the last with any talk.
    """

    at: datetime | None
    bus_factor: int | None
    top_id: str | None
    top_share: float | None
    warnings: list[str]
    leader_ids: list[str]
    silent_ids: list[str]


def facts_of(carriers: Carriers, language: Language) -> list[tuple[str, str, bool]]:
    """What there is to say, in words, and whether it is a warning; nothing of a group of which nothing is told yet."""
    say = _WORDS[language]
    if carriers.bus_factor is None:
        return []
    found = []
    if carriers.bus_factor:
        how = say["one" if carriers.bus_factor == 1 else "by"]
        told = how.format(count=carriers.bus_factor, top=carriers.top_id or "?", share=carriers.top_share or 0.0)
        found.append(
            (
                say["half"].format(at=f"{carriers.at:%Y-%m-%d}" if carriers.at else "?"),
                told,
                "one_carries" in carriers.warnings,
            )
        )
    if carriers.leader_ids or carriers.bus_factor:
        found.append((say["leaders"], ", ".join(carriers.leader_ids) or say["none"], False))
    if carriers.silent_ids:
        found.append((say["silent"], ", ".join(carriers.silent_ids), True))
    return found
