"""The command line as a user meets it."""

import os
import subprocess
import sys

import click
import pytest

from streams import cli
from streams.errors import VitalsError

HEAVY = {
    "faust",
    "aiokafka",
    "confluent_kafka",
    "kafka",
    "clickhouse_driver",
    "rich",
    "zstandard",
    "supervisor",
    "msgspec",
}


def with_all_below(command, path):
    """A command and all below it, each with its path of words."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from with_all_below(command.get_command(click.Context(command), name), (*path, name))


def paths():
    """All paths; of a command that cannot be loaded its name, so that its tests fail and not all."""
    for name in cli.COMMANDS:
        try:
            yield from (path for path, _ in with_all_below(cli.load_command(name), (name,)))
        except VitalsError:
            yield (name,)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run in this process; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    monkeypatch.delenv("VITALS_DEBUG", raising=False)

    def run(*args):
        code = cli.run(list(args))
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("path", paths(), ids=" ".join)
def test_help_has_an_example(run, path):
    code, out, _ = run(*path, "--help")
    assert code == 0
    assert "Example" in out
    assert f"vitals {' '.join(path)}" in out.split("Example", 1)[1]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name):
    command = cli.load_command(name)
    assert command.name == name
    assert command.get_short_help_str(limit=200).startswith(cli.COMMANDS[name][1].rstrip("."))


@pytest.mark.parametrize("path", paths(), ids=" ".join)
def test_a_wrong_option_is_one_line(run, path):
    code, out, err = run(*path, "--no-such-option")
    assert (code, out) == (2, "")
    assert err.startswith("vitals: ")
    assert err.count("\n") == 1


def test_help_imports_nothing_heavy():
    code = "import sys; from streams import cli; cli.run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())


def test_no_command_shows_the_help(run):
    code, _, err = run()
    assert code == 2
    assert "Commands:" in err


def test_a_misspelt_command_gets_a_guess(run):
    assert run("grops")[2] == "vitals: no command 'grops', did you mean 'groups'? (see `vitals --help`)\n"
    assert run("xyzzy")[2] == "vitals: no command 'xyzzy' (see `vitals --help`)\n"


@pytest.fixture
def failing(monkeypatch):
    """Make `vitals up` raise what the test says."""

    def fail(error):
        @click.command()
        def up():
            raise error

        monkeypatch.setattr(cli, "load_command", lambda _: up)

    return fail


def test_what_a_user_can_mend_is_its_own_line(run, failing):
    failing(VitalsError("port 1 is taken: choose another"))
    assert run("up") == (1, "", "vitals: port 1 is taken: choose another\n")


def test_a_bug_is_one_line_and_its_traceback_is_kept(run, failing, tmp_path):
    failing(KeyError("a\nb"))
    code, out, err = run("up")
    log = tmp_path / "logs" / "crash.log"
    assert (code, out) == (70, "")
    assert err == f"vitals: this is a bug: KeyError: 'a\\nb' (details: {log})\n"
    assert "Traceback" in log.read_text()


def test_the_log_of_crashes_does_not_grow_for_ever(run, failing, monkeypatch, tmp_path):
    sizes = []
    for _ in range(4):
        failing(ValueError("x"))
        run("up")
        sizes.append((tmp_path / "logs" / "crash.log").stat().st_size)
        monkeypatch.setattr(cli, "CRASH_LOG_BYTES", 2 * sizes[0] - 1)
    assert sizes == [sizes[0], 2 * sizes[0], sizes[0], 2 * sizes[0]]


def test_a_bug_with_nowhere_to_keep_it_says_how_to_see_it(run, failing, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "file"))
    failing(ValueError("x"))
    assert run("up")[2] == "vitals: this is a bug: ValueError: x (details: run it again with VITALS_DEBUG=1)\n"


def test_debug_shows_the_traceback(run, failing, monkeypatch):
    monkeypatch.setenv("VITALS_DEBUG", "1")
    failing(VitalsError("no"))
    _, _, err = run("up")
    assert err.startswith("Traceback")
    assert err.endswith("vitals: no\n")


def test_an_interrupt_is_quiet(run, failing):
    failing(KeyboardInterrupt())
    code, out, err = run("up")
    assert (code, out, err.strip()) == (130, "", "vitals: interrupted")


def test_a_command_whose_imports_are_missing_leaves_the_others_alone(run, monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, "up", ("streams.no_such_module:up", "Up."))
    assert run("--help")[0] == 0
    code, _, err = run("up")
    assert code == 1
    assert err.startswith("vitals: `vitals up` cannot start: No module named 'streams.no_such_module'; install")


def test_a_closed_pipe_is_quiet():
    speak = "cli.load_command = lambda _: click.command()(lambda: click.echo('x' * 200_000))"
    code = f"import click; from streams import cli; {speak}; cli.main(['up'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}
    )
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=240), err) == (1, b"")
