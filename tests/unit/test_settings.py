"""Settings out of their bounds are refused where they are read, before a part ends over and over."""

import pytest

from streams.errors import VitalsError
from streams.settings import SettingsError, load
from streams.stack import home
from streams.stack.start import up


def loaded(tmp_path, **values):
    return load(
        {"VITALS_HOME": str(tmp_path), "HOME": str(tmp_path)} | {f"VITALS_{k.upper()}": values[k] for k in values}
    )


@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        ("workers", "0", "1"),
        ("partitions", "0", "1"),
        ("replication", "-1", "1"),
        ("chunk_records", "0", "1"),
        ("flush_events", "0", "1"),
        ("retention_days", "0", "1"),
        ("tick_seconds", "0", "0.05"),
        ("flush_seconds", "-0.1", "0"),
        ("session_timeout", "0.5", "1"),
        ("metrics_seconds", "-1", "0"),
        ("clickhouse_port", "65536", "65535"),
        ("clickhouse_http_port", "0", "1"),
    ],
)
def test_a_number_that_no_part_could_run_with_is_refused_by_name(name, refused, taken, tmp_path):
    with pytest.raises(SettingsError, match=rf"^bad setting: Expected .* at `\$\.{name}`$"):
        loaded(tmp_path, **{name: refused})
    assert getattr(loaded(tmp_path, **{name: taken}), name) == float(taken)


@pytest.mark.parametrize("name", ["model", "holidays", "rates", "conversion", "worth", "points"])
def test_up_ends_before_anything_begins_where_a_file_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.setattr(home, "prepare", lambda _: pytest.fail("the stack begins"))
    with pytest.raises(VitalsError, match=r"^cannot read .*/nowhere/file"):
        up(loaded(tmp_path, **{name: "/nowhere/file"}))
