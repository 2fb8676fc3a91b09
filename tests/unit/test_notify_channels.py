"""The file that says whom to tell: what is refused, with one line that helps, and what is never shown."""

import base64
import http.server
import socketserver
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import click.testing
import pytest

from streams.notify import command, transport
from streams.notify.channels import PAGERDUTY_URL, channels_of, path_of, routes_of
from streams.notify.payloads import message
from streams.notify.routes import Route
from streams.notify.transport import Outcome, judged
from streams.settings import SettingsError, load
from streams.stack.parts import agent_parts
from tests.notifying import OPENED, SECRET, channel

ENVIRON = {"URL": "https://x.example/hook?key=t0ken", "SECRET": SECRET, "MAIL": "smtps://me:pw@mail.example:465"}
GOOD = '[[notify]]\nname = "ops"\nkind = "slack"\nurl_env = "URL"\n'
WEBHOOK = '[[notify]]\nname = "ops"\nkind = "webhook"\nurl_env = "URL"\n'
MAIL = '[[notify]]\nname = "ops"\nkind = "email"\nurl_env = "MAIL"\n'


def read(tmp_path, text, environ=ENVIRON):
    settings = load({"VITALS_HOME": str(tmp_path)})
    path_of(settings).write_text(text)
    return channels_of(settings, environ)


