"""Alerts and channels for tests of `streams/notify`."""

import base64

from streams.notify.channels import PER_MINUTE, Channel
from streams.notify.spool import Entry
from streams.vitals.rows import GroupAlert, Reason

AT = 1_763_942_400_000  # 2025-11-24 00:00 UTC
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
URLS = {"email": "smtp://127.0.0.1:2525", "webhook": "http://127.0.0.1:9/hook"}
SECRETS = {"webhook": SECRET, "dingtalk": "SECabc", "feishu": "feishu-secret", "pagerduty": "routing-key"}
NAMES = {"acme/irc/#tea": "Tea & <@all> [lovers](http://evil.example)", "acme/irc/#milk": "牛奶群 *1*"}


def channel(kind, **changed):
    mail = {"sender": "vitals@example.org", "to": ("oncall@example.org",)} if kind == "email" else {}
    given = {
        "name": f"my-{kind}", "kind": kind, "url": URLS.get(kind, f"https://{kind}.example/robot?token=t0ken"),
        "secret": SECRETS.get(kind, ""), "per_minute": PER_MINUTE[kind],
    }  # fmt: skip
    return Channel(**(given | mail | changed))


def alert(episode="5b1c0f3a9d2e4476", number=1, **changed):
    given = {
        "alert_id": f"{episode}/{number}", "brand_id": "acme", "episode_id": episode, "number": number, "kind": "dying",
        "state": "opened", "severity": "warning", "at": AT, "told_at": AT + 600_000, "opened_at": AT,
        "source_offset": 7, "group_id": "acme/irc/#tea", "verdict": "dying", "was": "healthy", "risk": 0.731,
        "model": "m", "reasons": (Reason("no_message", {"days": 9.0}), Reason("breadth", {"speakers": 1.0})),
    }  # fmt: skip
    return GroupAlert(**(given | changed))


def entries(*alerts):
    return [Entry(one, 0, offset) for offset, one in enumerate(alerts)]


OPENED = alert()
ACKNOWLEDGED = alert(number=2, state="acknowledged", at=AT + 60_000, actor="lin.wang")
RECOVERED = alert(number=3, state="recovered", at=AT + 3 * 86_400_000, verdict="healthy", was="dying", risk=0.1)
DROP = alert(
    "cccc000011112222", kind="drop", severity="warning", verdict="healthy", was="", risk=0.08,
    reasons=(Reason("drop", {"seen": 21.0, "expected": 63.5, "share": 0.331, "days": 2.0}),),
)  # fmt: skip
BLIND = alert(
    "aaaa000011112222", kind="blind", severity="critical", group_id="", verdict="", was="", risk=None,
    source_name="wecom/acme", reasons=(Reason("blind", {"hours": 12.2, "complete_at": AT - 12.0 * 3_600_000}),),
)  # fmt: skip
COMMON = alert(
    "bbbb000011112222", kind="common_cause", severity="critical", group_id="", verdict="", was="", risk=None,
    reasons=(Reason("common_cause", {"groups": 14.0, "known": 40.0}),), group_count=14, known_groups=40,
    groups=("acme/irc/#milk", *(f"acme/irc/#g{n}" for n in range(13))),
)  # fmt: skip
