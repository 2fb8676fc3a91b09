"""The oracle's books: everything on the log folded once, undisturbed, and compared with all that was made of it."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from streams.agents import AGENTS, DEAD_LETTERS
from streams.settings import Settings
from streams.vitals.log import unpack
from streams.vitals.state import GroupState
from tests.faults.load import Brought
from tests.faults.progress import READS, places_of
from tests.faults.rows import Rows
from tests.undisturbed import Fold, Place, Read, Sent, Stored, compare_values, read_on, read_topic

SINK_TOPICS = READS["vitals-sink"]
BROUGHT = {
    "chat-events", "member-touches", "purchases", DEAD_LETTERS, "member-identities", "forgotten-members",
    "part-metrics",
}  # fmt: skip
"""The topics that not agents alone write."""
DERIVED_ONLY = {"group-vitals", "member-vitals", "group-insights", "alert-signals", "group-alerts"}
_SHOWN = 12
_groups = msgspec.msgpack.Decoder(GroupState)


class Findings(msgspec.Struct):
    """What an audit found. `again` are outputs that stand on the log more than once, which is allowed."""

    events: int = 0
    compared: Counter[str] = msgspec.field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    mismatches: int = 0
    again: int = 0
    left_over: int = 0
    told: list[str] = msgspec.field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        return not (self.lost or self.doubled or self.mismatches)

    def note(self, kind: str, what: str, found: Iterable[object]) -> None:
        """Count differences as `lost`, `doubled` or `mismatches`, and tell the first of them."""
        each = list(found)
        setattr(self, kind, getattr(self, kind) + len(each))
        if each:
            self.told.append(f"{kind}: {len(each)} {what}, such as {', '.join(map(str, each[:3]))}"[:400])


class Books:
    """Kept over all rounds: each record of the log is read and folded once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folds = {name: Fold(settings, agent) for name, agent in AGENTS.items()}
        self.stored = {name: Stored(settings.partitions, fold.topic_id) for name, fold in self.folds.items()}
        self.rows = Rows(settings)
        self._changelogs = {AGENTS[name].changelog_topic: stored for name, stored in self.stored.items()}
        topics = {*SINK_TOPICS, *self._changelogs, *(agent.topic for agent in AGENTS.values())}
        self._next: dict[Place, int] = dict.fromkeys(places_of(settings, topics), 0)
        self._origins = tuple(f'"source":"{name}/'.encode() for name in AGENTS)
        self._wanted: set[int] = set()
        self._found: set[int] = set()
        self._copies: set[int] = set()
        """What was found, and on which partition: a tick goes to all of them."""
        self._told: set[object] = set()
        self._noise = 0

    def audit(self, prefix: str, brought: Brought | None) -> Findings:
        """Take in what is new on the log, and compare. Nothing may be on its way: no lag, no ticks.

        An empty `prefix` compares the rows of all rounds.
        """
        findings = Findings()
        records = self._read()
        outputs = self._fold(records, findings)
        self._compare_outputs(records, outputs, findings)
        self._compare_values(findings)
        self._compare_rows(prefix, findings)
        if brought is not None:
            self._compare_brought(prefix, brought, findings)
        else:
            self._compare_orders(findings)
            self._read_changelogs_anew(findings)
        return findings

    def _read(self) -> dict[str, list[Read]]:
        records: dict[str, list[Read]] = {}
        for record in read_on(self.settings, self._next):
            records.setdefault(record.topic, []).append(record)
            self._next[record.topic, record.partition] = record.offset + 1
        return records

    def _fold(self, records: dict[str, list[Read]], findings: Findings) -> set[Sent]:
        outputs: set[Sent] = set()
        for name, fold in self.folds.items():
            mine = records.get(AGENTS[name].topic, [])
            findings.events += len(mine)
            outputs |= fold.feed(mine)
        for topic, stored in self._changelogs.items():
            stored.feed(records.get(topic, []))
        self.rows.feed(record for topic in SINK_TOPICS for record in records.get(topic, []))
        letters = self.rows.letters
        return outputs | {(DEAD_LETTERS, letter.letter_id.encode(), msgspec.json.encode(letter)) for letter in letters}

    def _compare_outputs(self, records: dict[str, list[Read]], outputs: set[Sent], findings: Findings) -> None:
        """Every output stands on its topic, and nothing else that an agent might have written."""
        wanted = {hash(output): output for output in outputs}
        self._wanted |= wanted.keys()
        for topic in DERIVED_ONLY | {"chat-events", "member-touches", "purchases", DEAD_LETTERS}:
            strange = []
            for record in records.get(topic, []):
                if record.value is None or not self._is_derived(record):
                    continue
                mark = hash((topic, record.key or b"", record.value))
                copy = hash((mark, record.partition))
                findings.again += copy in self._copies
                findings.compared["outputs"] += copy not in self._copies
                self._copies.add(copy)
                self._found.add(mark)
                if mark not in self._wanted:
                    strange.append(_place(record))
            findings.note("doubled", f"records of {topic} that no undisturbed agent writes", strange)
        findings.note("lost", "outputs", [wanted[mark][:2] for mark in wanted.keys() - self._found])

    def _is_derived(self, record: Read) -> bool:
        """Whether an agent wrote it, not the load."""
        value = record.value or b""
        if record.topic == DEAD_LETTERS:
            return b'"partition":-1' not in value
        if record.topic in DERIVED_ONLY and value in (b"\xff\xfe", b"{}", b"[]"):
            return False
        return record.topic in DERIVED_ONLY or any(origin in value for origin in self._origins)

    def _compare_values(self, findings: Findings) -> None:
        for name, fold in self.folds.items():
            stored = self.stored[name]
            for what, keys in compare_values(fold, stored).items():
                new = self._new(what, name, keys)
                findings.note("mismatches", f"{what.replace('_', ' ')} of {name}", new)
            findings.compared["values"] += len(fold.values)
            findings.left_over += stored.left_over()

    def _compare_rows(self, prefix: str, findings: Findings) -> None:
        for name, difference in self.rows.compare(prefix).items():
            findings.compared[name] = difference.rows
            findings.note("lost", f"rows of {name}", self._new("lost", name, difference.missing))
            findings.note("doubled", f"rows of {name}", self._new("doubled", name, difference.strange))
            others = self._new("other", name, difference.other)
            findings.note("mismatches", f"rows of {name}", others)
            if others:
                findings.told += self.rows.columns_of(name, others[0], prefix)[:_SHOWN]

    def _new(self, kind: str, what: str, keys: Iterable[object]) -> list[object]:
        """Those that no round has told of before: a row that is lost stays lost."""
        new = [key for key in keys if (kind, what, key) not in self._told]
        self._told |= {(kind, what, key) for key in new}
        return new

    def _compare_brought(self, prefix: str, brought: Brought, findings: Findings) -> None:
        """The second oracle knows no fold: what was brought stands once, and each message was counted once."""
        for table, wanted in (("events_v1", brought.event_ids), ("purchases_v1", brought.purchase_ids)):
            found = self.rows.ids_in(table, prefix)
            findings.note("lost", f"events that were brought to {table}", wanted - found.keys())
            findings.note("doubled", f"events of {table}", [key for key in wanted & found.keys() if found[key] > 1])
        self._compare_letters(prefix, brought, findings)
        stored = {key: value for part in self.stored["groups"].loaded().values() for key, value in part.values.items()}
        for group, messages in brought.messages.items():
            counted = unpack(stored[group], _groups).messages if group in stored else 0
            findings.note("lost", f"messages of {group}", [None] * (messages - counted))
            findings.note("doubled", f"messages of {group}", [None] * (counted - messages))
        findings.compared["messages counted"] = brought.messages.total()

    def _compare_letters(self, prefix: str, brought: Brought, findings: Findings) -> None:
        """What nobody can take in is a dead letter, once, also if its import was killed and went on."""
        self._noise += brought.noise
        of_files, of_topics = self.rows.letter_counts(prefix)
        findings.note("lost", "records that are no dead letter", [None] * (self._noise - of_topics))
        findings.note("doubled", "dead letters of records", [None] * (of_topics - self._noise))
        self._noise = of_topics
        findings.note("lost", "lines that are no dead letter", brought.bad_lines - of_files.keys())
        findings.note("doubled", "dead letters of lines", [line for line, count in of_files.items() if count > 1])
        findings.compared["dead letters"] = of_topics + len(of_files)

    def _read_changelogs_anew(self, findings: Findings) -> None:
        """What compaction has left is as good as all that was written."""
        for name, fold in self.folds.items():
            stored = Stored(self.settings.partitions, fold.topic_id)
            for record in read_topic(self.settings, AGENTS[name].changelog_topic):
                stored.feed([record])
                findings.compared["changelog records"] += 1
            for what, keys in compare_values(fold, stored).items():
                findings.note("mismatches", f"{what.replace('_', ' ')} after compaction", keys)

    def orders_in_part(self) -> list[str]:
        """Orders of which some or all is given to nobody yet."""
        return [order for order, weight in self.rows.weights() if weight < 0.999]

    def _compare_orders(self, findings: Findings) -> None:
        """Once all clocks have passed it, an order is shared out whole: its weights sum to one."""
        weights = self.rows.weights()
        findings.note("lost", "orders shared out in part or not at all", self.orders_in_part())
        findings.note("doubled", "orders shared out more than once", [o for o, sum_ in weights if sum_ > 1.001])
        findings.compared["orders shared out"] = len(weights)


def _place(record: Read) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"
