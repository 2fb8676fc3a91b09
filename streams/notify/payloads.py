"""Alerts as what each channel takes: its form, its limits, its signature, and where it has one its key against repeats.

Limits are those that the makers document. What does not fit waits for the next message; an alert that alone does not
fit is told without its details.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import msgspec
import xxhash

from streams.notify import signatures
from streams.notify.channels import Channel, Kind
from streams.notify.wording import Said, Wording
from streams.vitals.rows import GroupAlert

MOST_ALERTS = 20
"""In one message, for people's sake."""
ONE_AT_A_TIME: tuple[Kind, ...] = ("webhook", "pagerduty")
WECOM_BYTES = 4096
"""Of `markdown.content`, UTF-8."""
DINGTALK_BYTES, FEISHU_BYTES, EMAIL_BYTES = 20_000, 20_000, 1 << 20
"""Of the whole body; both robots allow 20 KB."""
SLACK_TEXT = 3000
"""Characters of the text of a section; a message has up to 50 sections."""
PAGERDUTY_SUMMARY = 1024
"""Characters of `payload.summary`."""
_HEAD_CHARS, _SUBJECT_CHARS = 200, 150
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_WIDE = str.maketrans("<>[]`*", "＜＞［］ˋ＊")
_PAGERDUTY_ACTIONS = {
    "acknowledged": "acknowledge",
    "snoozed": "acknowledge",
    "recovered": "resolve",
    "ended": "resolve",
}
Json = dict[str, Any]


class Message(msgspec.Struct, frozen=True):
    """What is sent at once: the first `count` of the alerts, by HTTP POST, or as `mail` in its place."""

    count: int
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    mail: EmailMessage | None = None


def message(
    channel: Channel, alerts: Sequence[GroupAlert], names: Mapping[str, str], grafana_url: str, at: float
) -> Message:
    """As many of the alerts as go into one message, at least one. `at` in seconds, for signatures."""
    wording = Wording(channel.language, channel.zone, grafana_url)
    if channel.kind == "webhook":
        return _webhook(channel, alerts[0], names, wording, at)
    said = [wording.said(alert, names) for alert in alerts[:MOST_ALERTS]]
    if channel.kind == "pagerduty":
        return _pagerduty(channel, alerts[0], said[0])
    chosen = fitting(said, _FORMS[channel.kind], wording)
    made = _FORMS[channel.kind](chosen, wording)
    if channel.kind == "email":
        return Message(len(chosen), channel.url, mail=_mail(channel, chosen, wording))
    url = channel.url
    if channel.kind == "dingtalk" and channel.secret:
        url += ("&" if "?" in url else "?") + signatures.dingtalk(channel.secret, int(at * 1000))
    if channel.kind == "feishu" and channel.secret:
        made |= {"timestamp": str(int(at)), "sign": signatures.feishu(channel.secret, int(at))}
    return Message(len(chosen), url, _JSON, msgspec.json.encode(made))


def fitting(said: Sequence[Said], form: "Form", wording: Wording) -> list[Said]:
    """The first of them that fit; if not even one does, that one without its details, then without its links."""
    count = 1
    while count < len(said) and form(said[: count + 1], wording):
        count += 1
    if count > 1 or form(said[:1], wording):
        return list(said[:count])
    head = said[0].head if len(said[0].head) <= _HEAD_CHARS else said[0].head[: _HEAD_CHARS - 1] + "…"
    brief = Said(said[0].alert_id, head, (), said[0].links)
    return [brief] if form([brief], wording) else [Said(brief.alert_id, head)]


# --- for people: each gives the body, or {} where it goes beyond the channel's limit

Form = Callable[[Sequence[Said], Wording], Json]


def slack(said: Sequence[Said], wording: Wording) -> Json:
    """Block Kit: a section per alert, and the plain text that phones show."""
    texts = [_slack_text(one) for one in said]
    if any(len(text) > SLACK_TEXT for text in texts):
        return {}
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    return {"text": _slack_safe(_title(said, wording)), "blocks": sections, "unfurl_links": False}


def wecom(said: Sequence[Said], wording: Wording) -> Json:
    """A robot's Markdown, which knows no escapes: characters that would mean something are written wide."""
    content = _markdown(said, wording, "\n")
    return {"msgtype": "markdown", "markdown": {"content": content}} if len(content.encode()) <= WECOM_BYTES else {}


def dingtalk(said: Sequence[Said], wording: Wording) -> Json:
    """A robot's Markdown, where only two blanks and a line feed end a line."""
    title, text = _title(said, wording).translate(_WIDE), _markdown(said, wording, "  \n")
    return _within({"msgtype": "markdown", "markdown": {"title": title, "text": text}}, DINGTALK_BYTES)


