"""What each channel is sent, word for word, and what becomes of an alert that is too long."""

import email
import json
from pathlib import Path

import msgspec
import pytest

from streams.dashboards.rules import RUNBOOK_OF
from streams.notify import payloads, signatures
from streams.notify.payloads import fitting, message
from streams.notify.wording import Said, Wording, clean, runbook_file
from streams.vitals.rows import AlertKind, Reason
from tests.notifying import ACKNOWLEDGED, AT, BLIND, COMMON, DROP, NAMES, OPENED, RECOVERED, SECRET, alert, channel

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "fixtures" / "notify.json"
KINDS = ("webhook", "slack", "wecom", "feishu", "dingtalk", "pagerduty", "email")
CASES = {
    "one": [OPENED],
    "over": [RECOVERED],
    "seen": [ACKNOWLEDGED],
    "several": [OPENED, BLIND, COMMON],
    "drop": [DROP],
}
SENT_AT = 1_763_943_000.5


def made(kind, language, case):
    """A message as it goes out, readable."""
    grafana = "https://grafana.example" if case != "several" else ""
    sent = message(channel(kind, language=language), CASES[case], NAMES, grafana, SENT_AT)
    if sent.mail is None:
        return {"count": sent.count, "url": sent.url, "headers": dict(sent.headers), "body": json.loads(sent.body)}
    headers = {name: str(value) for name, value in sent.mail.items()}
    return {"count": sent.count, "url": sent.url, "headers": headers, "body": sent.mail.get_content().splitlines()}


def everything():
    return {
        f"{k} {language} {case}": made(k, language, case) for k in KINDS for language in ("en", "zh") for case in CASES
    }


@pytest.mark.parametrize("name", everything())
def test_what_is_sent_is_what_was_looked_at(name):
    """To look at a change: `python -m tests.unit.test_notify_payloads` writes the file anew."""
    assert made(*name.split(" ")) == json.loads(GOLDEN.read_text())[name]


@pytest.mark.parametrize("name", everything())
def test_nobody_is_named(name):
    assert "lin.wang" not in json.dumps(made(*name.split(" ")))


def raw(kind, alerts=(OPENED,), **changed):
    sent = message(channel(kind, **changed), list(alerts), NAMES, "", SENT_AT)
    return sent.mail.as_string() if sent.mail else sent.body.decode()


def test_a_group_s_name_calls_nobody_and_links_nowhere():
    assert "<@all>" not in raw("slack")
    for kind in ("wecom", "dingtalk"):
        assert not set("<[`") & set(raw(kind))
        assert "http://" not in raw(kind)


def test_a_name_is_cut_at_80_characters_and_stays_on_one_line():
    assert clean("x" * 80) == "x" * 80
    assert clean("x" * 81) == "x" * 79 + "…"
    assert clean("a\n\x1b[31mb http://c") == "a [31mb http: //c"


# --- words


def lines_of(alert, grafana=""):
    return Wording(grafana_url=grafana).said(alert, NAMES).lines


def test_what_got_worse_says_since_when():
    worse = alert(number=2, state="escalated", was="fading", at=AT + 18 * 86_400_000)
    assert lines_of(worse)[0] == (
        "dying, was fading · by its silence, risk 73% · alert since 2025-11-24 00:00 UTC"
        " · dying since 2025-12-12 00:00 UTC"
    )


@pytest.mark.parametrize(
    ("code", "by"),
    [("off_rhythm", "by its silence, "), ("volume_collapsed", "by how little is said, "), ("breadth", "")],
)
def test_an_alarm_says_by_what_it_came_where_the_risk_is_not_why(code, by):
    assert f" · {by}risk 14%" in lines_of(alert(risk=0.14, reasons=(Reason(code, {}),)))[0]


def test_the_groups_of_a_blind_source_are_unseen_until_it_is_seen_again():
    over = msgspec.structs.replace(BLIND, state="recovered", number=2, at=AT)
    assert [lines_of(one)[0].startswith("its groups are not seen") for one in (BLIND, over)] == [True, False]


def test_what_is_over_asks_nothing_of_anybody():
    assert [line for line in lines_of(OPENED) if line.startswith("what to do: ")] != []
    assert [line for line in lines_of(RECOVERED) if line.startswith("what to do: ")] == []
    links = [made("webhook", "en", case)["body"]["data"]["links"] for case in ("one", "over")]
    assert [sorted(found) for found in links] == [["dashboard", "runbook"], ["dashboard"]]
    assert "/d/vitals-group?" in links[1]["dashboard"]


def test_a_verdict_that_stayed_is_said_once():
    over = alert(number=2, kind="drop", state="recovered", verdict="healthy", was="healthy")
    assert lines_of(over)[0].startswith("healthy · alert since ")


@pytest.mark.parametrize(
    ("severity", "what"), [("critical", "some are dying or dead"), ("warning", "all say far less")]
)
def test_a_common_cause_says_what_ails_its_groups_and_that_it_was_noticed_later(severity, what):
    common = msgspec.structs.replace(COMMON, severity=severity)
    assert lines_of(common)[0].startswith(what)
    assert lines_of(common)[0].endswith(" · noticed 2025-11-24 00:00 UTC")


