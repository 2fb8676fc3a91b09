"""Which lines a backtest takes, which it counts and passes over, and that no line makes it stumble."""

import csv
import json
import os
import signal
import subprocess
import sys

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import cli, models
from streams.backtest.driving import closings
from streams.backtest.exclusions import read_exclusions
from streams.backtest.reading import Files
from streams.backtest.share import Recipe
from streams.errors import VitalsError
from streams.events import FUTURE_TOLERANCE_MS
from streams.vitals.policy import DAY_MS
from tests.backtesting import START, backtest, bare, ours, rows, write
from tests.importing import NOW

GOOD = [bare(0.25, row=1), bare(1.5, row=2)]


@pytest.mark.parametrize("is_known", [True, False], ids=["known group", "new group"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "malformed_json"),
        (b"no json", "malformed_json"),
        (b"[]", "bad_shape"),
        (b"7", "bad_shape"),
        (bare(0.4)[:-9], "malformed_json"),
        (bare(0.4, type="gossip"), "unknown_type"),
        (bare(0.4, type=None), "bad_shape"),
        (bare(0.4, member_id=""), "bad_shape"),
        (bare(0.4, text_len=-1), "bad_shape"),
        (bare(0.4, occurred_at="noon"), "bad_shape"),
        (bare(0.4, group_id=7), "bad_shape"),
        (bare((NOW - START) / DAY_MS + 1), "from_the_future"),
        (bare(0.4, member_id="a\0n"), "null_byte"),
        (bare(0.4).replace(b"ann", b"a\0n"), "null_byte"),
        (bare(0.4).replace(b"ann", b"\xff"), "invalid_utf8"),
        (bare(0.4, member_id="x" * (2 << 20)), "too_large"),
        (ours(0.4, type="gossip"), "unknown_type"),
        (ours(0.4, source_seq=-1), "bad_shape"),
        (ours(0.4, type="source_complete"), "bad_shape"),
    ],
)
def test_a_line_that_is_no_event_is_counted_and_shown(bad, reason, is_known, tmp_path):
    lines = [GOOD[0], bad, GOOD[1]] if is_known else [bad, *GOOD]
    text, counts = backtest(write(tmp_path / "in.jsonl", lines), now=NOW + FUTURE_TOLERANCE_MS)
    assert dict(counts.rejected) == {reason: 1}
    assert counts.refused[0].startswith(f"in.jsonl, line {2 if is_known else 1}: {reason} (")
    assert text == backtest(write(tmp_path / "good.jsonl", GOOD))[0]


def test_the_first_refused_lines_are_shown_whoever_met_them(tmp_path):
    lines = [bare(day / 10, f"den/{day % 7}", row=day) for day in range(40)]
    for place, bad in {3: b"{", 11: bare(1.1, "den/4", text_len="x"), 20: b"}", 30: b"{", 35: b"{"}.items():
        lines.insert(place, bad)
    path = write(tmp_path / "in.jsonl", lines)
    (alone, counts), (parted, parted_counts) = backtest(path), backtest(path, jobs=3, out=tmp_path / "parted.csv")
    assert [line.partition(":")[0] for line in counts.refused] == [f"in.jsonl, line {n}" for n in (4, 12, 21)]
    assert (parted, parted_counts) == (alone, counts)


def test_what_belongs_to_other_topics_and_blank_lines_is_passed_over(tmp_path):
    no_member = {"member_id": None, "group_id": None}
    purchase = ours(0.3, type="purchase", order_id="o", customer_id="c", amount=1, currency="EUR", **no_member)
    touch = ours(0.3, type="touch", kind="join")
    text, counts = backtest(write(tmp_path / "in.jsonl", [GOOD[0], purchase, b"", touch, b" \r", GOOD[1]]))
    assert counts.skipped == {"purchase": 1, "touch": 1, "blank": 2}
    assert text == backtest(write(tmp_path / "good.jsonl", GOOD))[0]


