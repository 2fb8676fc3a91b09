"""What the product says of a playbook: its own estimate, on windows made of the day rows as its view makes them."""

from collections.abc import Mapping

from streams.playbook.effect import Days, Estimate, Subject, estimate
from streams.vitals.policy import DAY_MS, band
from tests.planted.chain import Day, Said

WINDOW = 28
Windows = Mapping[str, Mapping[int, Day]]


def effect(said: Said, group_id: str, at: int, touched: Mapping[str, int]) -> Estimate:
    """The effect on messages of a playbook that began at a time, against the untouched groups of its brand.

    `touched` are the times at which playbooks began, by group.
    """
    start = at // DAY_MS
    own = _subject(said, group_id, start)
    if own is None:
        raise ValueError(f"{group_id} is too young for a window before {start}")
    others = []
    for other, rows in said.days.items():
        is_beside = other in touched and touched[other] // DAY_MS <= start + WINDOW
        if other != group_id and not is_beside and _brand(other) == _brand(group_id) and rows:
            subject = _subject(said, other, start)
            others += [subject] if subject is not None else []
    return estimate("messages", own, others, is_goal=True)


def _brand(group_id: str) -> str:
    return group_id.partition("/")[0]


def _subject(said: Said, group_id: str, start: int) -> Subject | None:
    """A group around the start of a playbook; None where its days are not all known."""
    rows = said.days[group_id]
    before = _mean(rows, start - WINDOW, start)
    after, lately = _mean(rows, start + 1, start + 1 + WINDOW), _mean(rows, start - 7, start)
    if before is None or after is None or lately is None:
        return None
    days = Days(_mean(rows, start - 2 * WINDOW, start - WINDOW), before, lately, after, **_fall(rows, start))
    last = rows[start - 1]
    return Subject(group_id, group_id.split("/")[1], band(last.members), last.verdict, {"messages": days})


def _fall(rows: Mapping[int, Day], start: int) -> dict[str, float | None]:
    """What was usual before it fell, how low it was, and what came from the second week on."""
    since = max(start - 3 * WINDOW, min(rows))
    is_known = all(day in rows for day in range(start - 2 * WINDOW, start - WINDOW))
    return {
        "usual": _mean(rows, since, start - WINDOW) if is_known else None,
        "ebb": _mean(rows, start - 21, start),
        "settled": _mean(rows, start + 8, start + 1 + WINDOW),
    }


def _mean(rows: Mapping[int, Day], since: int, until: int) -> float | None:
    """Messages a day; None unless each day is known."""
    found = [rows[day].messages for day in range(since, until) if day in rows]
    return sum(found) / len(found) if len(found) == until - since else None