def test_a_missing_file_is_one_line_with_an_example(tmp_path):
    with pytest.raises(SettingsError, match=r"no .*notify\.toml: write one, such as \[\[notify\]\] name = ") as failed:
        channels_of(load({"VITALS_HOME": str(tmp_path)}), {})
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = [", "no valid TOML"),
        ("", "missing required field `notify`"),
        (GOOD + "colour = 1", "unknown field `colour`"),
        (GOOD + 'url = "https://x.example/t0ken"', "`vitals notify --help` shows what may stand there"),
        (GOOD + 'min_severity = "low"', "Invalid enum value 'low'"),
        (GOOD.replace("slack", "icq"), "Invalid enum value 'icq'"),
        (GOOD.replace("ops", "../x"), "must be of letters"),
        (GOOD + GOOD, "two channels are called 'ops'"),
        (GOOD.replace("URL", "NONE"), "NONE is empty"),
        (GOOD.replace('url_env = "URL"', ""), "give url_file"),
        (GOOD + 'url_file = "u"', "url_file and url_env are both given"),
        (GOOD.replace('url_env = "URL"', 'url_file = "none"'), "cannot read the url_file none"),
        (GOOD.replace("URL", "FTP"), "must begin with https:// or http://"),
        (GOOD.replace("URL", "FILE"), "must begin with https:// or http://"),
        (GOOD + 'secret_env = "SECRET"', "slack has no secret"),
        (GOOD + 'to = ["a@b"]', "slack has no sender"),
        (GOOD + "per_minute = 0", "per_minute must be at least 1"),
        (GOOD + "gather_seconds = 3601", "gather_seconds must be 0 to 3600"),
        (GOOD + 'quiet = "24:00-08:00"', "must be as 22:00-08:00"),
        (GOOD + 'quiet = "08:00-08:00"', "ends when it begins"),
        (GOOD + 'through_quiet = ["blind"]', "through_quiet needs quiet"),
        (GOOD + 'quiet = "22:00-08:00"\nthrough_quiet = ["loud"]', "Invalid enum value 'loud'"),
        (GOOD + "brands = []", "brands names none"),
        (GOOD + 'brands = ["!acme"]', "brands names none"),
        (GOOD + 'time_zone = "Mars/Base"', "time_zone 'Mars/Base'"),
        (WEBHOOK, "whsec_"),
        (WEBHOOK + 'secret_env = "URL"', "whsec_"),
        ('[[notify]]\nname = "p"\nkind = "pagerduty"', "the routing key"),
        (MAIL, "give sender and to"),
        (MAIL + 'to = ["a@b"]', "give sender and to"),
        (MAIL + 'sender = "a@b"\nto = ["a@b\\nBcc: c@d"]', "plain addresses"),
        (MAIL.replace("MAIL", "URL") + 'sender = "a@b"\nto = ["a@b"]', "must begin with smtp://"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line_without_a_secret(tmp_path, text, why):
    environ = ENVIRON | {"FTP": "ftp://x.example/t0ken", "FILE": "file:///etc/t0ken"}
    with pytest.raises(SettingsError) as failed:
        read(tmp_path, text, environ)
    assert why in str(failed.value)
    assert "\n" not in str(failed.value)
    assert "t0ken" not in str(failed.value)


def test_everything_that_can_be_said(tmp_path):
    (tmp_path / "robot").write_text(" https://x.example/send?key=1\n")
    text = """
        [[notify]]
        name = "on-call"
        kind = "wecom"
        url_file = "robot"
        brands = ["acme*"]
        min_severity = "critical"
        language = "zh"
        quiet = "22:30-08:00"
        time_zone = "Asia/Shanghai"
        per_minute = 1
        gather_seconds = 3600
        [[notify]]
        name = "pager"
        kind = "pagerduty"
        secret_env = "SECRET"
        [[notify]]
        name = "mail"
        kind = "email"
        url_env = "MAIL"
        sender = "vitals@example.org"
        to = ["a@example.org", "b@example.org"]
    """
    wecom, pager, mail = read(tmp_path, text)
    assert wecom.url == "https://x.example/send?key=1"
    assert (wecom.quiet, wecom.zone.key, wecom.per_minute) == ((22 * 60 + 30, 8 * 60), "Asia/Shanghai", 1)
    assert (pager.url, pager.secret, pager.per_minute) == (PAGERDUTY_URL, SECRET, 120)
    assert (mail.host, mail.to) == ("mail.example", ("a@example.org", "b@example.org"))
    assert command.line_of(wecom) == (
        "on-call: wecom at x.example, brands acme*, critical alerts, zh, at most 1 a minute, "
        "only blind ones from 22:30 to 08:00 Asia/Shanghai"
    )
    shown = " ".join(command.line_of(one) for one in (wecom, pager, mail))
    assert not any(secret in shown for secret in (SECRET, "key=1", "me:pw"))


@pytest.mark.parametrize(
    ("through", "said"),
    [("", "only blind ones from 22:00 to 08:00 UTC"), ("through_quiet = []", "none from 22:00 to 08:00 UTC"),
     ('through_quiet = ["blind", "common_cause"]', "only blind and common_cause ones from 22:00 to 08:00 UTC")],
)  # fmt: skip
def test_check_says_what_rings_at_night(tmp_path, through, said):
    (only,) = read(tmp_path, f'{GOOD}quiet = "22:00-08:00"\n{through}')
    assert command.line_of(only).endswith(f", {said}")


@pytest.mark.parametrize(
    ("hour", "said"),
    [(21, ""), (22, "; its quiet hours end at 08:00 CEST"), (30, "; its quiet hours end at 08:00 CEST")],
)
def test_a_dry_run_says_when_quiet_hours_end(hour, said):
    night = channel("slack", quiet=(22 * 60, 8 * 60), zone=ZoneInfo("Europe/Berlin"))
    evening = 1_780_264_800_000  # 2026-06-01 00:00 in Berlin
    assert command.quiet_now(night, evening + hour * 3_600_000) == said


def test_the_sample_of_the_help_is_good_and_stands_in_the_documents(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "wecom-url").write_text("https://x.example/send?key=1")
    (only,) = read(tmp_path, command.SAMPLE)
    assert only.through_quiet == ("blind", "common_cause")
    assert routes_of(load({"VITALS_HOME": str(tmp_path)}))[0].quiet == (22 * 60, 8 * 60)
    settings = (Path(__file__).parents[2] / "SETTINGS.md").read_text()
    assert f"```toml\n{command.SAMPLE}\n```" in settings


def test_routes_are_known_without_the_secrets(tmp_path):
    (tmp_path / "notify.toml").write_text(GOOD + 'brands = ["acme*"]')
    (only,) = routes_of(load({"VITALS_HOME": str(tmp_path)}))
    assert (type(only), only.name, only.brands) == (Route, "ops", ("acme*",))


def test_check_sends_nothing_and_one_option_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path))
    monkeypatch.setenv("URL", ENVIRON["URL"])
    (tmp_path / "notify.toml").write_text(GOOD)
    monkeypatch.setattr(transport, "send", None)
    run = click.testing.CliRunner().invoke
    said = run(command.notify_command, ["--check"])
    assert said.output == "ops: slack at x.example, brands *, all alerts, en, at most 50 a minute\n"
    assert run(command.notify_command, ["--check", "--dry-run"]).exit_code == 2
    assert "no channel 'opps': name one of ops" in str(run(command.notify_command, ["--test", "opps"]).exception)


