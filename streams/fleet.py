"""Questions about the fleet of groups, asked of the views as the readonly user."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from streams.carried import Carriers
from streams.errors import VitalsError
from streams.fleet_rows import Details, Health, Page, Regular, Talker, Week, Work, Worth
from streams.playbook.desk import Playbook
from streams.settings import Settings
from streams.talk_page import Attention, Care, Probe, Slot
from streams.warehouse import Warehouse, structs
from streams.words import VERDICT_WORDS, Language

NEEDS_A_LOOK = ("dying", "fading", "dead", "stale")
"""Verdicts that the ranking shows unasked, in its order: those who can still be saved come first."""
ORDER = (*NEEDS_A_LOOK, *(verdict for verdict in VERDICT_WORDS if verdict not in NEEDS_A_LOOK))
WEEKS = 52
LAST_DAYS = 28
TOP_MEMBERS = 10
LAST_PROBES = 3
TOP_REGULARS = 5
_TO_PEOPLE = ("revive", "merge")
"""Steps that begin with a word to those who once wrote."""


class Fleet:
    """The groups as the warehouse knows them now. A question that ClickHouse does not answer is a WarehouseError."""

    def __init__(self, settings: Settings, language: Language = "en") -> None:
        """Connect when first asked."""
        self._warehouse = Warehouse(settings, "bi")
        self._language = language

    def names(self) -> dict[str, str]:
        """The id and name of every known group, judged or not."""
        return dict(self._ask("SELECT group_id, name FROM groups ORDER BY group_id"))

    def group_of(self, episode_id: str) -> str | None:
        """The group of an alert by its id; None for an id of no alert. Raises VitalsError if the alert is of more."""
        rows = self._ask("SELECT group_id FROM alerts WHERE episode_id = %(id)s LIMIT 1", {"id": episode_id})
        if rows and not rows[0][0]:
            raise VitalsError(
                f"{episode_id} is an alert of a source or of many groups: `vitals alerts --all` says which"
            )
        return str(rows[0][0]) if rows else None

    def ranking(self, brands: Sequence[str] = (), platforms: Sequence[str] = ()) -> list[Health]:
        """Every judged group of the brands and platforms (none: of all), worst first."""
        found = [
            group
            for group in self._health()
            if (not brands or group.brand_id in brands) and (not platforms or group.platform in platforms)
        ]
        return sorted(found, key=_badness)

    def page(self, group_id: str) -> Page:
        """One group. Raises VitalsError when it has not been judged yet."""
        known = self._health("WHERE group_id = %(group_id)s", {"group_id": group_id})
        if not known:
            raise VitalsError(f"{group_id} has no vital signs yet: `vitals wait` until the agents have caught up")
        details = f"SELECT {_list(Details)} FROM latest_vitals WHERE group_id = %(group_id)s"  # noqa: S608
        (latest,) = structs(Details, self._ask(details, {"group_id": group_id}))
        days = self._days(group_id)
        members, worth = self._members(group_id), self._worth(group_id)
        playbook = self._playbook(group_id)
        return Page(
            known[0],
            latest,
            weeks_of(days),
            members,
            days_of(days),
            worth,
            playbook,
            self._attention(group_id),
            self._carriers(group_id),
            self._regulars(group_id) if worth.advice in _TO_PEOPLE else [],
        )

    def _playbook(self, group_id: str) -> Playbook | None:
        rows = self._ask(
            f"SELECT {_list(Playbook)} FROM playbooks WHERE group_id = %(group_id)s AND started_at IS NOT NULL "  # noqa: S608
            "ORDER BY started_at DESC, playbook_id DESC LIMIT 1",
            {"group_id": group_id},
        )
        return next(iter(structs(Playbook, rows)), None)

    def work_list(self, brands: Sequence[str] = ()) -> list[Work]:
        """What to do next in the groups of the brands (none: of all), what there is most to lose first."""
        columns = self._told(_list(Work), "advice_reasons", "why")
        found = structs(Work, self._ask(f"SELECT {columns} FROM work_list"))  # noqa: S608
        return [work for work in found if not brands or work.brand_id in brands]

    def _worth(self, group_id: str) -> Worth:
        columns = self._told(_list(Worth), "advice_reasons")
        worth = f"SELECT {columns} FROM group_worth WHERE group_id = %(group_id)s"  # noqa: S608
        (known,) = structs(Worth, self._ask(worth, {"group_id": group_id}))
        return known

    def _attention(self, group_id: str) -> Attention:
        of = {"group_id": group_id}
        care = self._ask(f"SELECT {_list(Care)} FROM group_care WHERE group_id = %(group_id)s", of)  # noqa: S608
        probes = self._ask(
            f"SELECT {_list(Probe)} FROM probes WHERE group_id = %(group_id)s ORDER BY sent_at DESC, benefit_id "  # noqa: S608
            f"LIMIT {LAST_PROBES}",
            of,
        )
        slots = self._ask(
            f"SELECT {_list(Slot)} FROM best_slots WHERE group_id = %(group_id)s AND content_class = 'all'",  # noqa: S608
            of,
        )
        return Attention(structs(Care, care)[0], structs(Probe, probes), next(iter(structs(Slot, slots)), None))

    def _carriers(self, group_id: str) -> Carriers | None:
        of = {"group_id": group_id}
        known = "SELECT at, bus_factor, top_id, top_share, warnings FROM group_carriers WHERE group_id = %(group_id)s"
        rows = self._ask(known, of)
        leaders = self._ask("SELECT member_id, is_silent FROM leaders WHERE group_id = %(group_id)s ORDER BY place", of)
        if not rows:
            return None
        at, bus_factor, top_id, top_share, warnings = rows[0]
        return Carriers(
            at=at,
            bus_factor=bus_factor,
            top_id=top_id,
            top_share=top_share,
            warnings=warnings,
            leader_ids=[member_id for member_id, _ in leaders],
            silent_ids=[member_id for member_id, is_silent in leaders if is_silent],
        )

    def _told(self, columns: str, *reasons: str) -> str:
        """The columns, of the reasons those in the language asked for."""
        for reason in reasons if self._language == "zh" else ():
            columns = columns.replace(f" {reason},", f" {reason}_zh AS {reason},")
        return columns

    def _health(self, where: str = "", parameters: Mapping[str, Any] | None = None) -> list[Health]:
        words = "reasons_zh" if self._language == "zh" else "reasons"
        columns = _list(Health).replace(" reasons,", f" latest.{words} AS reasons,")
        rows = self._ask(
            f"SELECT {columns} FROM group_health INNER JOIN "  # noqa: S608
            f"(SELECT group_id, {words}, reason_codes, currency FROM latest_vitals) AS latest USING (group_id) {where}",
            parameters,
        )
        return structs(Health, rows)

    def _days(self, group_id: str) -> list[tuple[date, int, int]]:
        return self._ask(
            "SELECT day, messages, speakers_7d FROM group_history WHERE group_id = %(group_id)s AND day IS NOT NULL "
            "ORDER BY day DESC LIMIT %(days)s",
            {"group_id": group_id, "days": 7 * WEEKS},
        )

    def _members(self, group_id: str) -> list[Talker]:
        rows = self._ask(
            f"SELECT {_list(Talker)} FROM member_activity WHERE group_id = %(group_id)s AND messages_90d > 0 "  # noqa: S608
            f"ORDER BY messages_28d DESC, messages_90d DESC, member_id LIMIT {TOP_MEMBERS}",
            {"group_id": group_id},
        )
        return structs(Talker, rows)

    def _regulars(self, group_id: str) -> list[Regular]:
        rows = self._ask(
            f"SELECT {_list(Regular)} FROM member_activity WHERE group_id = %(group_id)s AND role = 'member' "  # noqa: S608
            f"AND is_present AND messages_all > 0 ORDER BY active_days_all DESC, messages_all DESC, member_id "
            f"LIMIT {TOP_REGULARS}",
            {"group_id": group_id},
        )
        return structs(Regular, rows)

    def _ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._warehouse.query(sql, parameters)


def weeks_of(days: Iterable[tuple[date, int, int]]) -> list[Week]:
    """Weeks, oldest first, from (day, messages, speakers of the seven days up to it), latest day first.

    Weeks count back from the latest day; days left over at the far end are dropped, days without a row are zero.
    """
    by_day = {day: (messages, speakers) for day, messages, speakers in days}
    if not by_day:
        return []
    last, count = max(by_day), max(1, ((max(by_day) - min(by_day)).days + 1) // 7)
    ends = [last - timedelta(days=7 * back) for back in range(min(count, WEEKS))]
    return [_week(end, by_day) for end in reversed(ends)]


def days_of(days: Sequence[tuple[date, int, int]]) -> list[int]:
    """The messages of the last LAST_DAYS days, oldest first, from the same; days without a row are zero."""
    by_day = {day: messages for day, messages, _ in days}
    if not by_day:
        return []
    last = max(by_day)
    count = min(LAST_DAYS, (last - min(by_day)).days + 1)
    return [by_day.get(last - timedelta(days=back), 0) for back in reversed(range(count))]


def match(names: Mapping[str, str], text: str) -> list[str]:
    """The group_ids that `text` can mean: that id, else that name or channel, else those with it as a part."""
    if text in names:
        return [text]
    wanted = text.casefold()
    exact = [key for key, name in names.items() if wanted in (name.casefold(), key.rpartition("/")[2].casefold())]
    return exact or [key for key, name in names.items() if wanted in key.casefold() or wanted in name.casefold()]


def _badness(group: Health) -> tuple[Any, ...]:
    """Sorts worst first: by verdict in ORDER, then as the view `dying_groups`."""
    place = ORDER.index(group.verdict) if group.verdict in ORDER else -1
    return place, -group.risk, group.active_days_28d, group.speakers_28d, -(group.silent_hours or 0), group.group_id


def _week(end: date, by_day: Mapping[date, tuple[int, int]]) -> Week:
    messages = sum(by_day.get(end - timedelta(days=back), (0, 0))[0] for back in range(7))
    return Week(end - timedelta(days=6), messages, by_day.get(end, (0, 0))[1])


def _list(kind: type[msgspec.Struct]) -> str:
    return ", ".join(kind.__struct_fields__)