def test_without_grafana_a_group_is_looked_at_by_its_id_while_it_is_ill_and_the_id_whole():
    look = "look at it: vitals group 'acme/irc/#tea'"
    assert look in lines_of(OPENED)
    assert look not in (*lines_of(OPENED, "https://grafana.example"), *lines_of(RECOVERED))
    assert [line for line in lines_of(alert(group_id="x" * 81)) if "vitals group" in line] == []
    assert [line for line in lines_of(BLIND) if "vitals group" in line] == []


# --- limits

WORDING = Wording()
LINKS = (("what to do", "https://grafana.example/" + "r" * 40),)


def said(size, links=()):
    return Said("a/1", "head", ("x" * size,), links)


def size_of(kind, body):
    if kind == "slack":
        return len(body["blocks"][0]["text"]["text"])
    return len(body["markdown"]["content"].encode()) if kind == "wecom" else len(msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("wecom", 4096), ("dingtalk", 20_000), ("feishu", 19_800), ("slack", 3000), ("email", 1 << 20)],
)
def test_what_fills_the_limit_goes_and_one_more_does_not(kind, limit):
    form = getattr(payloads, kind)
    room = limit + 1 - size_of(kind, form([said(1)], WORDING))
    assert size_of(kind, form([said(room)], WORDING)) == limit
    assert form([said(room + 1)], WORDING) == {}


def test_a_chinese_character_counts_as_the_three_bytes_it_is():
    room = 4097 - size_of("wecom", payloads.wecom([said(1)], WORDING))
    assert payloads.wecom([Said("a/1", "head", ("群" * (room // 3),))], WORDING)
    assert not payloads.wecom([Said("a/1", "head", ("群" * (room // 3 + 1),))], WORDING)


def test_what_does_not_fit_waits_for_the_next_message():
    many = [said(1100) for _ in range(20)]
    assert len(fitting(many, payloads.wecom, WORDING)) == 3
    assert len(fitting(many, payloads.slack, WORDING)) == 20


def test_one_alert_that_is_too_long_is_told_without_details_or_without_links():
    assert fitting([said(5000, LINKS)], payloads.wecom, WORDING) == [Said("a/1", "head", (), LINKS)]
    long = (("what to do", "https://grafana.example/" + "r" * 5000),)
    assert fitting([said(5000, long)], payloads.wecom, WORDING) == [Said("a/1", "head")]
    (brief,) = fitting([Said("a/1", "群" * 5000, ())], payloads.wecom, WORDING)
    assert brief.head == "群" * 199 + "…"


@pytest.mark.parametrize(("count", "sent"), [(20, 20), (21, 20)])
def test_people_get_twenty_alerts_in_one_message_at_most(count, sent):
    alerts = [alert(f"{n:016x}") for n in range(count)]
    assert message(channel("dingtalk"), alerts, {}, "", SENT_AT).count == sent


@pytest.mark.parametrize("kind", ["webhook", "pagerduty"])
def test_programs_get_one_alert_at_a_time(kind):
    assert message(channel(kind), [OPENED, BLIND], NAMES, "", SENT_AT).count == 1


def test_the_summary_of_an_incident_stays_within_its_limit():
    wide = alert(group_id="x" * 80, brand_id="b" * 80, reasons=())
    assert len(json.loads(raw("pagerduty", [wide]))["payload"]["summary"]) <= payloads.PAGERDUTY_SUMMARY


def test_a_subject_with_a_line_break_starts_no_header():
    mail = email.message_from_string(raw("email", [alert(group_id="a\r\nBcc: x@example.org")]))
    assert mail["Bcc"] is None


def test_the_same_alerts_make_the_same_mail_and_others_another():
    ids = [email.message_from_string(raw("email", alerts))["Message-ID"] for alerts in ([OPENED], [OPENED], [BLIND])]
    assert ids[0] == ids[1] != ids[2]


def test_every_kind_of_alert_has_a_runbook():
    assert set(RUNBOOK_OF) == set(AlertKind.__args__)
    assert [kind for kind in RUNBOOK_OF if not (ROOT / runbook_file(kind)).is_file()] == []


# --- signatures


def test_a_webhook_s_signature_is_that_of_the_libraries_of_standard_webhooks():
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signatures.webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


@pytest.mark.parametrize(
    ("secret", "is_key"),
    [(SECRET, True), ("whsec_" + "QUFB" * 7, False), ("whsec_" + "QUFB" * 8, True), ("whsec_" + "QUFB" * 21, True),
     ("whsec_" + "QUFB" * 22, False), (SECRET[6:], False), ("whsec_?", False), ("", False)],
)  # fmt: skip
def test_a_webhook_s_secret_has_24_to_64_bytes(secret, is_key):
    assert (signatures.webhook_key(secret) is not None) == is_key


def test_dingtalk_and_feishu_sign_each_in_its_own_way():
    """Made with openssl: printf '%s\\n%s' TIME SECRET | openssl dgst -sha256 -hmac SECRET -binary | base64."""
    expected = "timestamp=1763943000500&sign=91HUOEsfHXfWjcpX%2Fo4lZGuGmscH6jb67Y5wJ37sMIo%3D"
    assert signatures.dingtalk("SECabc", 1_763_943_000_500) == expected
    assert signatures.feishu("feishu-secret", 1_763_943_000) == "syEJXQF+3Ha1LTq1gUdwuUU0Gqr/toxXL5uRfVD5tT8="


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(everything(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")