def test_the_stack_tells_people_only_if_somebody_wrote_down_whom(tmp_path):
    settings = load({"VITALS_HOME": str(tmp_path)})
    assert "notify" not in [part.name for part in agent_parts(settings)]
    path_of(settings).write_text(GOOD)
    assert "notify" in [part.name for part in agent_parts(settings)]


# --- answers

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("kind", "status", "headers", "body", "outcome"),
    [
        ("webhook", 200, {}, b"", Outcome()),
        ("webhook", 204, {}, b"", Outcome()),
        ("webhook", 302, {}, b"", Outcome("HTTP 302", is_refused=True)),
        ("webhook", 400, {}, b"", Outcome("HTTP 400", is_refused=True)),
        ("webhook", 408, {}, b"", Outcome("HTTP 408")),
        ("webhook", 429, {}, b"", Outcome("HTTP 429", is_limited=True)),
        ("webhook", 429, {"Retry-After": "30"}, b"", Outcome("HTTP 429", is_limited=True, after_s=30.0)),
        ("webhook", 503, {"Retry-After": "Wed, 21 Oct 2015 07:29:00 GMT"}, b"", Outcome("HTTP 503", after_s=60.0)),
        ("webhook", 503, {"Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT"}, b"", Outcome("HTTP 503")),
        ("webhook", 503, {"Retry-After": "3600"}, b"", Outcome("HTTP 503", after_s=3600.0)),
        ("webhook", 503, {"Retry-After": "3601"}, b"", Outcome("HTTP 503", after_s=3600.0)),
        ("webhook", 503, {"Retry-After": "soon"}, b"", Outcome("HTTP 503")),
        ("webhook", 503, {"Retry-After": "-5"}, b"", Outcome("HTTP 503")),
        ("slack", 200, {}, b"ok", Outcome()),
        ("slack", 404, {}, b"no_service", Outcome("HTTP 404", is_refused=True)),
        ("pagerduty", 202, {}, b"{}", Outcome()),
        ("wecom", 200, {}, b'{"errcode":0,"errmsg":"ok"}', Outcome()),
        ("wecom", 200, {}, b'{"errcode":93000}', Outcome("errcode 93000", is_refused=True)),
        ("wecom", 200, {}, b'{"errcode":45009}', Outcome("errcode 45009", is_limited=True, after_s=60.0)),
        ("wecom", 200, {}, b'{"errcode":-1}', Outcome("errcode -1")),
        ("dingtalk", 200, {}, b'{"errcode":130101}', Outcome("errcode 130101", is_limited=True, after_s=600.0)),
        ("dingtalk", 200, {}, b'{"errcode":310000}', Outcome("errcode 310000", is_refused=True)),
        ("feishu", 200, {}, b'{"code":0,"msg":"success"}', Outcome()),
        ("feishu", 200, {}, b'{"code":19021}', Outcome("code 19021", is_refused=True)),
        ("feishu", 200, {}, b'{"code":11232}', Outcome("code 11232", is_limited=True, after_s=60.0)),
        ("feishu", 200, {}, b"<html>", Outcome("HTTP 200 without a code: is this the robot's URL?")),
    ],
)
def test_what_an_answer_means(kind, status, headers, body, outcome):
    assert judged(kind, status, headers, body, NOW) == outcome


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        status = {"/moved": 302, "/busy": 429}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Location", "/other")
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    with http.server.HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.bodies = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "outcome"),
    [("/", Outcome()), ("/moved", Outcome("HTTP 302", is_refused=True, after_s=7.0)),
     ("/busy", Outcome("HTTP 429", is_limited=True, after_s=7.0))],
)  # fmt: skip
def test_a_request_over_the_wire_goes_nowhere_else(hook, path, outcome):
    where = channel("webhook", url=f"http://127.0.0.1:{hook.server_port}{path}")
    sent = message(where, [OPENED], {}, "", 1000.0)
    assert transport.send(where, sent) == outcome
    ((seen, headers, body),) = hook.bodies
    assert (seen, body) == (path, sent.body)
    assert headers["Webhook-Id"] == OPENED.alert_id
    assert headers["Webhook-Signature"] == sent.headers["webhook-signature"]


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as one mail needs. The server says which commands get which answer, and keeps the lines."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        is_data = False
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            self.server.lines.append(line)
            if is_data and line != ".":
                continue
            verb = "." if is_data else line.partition(" ")[0].upper()
            is_data = verb == "DATA"
            usual = {"DATA": "354 go on", "QUIT": "221 bye", "AUTH": "235 ok"}.get(verb, "250 ok")
            self.wfile.write(self.server.answers.get(verb, usual).encode() + b"\r\n")


