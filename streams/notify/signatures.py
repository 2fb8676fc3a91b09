"""How a message proves from whom it comes: Standard Webhooks, DingTalk and Feishu, each HMAC-SHA256 in base64."""

import base64
import binascii
import hashlib
import hmac
from urllib.parse import quote

PREFIX = "whsec_"


def webhook_key(secret: str) -> bytes | None:
    """The bytes of a Standard Webhooks secret, `whsec_` and 24 to 64 bytes in base64; None for any other text."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if secret.startswith(PREFIX) and 24 <= len(key) <= 64 else None


def webhook(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature` by standardwebhooks.com: `v1,` and the HMAC of `id.timestamp.body`."""
    key = webhook_key(secret) or b""
    return "v1," + _signed(key, f"{message_id}.{at_s}.".encode() + body)


def dingtalk(secret: str, at_ms: int) -> str:
    """DingTalk's query: `timestamp` in ms, and as `sign` the HMAC of it and the secret, under the secret."""
    sign = _signed(secret.encode(), f"{at_ms}\n{secret}".encode())
    return f"timestamp={at_ms}&sign={quote(sign, safe='')}"


def feishu(secret: str, at_s: int) -> str:
    """Feishu's `sign`: the HMAC of nothing, under the time in s and the secret."""
    return _signed(f"{at_s}\n{secret}".encode(), b"")


def _signed(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
