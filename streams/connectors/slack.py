"""Slack exports: `channels.json`, `groups.json`, `users.json` and `channel/YYYY-MM-DD.json`, in a zip or a directory.

    no subtype, file_share, me_message, thread_broadcast   message; in a thread `reply_to` names its root
    bot_message, or by a bot of users.json                 message of role bot
    channel_join, channel_leave (group_…)                  join; leave, reason left
    message_deleted                                        recall
    channel_name (group_name)                              group_renamed
    channel_archive (group_archive)                        group_ended, reason dissolved: somebody closed it on purpose
    reactions on a message                                 reaction, at the time of the message: Slack tells no other
    every other subtype, `message_changed` among them      no event, counted by its name

A channel is known by its id, its name goes to `group_created`; direct messages belong to no group and are left out.
`source_seq` is `ts` in microseconds. What has no `ts` of its own (reactions, the announcement, the roster) is known
again by its event_id. A message that was refused lies in nothing that its successors cover; where its `ts` cannot be
read, the messages of that file cover nothing but themselves. The members listed in channels.json are a `roster` at
the time of the export's last message.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from streams.connectors.batches import Batch, Delivered, Recipe, mark
from streams.connectors.exports import EPOCH, DayFile, Registry, created, day_batches, day_start
from streams.connectors.files import Tree, open_tree
from streams.connectors.slack_day import PLATFORM, SlackDay
from streams.connectors.slack_people import People, SlackUser
from streams.errors import VitalsError
from streams.events import MAX_EVENT_BYTES, Role, Roster, encode

_FILE = re.compile(r"(?P<folder>[^/]+)/(?P<day>\d{4}-\d{2}-\d{2})\.json")


class Channel(msgspec.Struct):
    """An entry of channels.json."""

    id: str
    name: str
    created: int | str | None = None
    is_archived: bool = False
    members: list[str] = []

    @property
    def created_at(self) -> int | None:
        """When it was created, ms UTC, if that is known."""
        text = str(self.created)
        return int(text) * 1000 if text.isdigit() and 0 < len(text) <= 11 else None


class SlackReader:
    """Reads the export of one workspace."""

    unit = "entries"

    def __init__(self, paths: Sequence[Path], recipe: Recipe, people: People, spool_dir: Path) -> None:
        self._recipe = recipe
        self._people = people
        self._channels: dict[str, Channel] = {}
        self._files: list[DayFile] = []
        self.skipped_files = 0
        for path in paths:
            self._add(open_tree(path, spool_dir))
        if not self._channels:
            raise VitalsError(
                f"{paths[0]} has no list of channels (channels.json): give the zip of Slack's export, or its directory"
            )
        self.total_bytes = sum(file.size for file in self._files)

    def _add(self, tree: Tree) -> None:
        sizes = tree.sizes()
        listed = [name for name in sizes if re.search(r"(^|/)(channels|groups)\.json$", name)]
        root = min((name.rpartition("/")[0] for name in listed), key=len, default="")
        prefix = f"{root}/" if root else ""
        folders: dict[str, Channel] = {}
        for name in ("channels", "groups"):
            for channel in _read(tree, f"{prefix}{name}.json", sizes, Channel):
                folders[channel.name] = self._channels[channel.id] = channel
        self._people.add(_read(tree, f"{prefix}users.json", sizes, SlackUser))
        for name, size in sorted(sizes.items()):
            found = _FILE.fullmatch(name.removeprefix(prefix))
            channel_of = folders.get(found["folder"]) if found else None
            day = _day(found["day"]) if found else None
            if channel_of is None or day is None:
                self.skipped_files += name.removeprefix(prefix) not in _LISTS
            else:
                self._files.append(DayFile(channel=channel_of.id, day=day, tree=tree, name=name, size=size))

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says: one batch a day, channels announced at the time of their creation, rosters at the end."""
        registry = Registry(self._recipe, delivered)
        waiting = sorted(self._channels.values(), key=lambda channel: channel.created_at or 0)
        for batch in day_batches(self._files, self._parse, self._recipe, delivered):
            while waiting and (waiting[0].created_at or 0) < (batch.ends_at or 0):
                self._announce(waiting.pop(0), registry, batch)
            batch.events.sort(key=lambda event: event.occurred_at)
            batch.identities = self._people.take_new(batch.begins_at or 0)
            yield batch
        yield self._closing(waiting, registry, delivered)

    def _closing(self, waiting: list[Channel], registry: Registry, delivered: Delivered) -> Batch:
        """Channels made after the last message, and the rosters, at the end of the last day."""
        batch = Batch(sources={self._recipe.source: (self._recipe.brand_id, PLATFORM)})
        for channel in waiting:
            self._announce(channel, registry, batch)
        days = [day_start(file.day + 1, self._recipe.zone) - 1 for file in self._files]
        at = min(max([0, *days, *(channel.created_at or 0 for channel in waiting)]), self._recipe.now)
        self._take_rosters(at, delivered, batch)
        batch.ends_at = at + 1
        batch.identities = self._people.take_new(at)
        return batch

    def _announce(self, channel: Channel, registry: Registry, batch: Batch) -> None:
        at = channel.created_at
        if at is None:
            group = self._group(channel.id)
            theirs = (event.occurred_at for event in batch.events if getattr(event, "group_id", "") == group)
            at = next(theirs, batch.begins_at or 0)
        if at <= self._recipe.latest and registry.is_new(channel.id, batch):
            batch.events.append(created(self._recipe, channel.id, channel.name, at))

    def _take_rosters(self, at: int, delivered: Delivered, batch: Batch) -> None:
        """Who is in each open channel now; an archived one lists nobody."""
        for channel in self._channels.values():
            roles = {self._people.member(user) for user in channel.members}
            digest = mark(self._recipe.salt, f"{channel.id}/roster", repr((at, sorted(roles))).encode())
            if not roles or channel.is_archived or digest in delivered:
                continue
            roster = self._roster(channel, roles, at)
            batch.marks.append(digest)
            if len(encode(roster)) > MAX_EVENT_BYTES:  # some 50,000 members
                batch.lines += 1
                batch.skipped["roster too large"] += 1
                continue
            batch.announced += 1
            batch.events.append(roster)

    def _roster(self, channel: Channel, roles: set[tuple[str, Role]], at: int) -> Roster:
        group = self._group(channel.id)
        members, staff, bots = (tuple(sorted(m for m, r in roles if r == kind)) for kind in ("member", "staff", "bot"))
        return Roster(
            event_id=f"{group}/roster/{at}",
            occurred_at=at,
            brand_id=self._recipe.brand_id,
            platform=PLATFORM,
            source=self._recipe.source,
            group_id=group,
            members=members,
            staff=staff,
            bots=bots,
        )

    def _group(self, channel_id: str) -> str:
        return f"{self._recipe.brand_id}/{PLATFORM}/{channel_id}"

    def _parse(self, file: DayFile, data: bytes, prev: int | None, batch: Batch) -> int | None:
        return SlackDay(file, self._recipe, self._people, batch).read(data, prev)


_LISTS = ("channels.json", "groups.json", "users.json")


def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() - EPOCH
    except ValueError:
        return None


def _read(tree: Tree, name: str, sizes: dict[str, int], kind: type[Any]) -> list[Any]:
    """One of the export's lists; [] when it has none. Raises VitalsError."""
    if name not in sizes:
        return []
    try:
        return list(msgspec.json.decode(tree.read(name), type=list[kind]))  # type: ignore[valid-type]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VitalsError(f"{name} in {tree.title} is not what Slack exports ({error}): export again") from None
