"""Every hostile input has one fate, the right one, and leaves what is beside it as it was."""

import contextlib
import json
import math
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import models
from streams.dead_letters import DeadLetter
from streams.events import FUTURE_TOLERANCE_MS, Calibration, OrderAttributed, SourceComplete, Tick
from streams.notify.payloads import message
from streams.resources import resource_dir
from streams.vitals.group import apply
from streams.vitals.log import pack
from streams.vitals.panes import MAX_REVENUE
from streams.vitals.partition import GroupLog
from streams.vitals.policy import Policy
from streams.vitals.rows import GroupAlert
from streams.vitals.sources import BRANDS_KEPT, SOURCES_KEPT, PartitionState
from streams.vitals.state import GroupState
from tests.notifying import channel
from tests.poison.case import ACCEPTED, REFUSED, Case, Raw, raw
from tests.poison.corpus import NASTY, fuzzed, made
from tests.poison.fates import BRAND, NOW, Tasting
from tests.poison.files import FINE, counts_of, made_files, taste

MADE = made(NOW, BRAND)
TOPICS = sorted({case.topic for case in MADE})


@pytest.fixture(scope="module")
def tasting() -> Tasting:
    return Tasting()


def fates(tasting: Tasting, cases: list[Case]) -> dict[str, str]:
    """Name → what became of it, or how it harmed the rest."""
    found = {}
    for case in cases:
        try:
            found[case.name] = tasting.fate(case)
        except Exception as error:
            found[case.name] = f"{type(error).__name__}: {error}"[:200]
    return found


def as_wanted(fate: str, wanted: str) -> bool:
    return fate == wanted or (wanted == REFUSED and fate != ACCEPTED and ":" not in fate)


@pytest.mark.parametrize("topic", TOPICS)
def test_each_has_the_fate_that_it_must_have_and_the_next_good_ones_count(tasting, topic):
    cases = [case for case in MADE if case.topic == topic]
    found = fates(tasting, cases)
    wrong = {
        case.name: (found[case.name], case.wanted) for case in cases if not as_wanted(found[case.name], case.wanted)
    }
    assert wrong == {}


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(MADE) >= 1500
    assert sorted(
        ["alert-signals", "chat-events", "dead-letters", "group-alerts", "group-insights", "group-vitals",
         "member-identities", "member-touches", "member-vitals", "purchases"]
    ) == TOPICS  # fmt: skip


def test_what_the_schema_allows_is_taken_in_and_nothing_else(tasting):
    cases = fuzzed(NOW, BRAND, each=2)
    assert len(cases) > 800
    found = fates(tasting, cases)
    wrong = {
        case.name: (found[case.name], case.value)
        for case in cases
        if (found[case.name] == ACCEPTED) != is_allowed(case) or ":" in found[case.name]
    }
    assert wrong == {}


def is_allowed(case: Case) -> bool:
    """What the schema says, and the few rules that no schema can say."""
    try:
        value = json.loads(case.value or b"", parse_constant=lambda _: 1 / 0)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, ZeroDivisionError):
        return False
    if any(isinstance(one, float) and math.isinf(one) for one in value.values()):
        return False
    if not validator(case.name.partition(".")[0]).is_valid(value):
        return False
    latest = NOW + FUTURE_TOLERANCE_MS
    is_nobodys = value["type"] == "touch" and value.get("member_id") is None and value["kind"] != "post"
    return value["occurred_at"] <= latest and value.get("complete_until", 0) <= latest and not is_nobodys


@cache
def validator(tag: str) -> Any:
    """Of an event type; 1.0 is no integer here, as it is none for any reader of the events."""
    base = jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine("integer", lambda _, one: isinstance(one, int) and not isinstance(one, bool))
    schema = json.loads((resource_dir("schemas") / "events" / f"{tag}.v1.schema.json").read_bytes())
    return jsonschema.validators.extend(base, type_checker=types)(schema)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
    | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted({case.name.split(".")[0] for case in fuzzed(NOW, BRAND, each=1)})), st.data())
def test_whatever_stands_in_some_fields_it_has_one_fate(tag, data):
    tasting = one_tasting()
    kinds = tasting.good.kinds
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(kinds.event(tag))), VALUES, max_size=3))
    try:
        value = kinds.event(tag) | changed
        case = Case("drawn", kinds.good[tag][0], kinds.key(tag, value), raw(value), "")
    except UnicodeEncodeError:  # a lone surrogate that no JSON writer would write
        return
    tasting.fate(case)


@cache
def one_tasting() -> Tasting:
    return Tasting()


def test_a_null_is_found_however_deep_what_stands_beside_it_is_nested(tasting):
    kinds = tasting.good.kinds
    value = kinds.event("message", x=Raw("[" * 900 + "]" * 900), text="a\0b")
    case = Case("deep", "chat-events", kinds.key("message", value), raw(value).replace(b"\0", b"\\u0000"), "")
    assert tasting.fate(case) == "null_byte"


