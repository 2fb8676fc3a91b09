"""What is kept of a text that is not kept: how many links it had, and a print by which it is known again.

The print of a text is a hash of its letters and digits under the brand's secret: whoever has the log can see that two
messages of a brand said the same, but without the secret not even guess what. Texts of fewer than `LEAST` letters get
none: half of all chat is "ok" and "thanks", which is no advertising, and which could be guessed with the secret.
"""

import hashlib
import re
import unicodedata

LEAST = 16
"""Letters and digits, of any script. "谢谢分享" has 4, an advertisement 30 and more."""
_LINK = re.compile(r"(?:\w://|\bwww\.)[^\s<>|]", re.IGNORECASE)
_NOT_SAID = re.compile(r"[\W_]+")


class TextPrints:
    """The prints of one brand: 64 bits, signed."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = hashlib.blake2b(key=hashlib.sha256(secret).digest(), digest_size=8, person=b"text print")

    def of(self, text: str) -> int | None:
        """The print of a text; None of one that is too short. Case, width, punctuation and blanks do not matter."""
        if len(text) < LEAST:
            return None
        said = _NOT_SAID.sub("", unicodedata.normalize("NFKC", text).casefold())
        if len(said) < LEAST:
            return None
        keyed = self._keyed.copy()
        keyed.update(said.encode("utf-8", "surrogatepass"))
        return int.from_bytes(keyed.digest(), "big", signed=True)


def links(text: str) -> int:
    """How many links a text has."""
    if "://" not in text and "www." not in text.lower():
        return 0
    return len(_LINK.findall(text))
