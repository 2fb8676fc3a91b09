"""Which shop's customers the members of groups are, from a CSV file, to the topic `member-touches`.

Columns (found by these names or their aliases, or named by `--column` or a file of `--mapping`): `member_id`, one or
more of `customer_id`, `phone`, `mail`, and optionally `platform` (else `--platform`) and `linked_at` (else now). A
member is one customer of each kind. Phone numbers and mail addresses leave this process only as keyed hashes, also in
dead letters.

A member whom a file gives to two customers stays the first one's, and the second row is refused; so it is between
files, where the agent refuses it and the view `identity_links` shows it. `--unlink` ends the links of the file, also of
one that was just imported; to link it once more is what `--again` is for.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from streams.connectors.batches import Batch, Recipe
from streams.connectors.csv_rows import CsvReader, Form, Values, checked, id_in, time_of
from streams.edge import RefusedError
from streams.events import Event, IdentityLinked, IdentityUnlinked
from streams.pseudonyms import Pseudonyms

ALIASES: dict[str, tuple[str, ...]] = {
    "member_id": ("member_id", "member", "member id", "成员id", "openid", "external_userid"),
    "platform": ("platform", "平台"),
    "customer_id": ("customer_id", "customer", "customer id", "客户id", "用户id", "买家id"),
    "phone": ("phone", "mobile", "手机", "手机号", "电话"),
    "mail": ("mail", "email", "e-mail", "邮箱"),
    "linked_at": ("linked_at", "linked at", "绑定时间"),
}
_KINDS = ("customer_id", "phone", "mail")


class IdentitiesReader(CsvReader):
    """A row says one link for each kind of customer that it names."""

    kind = "identities"
    aliases = ALIASES

    def __init__(
        self, paths: Sequence[Path], recipe: Recipe, form: Form, pseudonyms: Pseudonyms, *, is_ending: bool = False
    ) -> None:
        super().__init__(paths, recipe, form, pseudonyms)
        self._event = IdentityUnlinked if is_ending else IdentityLinked
        if is_ending:
            self.kind = "identities ended"
        self._links: dict[tuple[str, str], str] = {}

    def missing(self, columns: Mapping[str, int]) -> list[str]:
        """As CsvReader says."""
        needed = ["member_id"] + ([] if columns.keys() & set(_KINDS) else ["customer_id"])
        return [name for name in needed if name not in columns]

    def events(self, values: Values, batch: Batch) -> list[Event]:
        """The links of a row, or their ends. Raises RefusedError."""
        recipe = self._recipe
        at = time_of(values["linked_at"], recipe.zone, "linked_at") if values.get("linked_at") else recipe.now
        if at > recipe.latest:
            raise RefusedError("from_the_future", "linked_at is over 10 minutes ahead of now")
        platform = values.get("platform") or self.form.chat_platform
        member = self.buyers.member(id_in(values, "member_id"), platform, batch)
        links = dict(self._customers(values, batch))
        if not links:
            raise RefusedError("bad_shape", "neither customer_id nor phone nor mail says which customer it is")
        for known_by, customer in links.items():
            if self._links.get((member, known_by), customer) != customer:
                raise RefusedError("bad_shape", f"the member is another customer's by an earlier row ({known_by})")
        self._links |= {(member, known_by): customer for known_by, customer in links.items()}
        common = {
            "occurred_at": at,
            "brand_id": recipe.brand_id,
            "platform": platform or "unknown",
            "source": recipe.source,
            "member_id": member,
        }
        word = "unlink" if self._event is IdentityUnlinked else "link"
        return [
            checked(
                common
                | {
                    "event_id": f"{recipe.brand_id}/{word}/{known_by}/{member}/{customer}",
                    "customer_id": customer,
                    "known_by": known_by,
                },
                self._event,
            )
            for known_by, customer in links.items()
        ]

    def _customers(self, values: Values, batch: Batch) -> Iterator[tuple[str, str]]:
        if values.get("customer_id"):
            yield "customer", self.buyers.customer(id_in(values, "customer_id"), batch)
        if values.get("phone"):
            yield "phone", self.buyers.phone(values["phone"])
        if values.get("mail"):
            yield "mail", self.buyers.mail(values["mail"])
