"""Who buys, as pseudonyms: a shop's customers, members of a chat platform, phone numbers and mail addresses."""

import re

from streams.connectors.batches import Batch, Recipe
from streams.connectors.irc_day import canonical_nick
from streams.edge import RefusedError
from streams.errors import VitalsError
from streams.identities import MemberIdentity
from streams.pseudonyms import CUSTOMER, Pseudonyms, is_pseudonym

CONTACTS = frozenset({"phone", "billing_phone", "mail"})
"""The columns whose values are kept nowhere but as keyed hashes."""
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_LEAST_DIGITS, _MOST_DIGITS = 5, 15
_WHOLE_DIGITS = 10
"""A national number behind its calling code has so many, or it is taken for one that only begins alike."""


class Buyers:
    """Pseudonyms by the brand's secret, equal in every import. Raw ids met are kept for `member-identities`.

    A phone number or mail address has no identity to keep: who holds the secret can tell whether it is a given one, and
    nobody can read it.
    """

    def __init__(self, recipe: Recipe, pseudonyms: Pseudonyms, calling_code: str = "") -> None:
        self._recipe = recipe
        self._pseudonyms = pseudonyms
        self._calling_code = calling_code
        self._known: dict[tuple[str, str], str] = {}

    def customer(self, raw_id: str, batch: Batch) -> str:
        """The pseudonym of a shop's customer."""
        return self._named(CUSTOMER, raw_id, batch)

    def member(self, raw_id: str, platform: str | None, batch: Batch) -> str:
        """The pseudonym of a group's member: as it is, or made as the chat's connector makes it."""
        if is_pseudonym(raw_id):
            return raw_id
        if not platform:
            raise VitalsError("the column member_id holds ids of a chat platform: say whose with --platform, as irc")
        return self._named(platform, canonical_nick(raw_id) if platform == "irc" else raw_id, batch)

    def phone(self, text: str) -> str:
        """The keyed hash of a phone number, however it is written. Raises RefusedError."""
        return self._pseudonyms.of("phone", phone_digits(text, self._calling_code))

    def mail(self, text: str) -> str:
        """The keyed hash of a mail address; large and small letters are one. Raises RefusedError."""
        if not _MAIL.fullmatch(text):
            raise RefusedError("bad_shape", "mail is no address")
        return self._pseudonyms.of("mail", text.casefold())

    def guest(self, order_id: str) -> str:
        """The pseudonym of a buyer of whom only the order is known."""
        return self._pseudonyms.of("guest", order_id)

    def masked(self, name: str, value: str) -> str:
        """A column's value as a dead letter may hold it."""
        return self._pseudonyms.of(name, value) if name in CONTACTS else value

    def _named(self, platform: str, raw_id: str, batch: Batch) -> str:
        known = self._known.get((platform, raw_id))
        if known is None:
            known = self._known[platform, raw_id] = self._pseudonyms.of(platform, raw_id)
            brand, at = self._recipe.brand_id, self._recipe.now
            batch.identities.append(
                MemberIdentity(member_id=known, brand_id=brand, platform=platform, raw_id=raw_id, at=at)
            )
        return known


def phone_digits(text: str, calling_code: str = "") -> str:
    """The digits of a phone number with its calling code; one without gets `calling_code`, if that is known.

    Raises RefusedError for what is no number, and for one digit over and over: a placeholder that all buyers share.
    """
    bare = re.sub(r"[\s().\-/‐-―]|\(0\)", "", text.replace("(0)", ""))
    digits = bare.removeprefix("+").removeprefix("00") if bare.startswith(("+", "00")) else bare
    if not re.fullmatch(rf"[0-9]{{{_LEAST_DIGITS},{_MOST_DIGITS}}}", digits) or len(set(digits)) == 1:
        raise RefusedError("bad_shape", "phone is no number")
    is_whole = digits.startswith(calling_code) and len(digits) - len(calling_code) >= _WHOLE_DIGITS
    if not calling_code or is_whole or digits != bare:
        return digits
    return calling_code + digits.removeprefix("0")
