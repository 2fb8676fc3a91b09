"""The planted fleet keeps the contract, is the same for a seed, and knows nothing of what it tests."""

import ast
from pathlib import Path
from random import Random

import msgspec
import pytest

from streams import events as e
from tests.planted import fleet
from tests.planted.group import Group
from tests.planted.judge import DAY, KINDS, SOON, Score, in_time
from tests.planted.plots import Plot
from tests.planted.rhythm import START

GENERATOR = ("arrivals", "fleet", "group", "people", "plots", "rhythm", "talk")
_decode = msgspec.json.Decoder(e.ChatEvent | e.Purchase | e.Refund).decode


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, fleet.Truth]:
    folder = tmp_path_factory.mktemp("fleet")
    _, truth = fleet.write(3, folder, groups=16, days=180)
    return folder, truth


def test_each_line_is_an_event_in_order_of_time_and_source(small: tuple[Path, fleet.Truth]) -> None:
    last, seqs = 0, dict[str, int]()
    for line in (small[0] / fleet.EVENTS).read_bytes().splitlines():
        event = _decode(line)
        assert event.occurred_at >= last
        last = event.occurred_at
        if isinstance(event, e.GroupEvent) and event.source_seq is not None:
            assert (event.source_prev, event.source_seq) == (
                seqs.get(event.group_id, 0),
                seqs.get(event.group_id, 0) + 1,
            )
            seqs[event.group_id] = event.source_seq


def test_every_field_that_is_written_is_one_of_the_contract(small: tuple[Path, fleet.Truth]) -> None:
    fields = {kind.__struct_config__.tag: set(kind.__struct_fields__) for kind in e.EVENTS["chat-events"]}
    for line in (small[0] / fleet.EVENTS).read_bytes().splitlines():
        event = msgspec.json.decode(line)
        if event["type"] not in {"purchase", "refund"}:
            assert set(event) - {"type"} <= fields[event["type"]], event["type"]


def test_a_seed_is_a_fleet(small: tuple[Path, fleet.Truth], tmp_path: Path) -> None:
    fleet.write(3, tmp_path / "again", groups=16, days=180)
    fleet.write(4, tmp_path / "other", groups=16, days=180)
    for name in (fleet.EVENTS, fleet.TRUTH):
        assert (tmp_path / "again" / name).read_bytes() == (small[0] / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (small[0] / name).read_bytes()


def test_each_kind_is_planted(small: tuple[Path, fleet.Truth]) -> None:
    kinds = {one.kind for one in small[1].planted}
    assert set(KINDS) - kinds <= {"silent_leader"}, "too few groups for one of these"
    assert kinds <= set(KINDS)


def test_what_makes_the_fleet_imports_nothing_of_the_product() -> None:
    for name in GENERATOR:
        tree = ast.parse((Path(fleet.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
        known = {f"tests.planted.{one}" for one in GENERATOR}
        assert not {one for one in imported if one.startswith(("streams", "tests"))} - known, name


def test_saying_nothing_is_no_precision() -> None:
    assert (Score("x", 5, 0, 0).recall, Score("x", 5, 0, 0).precision) == (0.0, 0.0)
    assert (Score("x", 4, 5, 3).recall, Score("x", 4, 5, 3).precision) == (0.75, 0.6)


FELL = START + 100 * DAY


@pytest.mark.parametrize(
    ("told", "is_found"),
    [
        ([(FELL + SOON, True)], True),
        ([(FELL + SOON + 1, True)], False),
        ([(FELL - 9 * DAY, True), (FELL - DAY, False), (FELL + 8 * DAY, True)], True),  # came back, and fell silent
        ([(FELL - DAY, True), (FELL + 8 * DAY, True)], False),  # the same warning goes on
        ([(FELL + 8 * DAY, False)], False),
    ],
)
def test_a_leader_who_fell_silent_is_found_by_a_warning_that_begins_in_time(
    told: list[tuple[int, bool]], is_found: bool
) -> None:
    truth = fleet.Truth(0, [fleet.Planted("silent_leader", "g", "m", FELL)], {}, {})
    assert bool(in_time([("g", "m", at, is_silent) for at, is_silent in told], truth)) is is_found
    assert bool(in_time([("g", "other", at, is_silent) for at, is_silent in told], truth)) is (told[0][1])


@pytest.mark.parametrize(("away", "is_lull"), [(8, True), (5, False)])
def test_a_lull_is_one_though_no_word_has_ended_it_yet(away: int, is_lull: bool) -> None:
    brand = fleet.BRANDS[0]
    made = Group(Random(1), "qinghe/wecom/g000", brand, brand.platforms[0], Plot("ordinary", 60, 20.0, leaders=2), 40)
    for one in made.leaders:
        one.away = [(40 - away, 40)]
    for day in range(40):
        made.day(day)
    assert made.lulls() == ({one.id for one in made.leaders} if is_lull else set())