def feishu(said: Sequence[Said], wording: Wording) -> Json:
    """A post: lines of text and links. It has no markup, so nothing in a name can mean something."""
    content: list[list[Json]] = []
    for one in said:
        content += [
            [{"tag": "text", "text": text}] for text in ((one.head, *one.lines) if len(said) > 1 else one.lines)
        ]
        content.append([{"tag": "text", "text": f"#{one.alert_id}"}])
        content[-1] += [{"tag": "a", "text": f"  {title}", "href": url} for title, url in one.links]
    post = {"title": _title(said, wording), "content": content}
    made = {"msg_type": "post", "content": {"post": {wording.word("en_us", "zh_cn"): post}}}
    return _within(made, FEISHU_BYTES - 200)  # room for the signature


def email(said: Sequence[Said], _wording: Wording) -> Json:
    """Plain text."""
    return _within({"text": _plain(said)}, EMAIL_BYTES)


_FORMS: Mapping[Kind, Form] = {"slack": slack, "wecom": wecom, "dingtalk": dingtalk, "feishu": feishu, "email": email}


def _title(said: Sequence[Said], wording: Wording) -> str:
    return said[0].head if len(said) == 1 else f"{wording.several(len(said))} · {said[0].head} …"


def _within(made: Json, limit: int) -> Json:
    return made if len(msgspec.json.encode(made)) <= limit else {}


def _slack_safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_text(one: Said) -> str:
    links = " · ".join(f"<{url}|{_slack_safe(title)}>" for title, url in one.links)
    return "\n".join(
        filter(None, [f"*{_slack_safe(one.head)}*", *map(_slack_safe, one.lines), links, f"#{one.alert_id}"])
    )


def _markdown(said: Sequence[Said], wording: Wording, end: str) -> str:
    blocks = []
    for one in said:
        links = " · ".join(f"[{title}]({url})" for title, url in one.links)
        safe = [f"**{one.head.translate(_WIDE)}**", *(line.translate(_WIDE) for line in one.lines)]
        blocks.append(end.join(filter(None, [*safe, links, f"#{one.alert_id}"])))
    if len(said) > 1:
        blocks.insert(0, wording.several(len(said)))
    return "\n\n".join(blocks)


def _plain(said: Sequence[Said]) -> str:
    blocks = []
    for one in said:
        links = [f"{title}: {url}" for title, url in one.links]
        blocks.append("\n".join([one.head, *one.lines, *links, f"#{one.alert_id}"]))
    return "\n\n".join(blocks) + "\n"


def _mail(channel: Channel, said: Sequence[Said], wording: Wording) -> EmailMessage:
    """The same alerts make the same Message-ID: a mailbox that looks at it shows a repeated one once."""
    mail = EmailMessage()
    subject = re.sub(r"\s+", " ", _title(said, wording))
    mail["Subject"] = subject if len(subject) <= _SUBJECT_CHARS else subject[: _SUBJECT_CHARS - 1] + "…"
    mail["From"], mail["To"] = channel.sender, ", ".join(channel.to)
    ids = "\0".join(one.alert_id for one in said)
    mail["Message-ID"] = f"<{xxhash.xxh3_128_hexdigest(ids.encode())}@{channel.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_plain(said))
    return mail


# --- for programs


def _webhook(channel: Channel, alert: GroupAlert, names: Mapping[str, str], wording: Wording, at: float) -> Message:
    """One alert as it stands on `group-alerts`, and in words; `webhook-id` is the same whenever it is sent again."""
    said = wording.said(alert, names)
    data = msgspec.to_builtins(alert)
    for name in ("actor", "withheld", "source_offset"):
        del data[name]
    data |= {"group_name": names.get(alert.group_id, ""), "text": [said.head, *said.lines], "links": _links(said)}
    body = msgspec.json.encode({"type": f"group.alert.{alert.state}", "timestamp": _iso(alert.told_at), "data": data})
    signed = {
        "webhook-id": alert.alert_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": signatures.webhook(channel.secret, alert.alert_id, int(at), body),
    }
    return Message(1, channel.url, _JSON | signed, body)


def _pagerduty(channel: Channel, alert: GroupAlert, said: Said) -> Message:
    """Events v2: an incident per episode, acknowledged and resolved as that is."""
    event: Json = {
        "routing_key": channel.secret,
        "event_action": _PAGERDUTY_ACTIONS.get(alert.state, "trigger"),
        "dedup_key": alert.episode_id,
    }
    if event["event_action"] == "trigger":
        event["payload"] = {
            "summary": said.head[:PAGERDUTY_SUMMARY],
            "source": alert.group_id or alert.source_name or alert.brand_id,
            "severity": alert.severity,
            "component": alert.brand_id,
            "class": alert.kind,
            "custom_details": {"alert_id": alert.alert_id, "text": list(said.lines)},
        }
        event["links"] = [{"href": url, "text": title} for title, url in said.links]
    return Message(1, channel.url, _JSON, msgspec.json.encode(event))


def _links(said: Said) -> Json:
    """By names that no language changes. What is over has no runbook."""
    return {name: url for name, (_, url) in zip(("dashboard", "runbook"), reversed(said.links), strict=False)}


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
