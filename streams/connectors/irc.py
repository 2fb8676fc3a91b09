"""IRC logs in the layout `channel/year/YYYY-MM-DD`, one file a day, a line each.

    [HH:MM] <nick> text                 message
    [HH:MM] * nick text                 message
    [HH:MM] *** nick joined             join
    [HH:MM] *** nick left               leave, reason left
    [HH:MM] *** nick was kicked by …    leave, reason kicked
    [HH:MM] *** nick is now known as …  no event: the same member goes on
    [HH:MM] *** anything else           no event: modes, topics

`source_seq` is yyyymmdd × 10^6 + the line's number in its day's file. A line that is no event lies inside what the
next event covers; a line that was refused does not, so that its replay counts: the event after it names the
refused line as its `source_prev`, not the event before.

**Who is who.** A nick is compared in lower case without trailing `_` and `` ` ``. After a change of nick the member
stays the one of the old nick, until the new nick leaves, joins or changes again, or the day's file ends; but where
the old nick contains the new one (`bob|away` to `bob`) or is a server's `Guest123`, the member is the new nick's.
So who a line belongs to depends on nothing but the lines above it in the same file, however the export is cut.

A channel is not announced: its name is the end of its group_id, and a log does not say when it was made.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from streams.connectors.batches import Batch, Delivered, Recipe
from streams.connectors.exports import EPOCH, DayFile, day_batches
from streams.connectors.files import Tree, open_tree
from streams.connectors.irc_day import IrcDay, Nicks
from streams.errors import VitalsError
from streams.pseudonyms import Pseudonyms

_FILE = re.compile(r"(?:^|/)(?:(?P<channel>[^/]+)/)?(?:\d{4}/)?(?P<day>\d{4}-\d{2}-\d{2})(?:\.(?:txt|log))?$")


class IrcReader:
    """Reads exports of one network. `skipped_files` counts what is no day's log."""

    unit = "lines"

    def __init__(self, paths: Sequence[Path], recipe: Recipe, pseudonyms: Pseudonyms, spool_dir: Path) -> None:
        self._recipe = recipe
        self._nicks = Nicks(recipe, pseudonyms)
        self._prints = pseudonyms.prints
        self._files: list[DayFile] = []
        self.skipped_files = 0
        for path in paths:
            self._add(open_tree(path, spool_dir), path)
        if not self._files:
            raise VitalsError(f"no IRC log in {paths[0]}: the files must lie as channel/year/YYYY-MM-DD")
        self.total_bytes = sum(file.size for file in self._files)

    def _add(self, tree: Tree, path: Path) -> None:
        for name, size in sorted(tree.sizes().items()):
            found = _place(name, path)
            if found is None:
                self.skipped_files += 1
            else:
                self._files.append(DayFile(channel=found[0], day=found[1], tree=tree, name=name, size=size))

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says: one batch a day."""
        for batch in day_batches(self._files, self._parse, self._recipe, delivered):
            batch.identities = self._nicks.take_new(batch.begins_at or 0)
            yield batch

    def _parse(self, file: DayFile, data: bytes, prev: int | None, batch: Batch) -> int | None:
        return IrcDay(file, self._recipe, self._nicks, self._prints, batch).read(data, prev)


def _place(name: str, root: Path) -> tuple[str, int] | None:
    """Channel and day of a file; the channel of an export of one channel is the name of what was given."""
    found = _FILE.search(name)
    if found is None:
        return None
    try:
        day = date.fromisoformat(found["day"]).toordinal() - EPOCH
    except ValueError:
        return None
    channel = found["channel"]
    if channel is None or re.fullmatch(r"\d{4}", channel):
        channel = _channel_of(root.absolute())
    return channel.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), day


def _channel_of(root: Path) -> str:
    """`cro/`, `cro/2017/`, `cro/2017/2017-11-20` and `cro.tar.xz` are all of channel cro."""
    while (root.is_file() and _FILE.search(root.name)) or re.fullmatch(r"\d{4}", root.name):
        root = root.parent
    return root.name.split(".tar")[0].removesuffix(".zip")