@pytest.mark.parametrize(
    "same",
    [
        lambda line: line + b"\r",
        lambda line: json.dumps(json.loads(line)).encode(),
        lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode(),
        lambda line: line.replace(b"den/talk", rb"den\/talk"),
        lambda line: line.replace(b"group_id", rb"group\u005fid"),
        lambda line: line[:-1] + b',"more":{"group_id":"den/other","occurred_at":1}}',
        lambda line: b'{"group_id":"den/other",' + line[1:],
        lambda line: b'{"occurred_at":9999999999999,' + line[1:],
    ],
    ids=["crlf", "spaces", "reversed", "escaped value", "escaped key", "nested", "group twice", "time twice"],
)
def test_a_line_may_be_written_in_other_ways(same, tmp_path):
    lines = [bare(day / 3, f"den/{name}", row=day) for day in range(30) for name in ("talk", "other", "third")]
    text, counts = backtest(write(tmp_path / "in.jsonl", lines))
    assert backtest(write(tmp_path / "same.jsonl", map(same, lines)), jobs=2) == (text, counts)


def test_bare_lines_keep_fields_that_few_have(tmp_path):
    lines = [bare(0.1), bare(0.2, member="bob", reply_to="den/talk/1", content_type="image"), bare(0.3, reason="left")]
    _, counts = backtest(write(tmp_path / "in.jsonl", lines))
    assert counts.events == 3


def test_a_group_without_a_brand_in_its_id_is_of_the_brand_all(tmp_path):
    lines = [bare(0.1, "talk"), bare(3.1, "tea"), bare(5.1, "den/talk")]
    told = rows(backtest(write(tmp_path / "in.jsonl", lines))[0])
    assert [row["at"][:10] for row in told if row["group_id"] == "talk"] == [f"2024-05-0{day}" for day in (7, 8, 9)] + [
        "2024-05-10"
    ]


def test_the_same_event_counts_once_with_or_without_an_order(tmp_path):
    for ids in (lambda day: f"den/talk/{day}", lambda day: f"ev-{day}"):
        once = [bare(day / 2, event_id=ids(day)) for day in range(20)]
        twice = [line for line in once for _ in range(2)]
        assert backtest(write(tmp_path / "a.jsonl", twice))[0] == backtest(write(tmp_path / "b.jsonl", once))[0]


@settings(max_examples=60, deadline=None)
@given(noise=st.lists(st.binary(max_size=60), max_size=6), seed=st.randoms(use_true_random=False))
def test_noise_never_stops_it(noise, seed, tmp_path_factory):
    torn = [seed.choice([bare(0.5, row=5), ours(0.5)])[: seed.randrange(200)] for _ in range(3)]
    lines = [*GOOD, *(line.replace(b"\n", b" ") for line in noise), *torn]
    seed.shuffle(lines)
    _, counts = backtest(write(tmp_path_factory.mktemp("noise") / "in.jsonl", lines))
    assert counts.read == len(lines)
    assert counts.events + counts.rejected.total() + counts.skipped.total() == len(lines)


def test_a_file_that_is_cut_off_or_missing_is_one_line(tmp_path):
    path = write(tmp_path / "in.jsonl.gz", GOOD)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VitalsError, match=r"in\.jsonl\.gz is damaged"):
        backtest(path)
    torn = tmp_path / "in.jsonl.zst"
    torn.write_bytes(zstandard.compress(b"x" * 100_000)[:-4])
    with pytest.raises(VitalsError, match="damaged"):
        backtest(torn)
    with pytest.raises(VitalsError, match="cannot read"):
        Files([tmp_path / "none.jsonl"])
    assert list(tmp_path.glob("*.csv")) == []


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))

    def run(*args):
        code = cli.run(["backtest", *map(str, args)])
        return (code, *capsys.readouterr())

    return run


def test_the_command_writes_the_file_and_a_closing_count(run, tmp_path):
    path = write(tmp_path / "in.jsonl", [*GOOD, b"{"])
    code, out, _ = run(path, "--out", tmp_path / "v.csv.gz", "--jobs", 1)
    assert code == 0
    first, *more = out.splitlines()
    assert first.startswith("read 3 lines, folded 2 events of 1 groups, skipped 0, rejected 1 (malformed_json 1) (")
    assert more[0] == f"wrote 2 verdicts to {tmp_path / 'v.csv.gz'}"
    assert more[1].startswith("rejected in.jsonl, line 3: malformed_json (")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["in.jsonl", "v.csv.gz"]