def order(number: int, amount: int) -> OrderAttributed:
    return OrderAttributed(
        event_id=f"o{number}", occurred_at=NOW, brand_id="b", platform="p", group_id="g", order_id=f"o{number}",
        customer_id="c", amount=amount, currency="EUR", weight=1.0, rule="code",
    )  # fmt: skip


@pytest.mark.parametrize("sign", [1, -1])
def test_forged_orders_cannot_make_a_value_that_cannot_be_stored(sign):
    state = GroupState("g", "b", "p")
    for number in range(400):
        apply(state, order(number, sign * 10**15), Policy())
    (pane,) = state.panes.values()
    assert pane.revenue == sign * MAX_REVENUE
    assert 28 * MAX_REVENUE < 2**63
    pack(1, state)


def test_made_up_sources_cannot_make_a_partitions_value_too_large_for_its_record():
    log = GroupLog(0, "groups/chat-events/0/x", models.load())
    for number in range(SOURCES_KEPT + 50):
        name = f"{number:06}" + "s" * 500
        log.fold(
            SourceComplete(event_id="c", occurred_at=NOW, brand_id="b", platform="p", source=name,
                           complete_until=NOW + number, is_live=number < 5),
            "", number, NOW,
        )  # fmt: skip
    kept = log.state.sources
    assert len(kept) == SOURCES_KEPT
    assert [name[:6] for name in kept][:6] == ["000000", "000001", "000002", "000003", "000004", "000055"]
    assert len(log.partition_value()) < 8 << 20
    log.fold(Tick(event_id="t", occurred_at=NOW, brand_id="b", platform="p", source="new"), "", 10**6, NOW)
    assert "new" in log.state.sources


def test_calibrations_of_made_up_brands_are_as_few():
    state = PartitionState()
    for number in range(BRANDS_KEPT + 3):
        state.calibrate(
            Calibration(event_id="c", occurred_at=NOW, brand_id=f"b{number}", platform="p", model="m", intercept=1.0,
                        effective_at=NOW + number)
        )  # fmt: skip
    assert len(state.calibrations) == BRANDS_KEPT
    assert (state.community("b2", "m", 2 * NOW), state.community("b3", "m", 2 * NOW)) == (0.0, 1.0)


@pytest.mark.parametrize("command", ["irc", "slack", "orders-csv", "jsonl"])
def test_a_hostile_file_is_read_line_by_line_or_refused_in_one_line(command, tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    wrong = {}
    for number, file in enumerate(one for one in made_files() if one.command == command):
        code, line = taste(file, tmp_path / str(number))
        is_read = code == 0 and accounted(line, tmp_path / str(number))
        is_refused = code == 1 and line.startswith("vitals: ") and line.isprintable()
        if not (is_read or (is_refused and file.wanted != FINE)):
            wrong[file.name] = (code, line)
    assert wrong == {}


OF_NO_GROUP = sum(case.name.startswith(("source_complete", "calibration")) for case in MADE)


def accounted(line: str, root: Path) -> bool:
    """Whether each line of the closing count is an event, skipped or rejected, and each event can be read back."""
    counts = counts_of(line)
    written = (root / "out.jsonl").read_bytes().splitlines()
    rejected = root / "out.jsonl.rejected.jsonl"
    letters = rejected.read_bytes().splitlines() if rejected.exists() else []
    for letter in letters:
        msgspec.json.decode(letter, type=DeadLetter)
    is_complete = counts["read"] <= counts["sent"] + counts["skipped"] + counts["rejected"]
    of_no_group = 0 if "entries" in line or "rows" in line else OF_NO_GROUP  # these are not written, as --out says
    return is_complete and len(letters) == counts["rejected"] and 0 <= counts["sent"] - len(written) <= of_no_group


def test_whatever_alert_is_taken_in_every_channel_can_be_told_of_it(tasting):
    told = [case for case in MADE if case.topic in {"group-alerts", "alert-signals"}]
    alerts = [alert for case in told for alert in alerts_of(tasting, case)]
    assert len(alerts) > 100
    for alert, kind, language in product(alerts, ("slack", "webhook", "pagerduty", "email", "feishu"), ("en", "zh")):
        message(channel(kind, language=language), [alert], {}, "", 1e9)


def alerts_of(tasting: Tasting, case: Case) -> list[GroupAlert]:
    """The alerts that a case is, or that come of it."""
    world = tasting.world()
    world.put(case.topic, case.key, case.value, NOW)
    tasting.good.go_on(world)
    found = [output.value for output in world.outputs if isinstance(output.value, GroupAlert)]
    with contextlib.suppress(ValueError, RecursionError):
        found.append(msgspec.json.decode(case.value or b"", type=GroupAlert))
    return found
