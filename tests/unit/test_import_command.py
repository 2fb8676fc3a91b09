from collections import Counter
from pathlib import Path

import click
import pytest

from streams import cli
from streams.connectors import telling
from streams.connectors.importing import Counts
from streams.connectors.options import brand_of
from streams.connectors.telling import Options, closing, shown
from tests.importing import write

DRY = Options(out=None, dry_run=True, again=False, complete_until=None)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run in this process with a home of its own; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))

    def run(*args):
        code = cli.run(["import", *map(str, args)])
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("path", "brand"),
    [
        ("acme", "acme"), ("/x/Acme Slack export Jan 1.zip", "acme-slack-export-jan-1"), ("a_b.tar.xz", "a-b"),
        ("events.jsonl.gz", "events"), ("好物 订单.csv", "好物-订单"), ("-", "brand"), ("v1.2", "v1-2"),
    ],
)  # fmt: skip
def test_a_brand_comes_from_the_name_of_what_is_imported(path, brand):
    assert brand_of(Path("/logs") / path) == brand


def test_the_brand_that_was_guessed_is_said(run, tmp_path):
    write(tmp_path / "My Logs", {"den/2024-05-06": "[10:00] <ann> hi\n"})
    code, out, err = run("irc", tmp_path / "My Logs", "--dry-run")
    assert code == 0
    assert "brand my-logs" in err
    assert out.startswith("read 1 lines, would send 1 events of 1 groups, skipped 0, rejected 0 (")
    assert "brand" not in run("irc", tmp_path / "My Logs", "--dry-run", "--brand", "acme")[2]


def test_the_same_import_makes_the_same_file_and_text_only_when_asked(run, tmp_path):
    write(tmp_path / "logs", {"den/2024-05-06": "[10:00] <ann> the plan\n[10:00] <logbot> x\n"})
    (tmp_path / "bots").write_text("logbot\n\nother\n")
    for out in ("a", "b"):
        assert run("irc", tmp_path / "logs", "--out", tmp_path / out, "--bots-file", tmp_path / "bots")[0] == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert b"the plan" not in (tmp_path / "a").read_bytes()
    assert b'"role":"bot"' in (tmp_path / "a").read_bytes()
    run("irc", tmp_path / "logs", "--out", tmp_path / "c", "--keep-text")
    assert b"the plan" in (tmp_path / "c").read_bytes()


def test_rejected_lines_are_no_failure_but_are_said(run, tmp_path):
    write(tmp_path / "logs", {"den/2024-05-06": "[10:00] <ann> hi\nbroken\nbroken too\n"})
    assert "the first rejected: irc/logs:den/2024-05-06, line 2: " in run("irc", tmp_path / "logs", "--dry-run")[1]
    write(tmp_path / "logs", {"den/2024-05-06": "[10:00] <ann> hi\nbroken\n"})
    code, out, _ = run("irc", tmp_path / "logs", "--out", tmp_path / "a")
    assert code == 0
    assert "rejected 1 (unparsable_line 1)" in out
    assert f"the rejected lie in {tmp_path}/a.rejected.jsonl" in out


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("irc", "nowhere"), 1, "there is no nowhere"),
        (("slack", "nowhere.zip"), 1, "cannot read nowhere.zip: No such file"),
        (("jsonl", "nowhere"), 1, "cannot read nowhere"),
        (("orders-csv", "nowhere"), 1, "cannot read nowhere"),
        (("irc", "x", "--brand", "a/b"), 1, "cannot be a brand"),
        (("irc", "x", "--timezone", "Mars"), 2, "no time zone 'Mars'"),
        (("irc", "x", "--complete-until", "soon"), 2, "'soon' is no time"),
        (("irc", "x", "--complete-until", "9000-01-01"), 2, "9000-01-01 lies in the future"),
        (("irc", "x", "--complete-until", "0001-01-01"), 2, "0001-01-01 lies in the future or before 1970"),
        (("orders-csv", "x", "--column", "price=x"), 2, "NAME is one of order_id"),
        (("irc",), 2, "Missing argument"),
        (("telepathy", "x"), 2, "No such command"),
    ],
)
def test_every_failure_is_one_line_that_says_what_to_do(args, code, says, run):
    is_asked_for_brand = args[0] != "jsonl" and "--brand" not in args and len(args) == 2
    got, out, err = run(*args, *(["--brand", "acme"] if is_asked_for_brand else []))
    assert (got, out, len(err.strip().splitlines())) == (code, "", 1)
    assert says in err


def test_the_line_that_the_help_of_jsonl_shows_is_an_event(run, tmp_path):
    shown = run("jsonl", "--help")[1].partition("A line:")[2]
    write(tmp_path, {"shown.jsonl": " ".join(shown.split()) + "\n"})
    assert "would send 1 events of 1 groups" in run("jsonl", tmp_path / "shown.jsonl", "--dry-run")[1]


def test_a_file_that_cannot_be_written_is_one_line(run, tmp_path):
    write(tmp_path, {"logs/den/2024-05-06": "[10:00] <ann> hi\n"})
    code, _, err = run("irc", tmp_path / "logs", "--brand", "acme", "--out", tmp_path / "none" / "x")
    assert code == 1
    assert "cannot write" in err


def test_the_closing_count_names_every_fate():
    counts = Counts(
        read=1200, sent=1000, late=3, delivered=7, groups=2,
        skipped=Counter(blank=150, notice=40), rejected=Counter(bad_shape=10), first_rejected="a.csv, line 9: no time",
    )  # fmt: skip
    first, *more = closing(counts, "lines", msg_options(), 2.0)
    assert first == (
        "read 1,200 lines, sent 1,000 events of 2 groups, skipped 190 (blank 150, notice 40), "
        "rejected 10 (bad_shape 10) (2.0 s, 500/s)"
    )
    assert [line.split(",")[0] for line in more] == [
        "7 pieces were delivered before and not sent again (--again sends them)",
        "3 events stood behind a day that was closed already: they count as late",
        "the rejected lie in the topic dead-letters",
    ]
    assert more[-1].endswith(": vitals dead-letters list")
    assert closing(counts, "lines", DRY, 2.0)[3:] == [
        "the first rejected: a.csv, line 9: no time; --out FILE keeps each with its reason"
    ], "a dry run leaves no dead letters"


def msg_options() -> Options:
    return Options(out=None, dry_run=False, again=False, complete_until=None)


def test_progress_is_a_line_now_and_then_where_nobody_watches(monkeypatch, capsys):
    monkeypatch.setattr(telling, "SPEAK_EVERY_SECONDS", 0.0)
    with shown(200, Counts(sent=5)) as advance:
        advance(50)
    assert capsys.readouterr().err == "25%, 5 events\n"


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "echo", lambda *_, **__: pytest.fail("no lines beside the bar"))
    with shown(None, Counts()) as advance:
        advance(50)