def test_the_command_leaves_the_old_file_when_it_cannot_read(run, tmp_path):
    (tmp_path / "v.csv").write_text("old")
    assert run(write(tmp_path / "in.jsonl", [b"{"]), "--out", tmp_path / "v.csv")[0] == 1
    assert (tmp_path / "v.csv").read_text() == "old"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["in.jsonl", "--out", "v.txt"], "must end with one of .csv"),
        (["none.jsonl", "--out", "v.csv"], "does not exist"),
        (["in.jsonl", "--out", "none/v.csv"], "cannot write to"),
        (["bad.jsonl", "--out", "v.csv"], "no line of bad.jsonl is an event: bad.jsonl, line 1: malformed_json"),
        (["in.jsonl", "--out", "v.csv", "--exclusions", "x.csv"], "x.csv, line 2: Invalid isoformat string: 'soon'"),
        (["in.jsonl", "--out", "v.csv", "--exclusions", "y.csv"], "y.csv, line 2: 2024-05-02 comes after 2024-05-01"),
        (["in.jsonl", "--out", "v.csv", "--report", "none/r.md"], "cannot write none/r.md: there is no folder"),
    ],
)
def test_what_a_user_can_mend_is_one_line(args, said, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.jsonl", GOOD)
    write(tmp_path / "bad.jsonl", [b"{"])
    (tmp_path / "x.csv").write_text("group_id,from,to,reason\nden/talk,soon,,x\n")
    (tmp_path / "y.csv").write_text("group_id,from,to,reason\nden/talk,2024-05-02,2024-05-01,x\n")
    code, _, err = run(*args, "--jobs", 1)
    assert code in {1, 2}
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "v.csv").exists()


def test_until_and_exclusions_are_read(run, tmp_path):
    path = write(tmp_path / "in.jsonl", [bare(day / 2, row=day) for day in range(40)])
    (tmp_path / "x.csv").write_text(
        "group_id,from,to,reason\nden/*,2024-05-07,2024-05-08,gap\nden/talk,2024-05-20,,x\n"
    )
    assert read_exclusions(tmp_path / "x.csv")["den/*"] == ((START // DAY_MS + 1, START // DAY_MS + 2),)
    code, out, _ = run(path, "--out", tmp_path / "v.csv", "--until", "2024-05-16", "--exclusions", tmp_path / "x.csv",
                       "--features", "--jobs", 1)  # fmt: skip
    assert code == 0
    assert "skipped 20 (at or after --until 20)" in out
    with (tmp_path / "v.csv").open() as file:
        assert [row["at"][:10] for row in csv.DictReader(file)][-1] == "2024-05-16"


def broken(state, closed):
    raise ZeroDivisionError("a bug")


def killed(state, closed):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("record", "error", "said"),
    [(broken, RuntimeError, "ZeroDivisionError: a bug"), (killed, VitalsError, "ended by signal 9")],
)
def test_a_process_that_ends_is_told_of(record, error, said, tmp_path):
    path = write(tmp_path / "in.jsonl", [bare(day, f"den/{day % 3}") for day in range(50)])
    recipe = Recipe(record=record, model=models.load(), latest=NOW)
    with pytest.raises(error, match=said), closings(Files([path]), recipe, directory=tmp_path, jobs=2):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_it_judges_by_the_settings_as_the_workers_do(run, tmp_path, monkeypatch):
    path = write(tmp_path / "in.jsonl", [bare(day, member="abc"[day % 3]) for day in range(100)])
    found = set()
    for risk in ("0.01", "0.99"):
        monkeypatch.setenv("VITALS_DYING_RISK", risk)
        assert run(path, "--out", tmp_path / "v.csv", "--jobs", 1)[0] == 0
        found.add("dying" in (tmp_path / "v.csv").read_text())
    assert found == {True, False}


def test_an_interrupted_backtest_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "streams", "backtest", "-", "--out", str(tmp_path / "v.csv"), "--jobs", "2"]
    env = os.environ | {"VITALS_HOME": str(tmp_path / "home")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, **pipes) as process:
        process.stdin.write(b"".join(bare(n / 2000, f"den/{n % 5}", row=n) + b"\n" for n in range(40_000)))
        process.stdin.flush()  # more than a pipe holds: most of it was read
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=240)
    assert (process.returncode, out) == (130, b"")
    assert said.strip().endswith(b"vitals: interrupted")
    assert list(tmp_path.iterdir()) == []
