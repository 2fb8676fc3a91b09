"""Who a member is in the log: a pseudonym that every connector of a brand makes alike, and nobody else can."""

import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from streams.errors import VitalsError
from streams.text_prints import TextPrints

CUSTOMER = "customer"
"""The platform under which customer ids are made, where they are no member ids."""

_DIGEST_BYTES = 12  # 96 bits: two of a billion members collide with a chance of 1 in 10^11
_BRAND = re.compile(r"[^\W_][\w.-]{0,63}")


def checked_brand(brand_id: str) -> str:
    """The brand id as given, if it can name files and be part of a group id. Raises VitalsError."""
    if not _BRAND.fullmatch(brand_id):
        raise VitalsError(f"{brand_id!r} cannot be a brand: use up to 64 letters, digits, '-', '_' and '.'")
    return brand_id


def brand_secret(secrets_dir: Path, brand_id: str) -> bytes:
    """The brand's key, made at its first use: `<home>/secrets/brand-<brand>`, 0600. Lose it and members are new."""
    path = secrets_dir / f"brand-{checked_brand(brand_id)}"
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise VitalsError(f"cannot keep the secret of brand {brand_id} in {secrets_dir}: {error.strerror}") from None
    if len(secret) < 32:
        raise VitalsError(f"{path} is damaged: put the brand's secret back, or delete it if nothing was imported yet")
    return secret


def _make_secret(path: Path) -> None:
    """Write a new secret whole and link it into place: of two makers at once one wins, and both read the same."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_hex(32) + "\n")
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


class Pseudonyms:
    """The pseudonyms of one brand: `m_` and 16 characters, HMAC-SHA256 of platform and raw id.

    `prints` are those of its texts, under the same secret.
    """

    def __init__(self, secret: bytes) -> None:
        self.prints = TextPrints(secret)
        self._keyed = hmac.new(secret, digestmod=hashlib.sha256)
        self._known: dict[tuple[str, str], str] = {}

    def of(self, platform: str, raw_id: str) -> str:
        """The pseudonym of a raw id, remembered, so that asking again costs a dictionary."""
        known = self._known.get((platform, raw_id))
        if known is None:
            digest = self._keyed.copy()
            digest.update(f"{platform}\0{raw_id}".encode("utf-8", "surrogatepass"))
            known = "m_" + base64.urlsafe_b64encode(digest.digest()[:_DIGEST_BYTES]).decode()
            self._known[platform, raw_id] = known
        return known


def is_pseudonym(text: str) -> bool:
    """Whether an id is of the form that `Pseudonyms` makes."""
    return re.fullmatch(r"m_[\w-]{16}", text, re.ASCII) is not None
