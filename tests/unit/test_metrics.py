"""The closed list of metrics: nothing else is exported, and no label can name a person or a group."""

import re
from pathlib import Path
from typing import get_args

import pytest

from streams import metrics
from streams.metrics import METRICS, Kind, Label
from streams.pulse import Pulse

KINDS = get_args(Kind)
PAGE = Path(__file__).parent.parent.parent / "deploy" / "metrics.md"


def exported(kind):
    """Family → its samples, of a part of that kind in which everything has happened once."""
    pulse = Pulse(kind, "somebody", "somebody-1")
    for one in METRICS:
        if kind not in one.of or one.kind == "process":
            continue
        labels = dict.fromkeys(set(one.labels) - {"agent"}, "x")
        act = {"counter": pulse.add, "gauge": pulse.set, "histogram": pulse.observe}[one.kind]
        act(one, 1, **labels)
    return {family.name: family for family in pulse.registry.collect()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_part_exports_is_the_list_and_nothing_else(kind):
    names = {name + "_total" * (family.type == "counter") for name, family in exported(kind).items()}
    ours = {one.name for one in METRICS if kind in one.of and one.kind != "process"}
    of_linux = {one.name for one in METRICS if kind in one.of and one.kind == "process"}
    assert names - ours in (of_linux, set())
    assert ours <= names


@pytest.mark.parametrize("kind", KINDS)
def test_no_sample_has_another_label(kind):
    of = {one.name.removesuffix("_total"): one for one in METRICS}
    for name, family in exported(kind).items():
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(of[name].labels)


def test_no_label_names_a_person_a_group_or_a_brand():
    labels = set(get_args(Label))
    assert {label for one in METRICS for label in one.labels} == labels
    assert not labels & {"group", "group_id", "member", "member_id", "brand", "brand_id", "customer", "order", "name"}


def test_a_label_that_is_not_declared_is_refused():
    pulse = Pulse("worker", "groups", "groups-1")
    with pytest.raises(ValueError, match="label"):
        pulse.add(metrics.RECORDS_IN, 1, member="m_1")


def test_a_metric_of_another_kind_of_part_is_refused():
    with pytest.raises(KeyError):
        Pulse("sink", "sink", "sink").add(metrics.TICKS)


@pytest.mark.parametrize("one", METRICS, ids=lambda one: one.name)
def test_names_follow_prometheus_conventions(one):
    assert re.fullmatch(r"(vitals|process)_[a-z0-9_]*[a-z0-9]", one.name)
    assert one.kind == "process" or one.name.endswith("_total") == (one.kind == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|mb|percent)(_|$)", one.name)
    assert bool(one.buckets) == (one.kind == "histogram")
    assert one.help.endswith(".")
    assert len({other.name for other in METRICS}) == len(METRICS)


def test_a_total_follows_a_count_kept_elsewhere():
    pulse = Pulse("worker", "groups", "groups-1")
    for total in (5, 5, 9):
        pulse.total(metrics.RECORDS_IN, total)
        pulse.total(metrics.DEAD_LETTERS, 2 * total, reason="bad_shape")
    assert pulse.registry.get_sample_value("vitals_records_total", {"agent": "groups"}) == 9
    assert (
        pulse.registry.get_sample_value("vitals_dead_letters_total", {"agent": "groups", "reason": "bad_shape"}) == 18
    )


def test_the_page_lists_exactly_these():
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines()]
    shown = {row[0].strip("`"): row[1:] for row in rows if len(row) == 5 and row[0].startswith("`")}
    assert list(shown) == [one.name for one in METRICS]
    for one in METRICS:
        kind, labels, of, about = shown[one.name]
        by_name = "counter" if one.name.endswith("_total") else "gauge"
        assert kind == (by_name if one.kind == "process" else one.kind)
        assert (labels, of, about) == (", ".join(one.labels), ", ".join(one.of), one.help)


def test_what_the_page_asks_for_exists():
    asked = set(re.findall(r"\b(?:vitals|process)_[a-z_]+", PAGE.read_text().partition("## What to ask")[2]))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} <= {one.name for one in METRICS}
