"""What a backtest writes: the same as the live path, whatever the processes, and nothing of the future."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.simulate.fleet import Fleet, write_fleet
from streams.vitals.features import FEATURES
from streams.vitals.policy import DAY_MS
from tests.backtesting import START, backtest, bare, imported, ours, rows, talk, write


def at(day: int) -> str:
    return datetime.fromtimestamp((START + day * DAY_MS) / 1000, UTC).strftime("%Y-%m-%dT00:00:00Z")


def test_each_group_has_a_row_for_each_day_from_its_first_to_the_last_of_its_brand(tmp_path):
    lines = [bare(0.5), bare(1.2, "den/other"), bare(3.9, "den/other"), bare(9, "far/away")]
    text, counts = backtest(write(tmp_path / "in.jsonl", lines))
    assert [(row["group_id"], row["at"]) for row in rows(text)] == [
        *[("den/other", at(day)) for day in (2, 3, 4)],
        *[("den/talk", at(day)) for day in (1, 2, 3, 4)],
        ("far/away", at(10)),
    ]
    assert [row["messages_1d"] for row in rows(text)] == ["1", "0", "1", "1", "0", "0", "0", "1"]
    assert (counts.read, counts.events, counts.groups, counts.late) == (4, 4, 3, 0)
    assert json.loads(rows(text)[0]["reasons"]) == [{"code": "too_young", "numbers": {"days": 1.0}}]


def test_features_are_columns_of_their_own(tmp_path):
    text, _ = backtest(write(tmp_path / "in.jsonl", talk(1, 60, ["den/talk"])), has_features=True)
    last = rows(text)[-1]
    assert list(last)[-len(FEATURES) :] == list(FEATURES)
    assert sum(map(float, filter(None, map(last.get, FEATURES)))) != 0
    assert last["muted_share"] == "", "no roster: it is not known"


@pytest.fixture(scope="module")
def chatter(tmp_path_factory):
    groups = [f"{brand}/{name}" for brand in ("den", "inn", "外") for name in ("a", "b,c", 'd"e', "茶")]
    return write(tmp_path_factory.mktemp("chatter") / "in.jsonl", talk(3, 200, groups))


def test_the_bytes_do_not_depend_on_the_number_of_processes(chatter, tmp_path):
    alone, _ = backtest(chatter)
    parted, counts = backtest(chatter, jobs=3, out=tmp_path / "parted.csv")
    assert parted == alone
    assert counts.events == len(chatter.read_bytes().splitlines())


def test_a_backtest_says_what_a_live_stack_says_of_late_events_too(tmp_path):
    days = [(json.loads(line)["occurred_at"] - START) / DAY_MS for line in talk(5, 150, ["den/x"])]
    late = sorted(days, key=lambda day: day + (9.5 if int(day * 1000) % 10 == 0 else 0))
    path = write(
        tmp_path / "in.jsonl", [ours(day, f"den/{int(day * 100) % 3}", "abcd"[int(day * 10) % 4]) for day in late]
    )
    text, counts = backtest(path, is_calibrated=False)
    assert counts.late > 5
    _same_as_live(text, path)


def test_a_backtest_says_of_simulated_groups_what_a_live_stack_says(tmp_path):
    write_fleet(Fleet(25, 150, 7, datetime(2025, 6, 1, tzinfo=UTC).date()), tmp_path, lambda: None)
    path = tmp_path / "events.jsonl.gz"
    text, counts = backtest(path, is_calibrated=False)
    assert counts.rejected.total() == 0
    _same_as_live(text, path)


def _same_as_live(text, *paths):
    live = {}
    for (group_id, moment), row in imported(*paths).items():
        when = datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        live[group_id, when] = row
    told = rows(text)
    assert told
    for row in told:
        same = live[row["group_id"], row["at"]]
        assert row["risk"] == repr(same.risk)
        assert row["verdict"] == ("healthy" if same.verdict == "revived" else same.verdict)
        reasons = [{"code": one.code, "numbers": one.numbers} for one in same.reasons]
        assert json.loads(row["reasons"]) == reasons


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 130), a_day=st.sampled_from([0.2, 1.0, 4.0]))
def test_a_cut_file_gives_the_same_rows_up_to_the_cut(seed, cut, a_day, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut")
    lines = talk(seed, 130, ["den/a", "den/b", "inn/c", "inn/d"], a_day)
    until = START + cut * DAY_MS
    before = [line for line in lines if json.loads(line)["occurred_at"] < until]
    whole, _ = backtest(write(path / "whole.jsonl", lines), out=path / "whole.csv")
    option, _ = backtest(path / "whole.jsonl", out=path / "option.csv", until=until)
    known = {(row["group_id"], row["at"]): row for row in rows(whole)}
    cut_rows = rows(backtest(write(path / "part.jsonl", before), out=path / "part.csv")[0]) if before else []
    assert rows(option) == cut_rows
    for row in cut_rows:
        assert row["at"] <= at(cut)
        assert known[row["group_id"], row["at"]] == row
    assert {r["group_id"] for r in cut_rows} == {json.loads(line)["group_id"] for line in before}


def test_several_files_are_one_log_and_what_stands_in_two_counts_once(chatter, tmp_path):
    lines = chatter.read_bytes().splitlines()
    first, second = write(tmp_path / "a.jsonl.gz", lines[: len(lines) // 2]), write(tmp_path / "b.jsonl", lines[100:])
    assert backtest(first, second)[0] == backtest(chatter)[0]


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_file_is_read_by_its_ending(ending, chatter, tmp_path):
    path = write(tmp_path / f"in{ending}", chatter.read_bytes().splitlines())
    assert backtest(path)[0] == backtest(chatter)[0]


def test_events_of_our_own_and_bare_ones_of_the_same_talk_give_the_same(tmp_path):
    days = [0.1, 0.5, 3.2, 20.25, 20.5, 41]
    bare_rows, _ = backtest(write(tmp_path / "bare.jsonl", map(bare, days)))
    own_rows, _ = backtest(
        write(tmp_path / "ours.jsonl", [ours(day, event_id=bare(day)[13:40].decode()) for day in days])
    )
    assert own_rows == bare_rows


def test_days_that_nobody_saw_are_no_silence(tmp_path):
    days = [day + 0.5 for day in range(200) if not 120 <= day < 150]
    path = write(tmp_path / "in.jsonl", [bare(day, member=m, row=i * 4 + j) for i, day in enumerate(days)
                                         for j, m in enumerate("abc")])  # fmt: skip
    first = START // DAY_MS
    for name in ("den/talk", "den/*"):
        seen = rows(backtest(path, exclusions={name: ((first + 120, first + 149),)})[0])
        unseen = rows(backtest(path)[0])
        assert seen[:120] == unseen[:120]
        assert float(seen[149]["risk"]) < float(unseen[149]["risk"])


def test_a_live_source_that_falls_silent_is_blind_and_closes_no_day(tmp_path):
    def complete(day: int) -> bytes:
        until = START + day * DAY_MS
        said = {"complete_until": until, "is_live": True}
        return ours(day, type="source_complete", group_id=None, member_id=None, source_seq=None, **said)

    lines = [ours(0.5), complete(1), ours(1.5), complete(2), ours(8.5, "den/other", source="other")]
    told = rows(backtest(write(tmp_path / "in.jsonl", lines))[0])
    assert [row["at"] for row in told if row["group_id"] == "den/talk"] == [at(1), at(2)]


def test_ticks_of_the_file_drive_their_source(tmp_path):
    def tick(day: float, source: str | None = "irc/den") -> bytes:
        return ours(day, type="tick", group_id=None, member_id=None, source=source, source_seq=None)

    lines = [tick(0), ours(0.5), ours(0.7), ours(2.5), tick(3, None), tick(2)]
    text, counts = backtest(write(tmp_path / "in.jsonl", lines))
    assert [row["at"] for row in rows(text)] == [at(1), at(2)]
    assert counts.skipped == {"tick": 1}
