"""Signing in: password, second factor, one-time link, and what is written down of each. Must not know HTTP or pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from chatbot.errors import BadInput, NotAllowed, NotSignedIn
from storage.audit import Actor
from storage.credentials import Secrets
from storage.opening import Store
from storage.people import User
from ui.staff.factors import recovery_hash, step_of
from ui.staff.passwords import Passwords, check_new, normal
from ui.staff.tries import Tries, account_key

WRONG = "The address or the password is wrong."
WRONG_CODE = "This code is wrong or was used before; take the next one that your app shows."
_CODE = re.compile(r"[\d\s-]{6,9}")


@dataclass(frozen=True)
class Started:
    """A session that began; `code` tells that it opens nothing before the second factor."""

    token: str
    user: User
    code: bool


@dataclass(frozen=True)
class SignIn:
    """Lives as long as the process."""

    store: Store
    passwords: Passwords = field(default_factory=Passwords)
    tries: Tries = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tries", Tries(self.store.tries))

    async def by_password(self, email: str, password: str, network: str | None, old: str | None = None) -> Started:
        """Raises Busy after too many tries, NotSignedIn for a wrong pair, whether or not the account exists."""
        account = account_key(email)
        self.tries.check(account, network)
        found = await self.store.credentials.by_email(email)
        attacked_until = await self.tries.attacked_until(account)
        if attacked_until is not None and not await self._comes_from(found, network):
            raise self.tries.wait(attacked_until)
        await self.tries.begin(account, network)
        stored = found.password_hash if found and not found.user.disabled else None
        if not await self.passwords.matches(password, stored) or found is None or stored is None:
            await self._refuse(account, network)
        await self.tries.succeeded(account, network)
        if self.passwords.is_dated(stored):
            fresh = await self.passwords.hash(normal(password))
            await self.store.credentials.rehash(found.user.id, stored, fresh)
        return await self.begin(found, network, old)

    async def begin(self, found: Secrets, network: str | None, old: str | None = None) -> Started:
        """A new session, with a new id, for whoever has proved to be that user by the first factor."""
        needs_code = found.totp_secret is not None
        token = await self.store.sessions.start(
            found.user.id, verified=not needs_code, actor=actor_of(found.user, network), instead_of=old
        )
        return Started(token, found.user, needs_code)

    async def by_code(self, token: str, code: str, network: str | None) -> Started:
        """The second factor: a code of the app, or a recovery code. Raises Busy, NotSignedIn."""
        user_id = await self.store.sessions.awaiting_code(token)
        found = None if user_id is None else await self.store.credentials.of(user_id)
        if found is None or found.totp_secret is None:
            raise NotSignedIn("The time for the code is over; sign in again with your password.")
        await self.tries.begin_code(found.user.id)
        who = actor_of(found.user, network)
        if not await self.takes_code(found, code, who):
            await self.store.audit.record(who, "session.wrong_code", f"user:{found.user.id}")
            raise BadInput(WRONG_CODE)
        await self.tries.code_succeeded(found.user.id)
        fresh = await self.store.sessions.start(found.user.id, verified=True, actor=who, instead_of=token)
        return Started(fresh, found.user, False)

    async def takes_code(self, found: Secrets, code: str, who: Actor) -> bool:
        """Uses a code up; each is good once."""
        if not _CODE.fullmatch(code.strip()):
            return await self.store.credentials.take_recovery(found.user.id, recovery_hash(code), who)
        step = step_of(found.totp_secret or "", code)
        return step is not None and await self.store.credentials.take_step(found.user.id, step)

    async def by_link(self, token: str, password: str, network: str | None, old: str | None = None) -> Started:
        """A chosen password, and signed in with it. Raises NotFound for a link that is spent, BadInput."""
        user = await self.store.links.look(token)
        if user is None:
            raise BadInput("This link makes the first admin: give an e-mail address and a name too.")
        wanted = await self.passwords.hash(check_new(password, user.email, user.name))
        user = await self.store.links.choose_password(token, wanted, network)
        return await self._begin_for(user, network, old)

    async def as_first_admin(self, token: str, person: tuple[str, str], password: str, network: str | None) -> Started:
        """person: e-mail address and name. Raises NotFound for a link that is spent, BadInput, Conflict."""
        email, name = person
        if await self.store.links.look(token) is not None:
            raise BadInput("This link is for a user who exists already; choose a password only.")
        wanted = await self.passwords.hash(check_new(password, email, name))
        return await self._begin_for(await self.store.links.become_admin(token, email, name, wanted), network, None)

    async def confirm(self, user: User, password: str, network: str | None) -> Secrets:
        """The password once more before something that matters, where there is one. Raises Busy, BadInput."""
        await self.tries.begin(account_key(user.email), network)
        found = await self.store.credentials.of(user.id)
        if found is None or (found.password_hash and not await self.passwords.matches(password, found.password_hash)):
            await self.tries.failed(account_key(user.email), network)
            raise BadInput("The present password is wrong.")
        await self.tries.succeeded(account_key(user.email), network)
        return found

    async def _begin_for(self, user: User, network: str | None, old: str | None) -> Started:
        found = await self.store.credentials.of(user.id)
        if found is None:
            raise NotAllowed("This account is gone.")
        return await self.begin(found, network, old)

    async def _comes_from(self, found: Secrets | None, network: str | None) -> bool:
        return found is not None and await self.store.sessions.knows_network(found.user.id, network)

    async def _refuse(self, account: str, network: str | None) -> NoReturn:
        await self.tries.failed(account, network)
        await self.store.audit.record(Actor(None, "nobody", network), "session.refused", f"account:{account}")
        raise NotSignedIn(WRONG)


def actor_of(user: User, network: str | None) -> Actor:
    return Actor(user.id, f"{user.id} {user.name}", network)
