"""The documents tell the truth about commands, options, settings, files and reasons."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from streams import cli
from streams.dead_letters import REASONS
from streams.migrations import views
from streams.settings import Settings
from tests.readme import filled

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "deploy" / "README.md"]
NO_SETTING = {"VITALS_DEBUG"}  # read by the command line alone
MADE = ("deploy/secrets", "deploy/notify", "deploy/import", "deploy/.env")  # by whoever deploys
FOLDERS = ("streams/", "tests/", "schemas/", "deploy/", "dashboards/", ".ci/")


@cache
def text(path):
    """A document without the output that was pasted into it."""
    return re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", "", path.read_text(), flags=re.DOTALL)


def code(path):
    """What stands in code: fenced lines and `spans`."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text(path), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text(path), flags=re.DOTALL | re.MULTILINE))
    return [line for block in fenced for line in block.splitlines()] + spans


def examples():
    """Every `vitals …` in the documents, with its words."""
    for path in DOCUMENTS:
        for line in code(path):
            for part in re.split(r"&&|\|(?!\w)", line):
                words = shlex.split(part.strip(), comments=True) if part.strip().startswith("vitals ") else []
                if words:
                    yield pytest.param(words[1:], id=f"{path.name}: {' '.join(words)}")


@pytest.mark.parametrize("words", examples())
def test_every_command_shown_would_run(words, monkeypatch):
    """Parsed by click as far as it can be without running. A name alone (`vitals import`) may lack its arguments."""
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, _parameter, _context: Path(value))  # not there
    command, context, rest = cli.cli, click.Context(cli.cli, info_name="vitals"), list(words)
    while isinstance(command, click.Group) and rest:
        name, command, rest = command.resolve_command(context, rest)
        context = click.Context(command, info_name=name, parent=context)
    if rest and rest != ["--help"]:
        command.make_context(context.info_name, rest, parent=context.parent)


def test_every_command_is_in_the_readme():
    shown = {word for line in code(ROOT / "README.md") for word in re.findall(r"vitals ([\w-]+)", line)}
    assert set(cli.COMMANDS) == shown


def test_every_setting_is_documented_and_every_documented_setting_exists():
    named = set(re.findall(r"VITALS_[A-Z_]+[A-Z]", text(ROOT / "SETTINGS.md"))) - NO_SETTING
    assert named == {f"VITALS_{name.upper()}" for name in Settings.__struct_fields__}


def test_every_default_is_the_one_documented():
    settings = text(ROOT / "SETTINGS.md")
    defaults = dict(zip(reversed(Settings.__struct_fields__), reversed(Settings.__struct_defaults__), strict=False))
    for row in re.findall(r"^\| (`VITALS_.*)$", settings, flags=re.MULTILINE):
        names, documented = (re.findall(r"`([^`]+)`", cell) for cell in row.split("|")[:2])
        values = [defaults.get(name.removeprefix("VITALS_").lower()) for name in names]
        for value in values:
            if isinstance(value, int | float | str):
                shown = f"{value:g}" if isinstance(value, float) else str(value).replace("False", "false")
                assert shown in documented, f"{names}: {shown}"


def test_every_reason_of_a_dead_letter_is_in_the_table_of_bad_input():
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## What happens to bad input")[2].partition("\n## ")[0]
    assert set(re.findall(r"dead letter `(\w+)`", table)) == set(REASONS)


def test_every_view_for_bi_is_documented():
    inner = {"latest_vitals", "engagement_inputs", "group_worth"}
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## ClickHouse")[2].partition("\n## ")[0]
    assert set(views()) - inner <= set(re.findall(r"`(\w+)`", table))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_exists(path):
    named = {span for span in code(path) if span.startswith(FOLDERS) and not set(span) & set("<>*… ")}
    links = set(re.findall(r"\]\(([^)#:]+)\)", text(path)))
    missing = [name for name in named if not name.startswith(MADE) and not (ROOT / name).exists()]
    missing += [link for link in links if "//" not in link and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_exists(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {word for line in code(path) for word in re.findall(r"^make ([a-z-]+)", line)} <= targets


def test_the_test_command_of_the_readme_is_what_ci_runs():
    assert "`make test`" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text().splitlines()


def test_pasted_output_replaces_what_stood_there():
    before = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb"
    after = "a\n<!-- x:begin -->\n```\n$ vitals x\nnew \\1\n```\n<!-- x:end -->\nb"
    assert filled(before, "x", "vitals x", "new \\1") == after
    assert filled(after, "x", "vitals x", "new \\1") == after
    with pytest.raises(SystemExit, match="0 blocks"):
        filled(before, "y", "vitals x", "new")
