"""The people of a Slack workspace: pseudonym, role and name of each user id."""

import re
from collections.abc import Iterable

import msgspec

from streams.connectors.batches import Recipe
from streams.events import Role
from streams.identities import MemberIdentity
from streams.pseudonyms import Pseudonyms

SLACKBOT = "USLACKBOT"
_MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>")
MOST_MENTIONS = 32


class Profile(msgspec.Struct):
    """A user's names."""

    real_name: str | None = None
    display_name: str | None = None


class SlackUser(msgspec.Struct):
    """An entry of users.json."""

    id: str
    name: str = ""
    real_name: str | None = None
    is_bot: bool = False
    profile: Profile | None = None

    @property
    def shown_name(self) -> str:
        """The name that people know."""
        profile = self.profile or Profile()
        return profile.display_name or profile.real_name or self.real_name or self.name


class People:
    """Everybody, each found once. Names leave this class for `member-identities` only."""

    def __init__(self, recipe: Recipe, pseudonyms: Pseudonyms) -> None:
        self._recipe = recipe
        self._pseudonyms = pseudonyms
        self.prints = pseudonyms.prints
        self._users: dict[str, SlackUser] = {}
        self._members: dict[tuple[str, bool], tuple[str, Role]] = {}
        self._new: dict[str, str] = {}

    def add(self, users: Iterable[SlackUser]) -> None:
        """Learn of users.json."""
        self._users.update((user.id, user) for user in users)

    def member(self, raw_id: str, *, is_bot: bool = False) -> tuple[str, Role]:
        """Pseudonym and role of a user id, or of what a bot goes by."""
        known = self._members.get((raw_id, is_bot))
        if known is None:
            user = self._users.get(raw_id)
            member = self._pseudonyms.of(self._recipe.platform, raw_id)
            known = self._members[raw_id, is_bot] = (member, self._role(raw_id, user, is_bot=is_bot))
            self._new[raw_id] = user.shown_name if user else ""
        return known

    def mentioned(self, text: str) -> tuple[str, ...]:
        """The pseudonyms of those whom a text names, each once, the first `MOST_MENTIONS`."""
        if "<@" not in text:
            return ()
        named = dict.fromkeys(_MENTION.findall(text))
        return tuple(self._pseudonyms.of(self._recipe.platform, raw_id) for raw_id in [*named][:MOST_MENTIONS])

    def _role(self, raw_id: str, user: SlackUser | None, *, is_bot: bool) -> Role:
        called = {raw_id, user.name} if user else {raw_id}
        if is_bot or raw_id == SLACKBOT or (user and user.is_bot) or called & self._recipe.bots:
            return "bot"
        return "staff" if called & self._recipe.staff else "member"

    def take_new(self, at: int) -> list[MemberIdentity]:
        """The members met since the last call."""
        new, self._new = self._new, {}
        recipe = self._recipe
        return [
            MemberIdentity(
                member_id=self._pseudonyms.of(recipe.platform, raw_id),
                brand_id=recipe.brand_id,
                platform=recipe.platform,
                raw_id=raw_id,
                name=name,
                at=at,
            )
            for raw_id, name in new.items()
        ]