@pytest.fixture
def mailbox():
    with socketserver.TCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.lines, server.answers = [], {}
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def mailed(mailbox, user=""):
    where = channel("email", url=f"smtp://{user}127.0.0.1:{mailbox.server_address[1]}", to=("a@x.org", "b@x.org"))
    return transport.send(where, message(where, [OPENED], {}, "", 1000.0))


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({}, Outcome()),
        ({".": "451 later"}, Outcome("SMTP 451")),
        ({".": "554 spam"}, Outcome("SMTP 554", is_refused=True)),
        ({"MAIL": "550 not you"}, Outcome("SMTP 550", is_refused=True)),
        ({"RCPT": "550 who?"}, Outcome("SMTP 550: every recipient was refused", is_refused=True)),
        ({"RCPT": "450 busy"}, Outcome("SMTP 450: every recipient was refused")),
    ],
)
def test_what_a_mail_server_answers(mailbox, answers, outcome):
    mailbox.answers = answers
    assert mailed(mailbox) == outcome
    assert "rcpt TO:<b@x.org>" in mailbox.lines or "MAIL" in answers
    assert ("#5b1c0f3a9d2e4476/1" in mailbox.lines) == (not answers or "." in answers)


def test_a_password_goes_only_over_tls_or_to_this_machine(mailbox, monkeypatch):
    mailbox.answers = {"EHLO": "250-here\r\n250 AUTH PLAIN"}
    assert mailed(mailbox, "me:p%40ss@") == Outcome()
    assert any(line == "AUTH PLAIN " + base64.b64encode(b"\0me\0p@ss").decode() for line in mailbox.lines)
    mailbox.lines.clear()
    monkeypatch.setattr(transport, "_LOOPBACK", ())
    assert mailed(mailbox, "me:p%40ss@") == Outcome("the mail server offers no TLS for the password", is_refused=True)
    assert not any(line.startswith("AUTH") for line in mailbox.lines)


def test_nobody_listening_is_no_answer(hook):
    where = channel("slack", url="http://127.0.0.1:1/")
    assert transport.send(where, message(where, [OPENED], {}, "", 1000.0)) == Outcome("no answer (Connection refused)")
