import click
import pytest

from streams.stack.doctor import Finding
from streams.stack.screen import duration, finding_line, status_lines
from streams.stack.status import PartStatus, StackStatus

KAFKA = PartStatus(
    name="kafka", state="running", trouble=None, address="127.0.0.1:1", pid=12, uptime_s=130, memory_bytes=3 << 20
)
SINK = PartStatus(name="sink", state="stopped", trouble="stopped: run `vitals up`")


def lines_of(**changed: object) -> list[str]:
    known = {"lag": {"vitals-sink": 1234}, "rows": {"events_v1": 5}, "dead_letters": 0} | changed
    found = StackStatus(home="/h", is_healthy=False, parts=[KAFKA, SINK], **known)  # type: ignore[arg-type]
    return [click.unstyle(line) for line in status_lines(found)]


def test_each_part_has_a_line_with_its_health() -> None:
    lines = lines_of()
    assert lines[1].split() == ["kafka", "running", "12", "2m", "3", "MiB", "ok", "at", "127.0.0.1:1"]
    assert lines[2].split(maxsplit=2) == ["sink", "stopped", "stopped: run `vitals up`"]


def test_counts_follow() -> None:
    assert [line.split() for line in lines_of()[4:]] == [
        ["LAG", "vitals-sink", "1,234", "records", "to", "read"],
        ["ROWS", "events_v1", "5"],
        ["DEAD", "LETTERS", "0"],
        ["HOME", "/h"],
    ]


def test_what_could_not_be_learnt_is_said_to_be_unknown() -> None:
    lines = lines_of(lag=None, rows=None, dead_letters=None)[4:-1]
    assert [line.split() for line in lines] == [["LAG", "unknown"], ["ROWS", "unknown"], ["DEAD", "LETTERS", "unknown"]]


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, ""), (0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d")]
)
def test_durations(seconds: int | None, said: str) -> None:
    assert duration(seconds) == said


def test_a_finding_says_what_to_do() -> None:
    assert click.unstyle(finding_line(Finding("disk", "full", "make room"))) == "problem disk: full → make room"
    assert click.unstyle(finding_line(Finding("disk", "5 GiB free"))) == "ok      disk: 5 GiB free"
