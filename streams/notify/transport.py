"""Sending: one request, and what its answer means. Robots refuse with HTTP 200 and a code in the body."""

import contextlib
import email.utils
import http.client
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from streams import __version__
from streams.notify.channels import Channel, Kind
from streams.notify.payloads import Message

TIMEOUT_S = 10.0
LONGEST_WAIT_S = 3600.0
"""No answer makes us wait for longer."""
_ANSWER_BYTES = 1 << 16
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LATER = (408, 425, 429)
_LIMIT_CODES: Mapping[Kind, Mapping[int, float]] = {
    "wecom": {45009: 60.0},
    "dingtalk": {130101: 600.0, 90030: 600.0, 660026: 600.0},
    "feishu": {9499: 60.0, 11232: 60.0},
}
"""Codes that mean too many messages, and for how many seconds a robot then wants to be left alone."""
_BUSY_CODES: Mapping[Kind, tuple[int, ...]] = {"wecom": (-1,), "dingtalk": (-1,), "feishu": (-1, 10002)}
_CODE_FIELDS: Mapping[Kind, str] = {"wecom": "errcode", "dingtalk": "errcode", "feishu": "code"}


class Outcome(msgspec.Struct, frozen=True):
    """What became of a request. `reason` is "" when it was delivered; it holds no URL.

    `is_limited`: too many for now, which counts as no try; `is_refused`: the same again will be refused again.
    `after_s`: not before so many seconds.
    """

    reason: str = ""
    is_limited: bool = False
    is_refused: bool = False
    after_s: float = 0.0


def send(channel: Channel, message: Message) -> Outcome:
    """Send, await the answer and judge it. Raises nothing of the network's."""
    try:
        if message.mail is not None:
            return _send_mail(channel, message)
        status, headers, body = _post(message)
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        what = getattr(cause, "strerror", None) or type(cause).__name__
        return Outcome(f"no answer ({what})")
    return judged(channel.kind, status, headers, body, time.time())


def judged(kind: Kind, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Outcome:
    """What an answer means; `now` in seconds is for a `Retry-After` that is a date."""
    after_s = _retry_after(headers.get("Retry-After"), now)
    if status == 429:
        return Outcome("HTTP 429", is_limited=True, after_s=after_s)
    if not 200 <= status < 300:
        return Outcome(f"HTTP {status}", is_refused=status < 500 and status not in _LATER, after_s=after_s)
    return _by_code(kind, body) if kind in _CODE_FIELDS else Outcome()


def _by_code(kind: Kind, body: bytes) -> Outcome:
    """What a robot says in its body. Without a code it is no answer of a robot's."""
    try:
        said = msgspec.json.decode(body)
        code = int(said[_CODE_FIELDS[kind]])
    except (ValueError, KeyError, TypeError):
        return Outcome("HTTP 200 without a code: is this the robot's URL?")
    reason = f"{_CODE_FIELDS[kind]} {code}"
    if code == 0:
        return Outcome()
    if code in _LIMIT_CODES[kind]:
        return Outcome(reason, is_limited=True, after_s=_LIMIT_CODES[kind][code])
    return Outcome(reason, is_refused=code not in _BUSY_CODES[kind])


def _retry_after(value: str | None, now: float) -> float:
    """Seconds to wait: given as such, or as a date. 0 where there is none that can be read."""
    if not value:
        return 0.0
    try:
        wait_s = (
            float(value) if value.strip().isdecimal() else email.utils.parsedate_to_datetime(value).timestamp() - now
        )
    except ValueError:
        return 0.0
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message goes where the user said, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _post(message: Message) -> tuple[int, Mapping[str, str], bytes]:
    headers = {**message.headers, "User-Agent": f"group-vitals/{__version__}"}
    request = urllib.request.Request(message.url, message.body, headers)  # noqa: S310  http(s) by the configuration
    try:
        answer: Any = _opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        answer = error
    with contextlib.closing(answer):
        return answer.status, answer.headers, _body(answer)


def _body(answer: Any) -> bytes:
    """The body, or as much of it as comes in time and is of use."""
    body, until = b"", time.monotonic() + TIMEOUT_S
    while len(body) < _ANSWER_BYTES and time.monotonic() < until:
        chunk = answer.read1(4096)
        if not chunk:
            break
        body += chunk
    return body


def _send_mail(channel: Channel, message: Message) -> Outcome:
    """By SMTP, with TLS where the server offers it. A password goes over TLS or loopback only."""
    url, mail = urlsplit(message.url), message.mail
    host, is_smtps = url.hostname or "", url.scheme == "smtps"
    context = ssl.create_default_context()
    server: smtplib.SMTP
    try:
        if is_smtps:
            server = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 25, timeout=TIMEOUT_S)
        with server:
            if not is_smtps and server.has_extn("starttls" if server.ehlo()[0] == 250 else ""):
                server.starttls(context=context)
                is_smtps = True
            if url.username:
                if not is_smtps and host not in _LOOPBACK:
                    return Outcome("the mail server offers no TLS for the password", is_refused=True)
                server.login(unquote(url.username), unquote(url.password or ""))
            assert mail is not None  # noqa: S101  this is the one that sends mail
            server.send_message(mail, channel.sender, list(channel.to))
    except smtplib.SMTPResponseException as error:
        return Outcome(f"SMTP {error.smtp_code}", is_refused=error.smtp_code >= 500)
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        return Outcome(f"SMTP {min(codes)}: every recipient was refused", is_refused=min(codes) >= 500)
    except smtplib.SMTPException as error:
        return Outcome(f"SMTP: {type(error).__name__}")
    return Outcome()
