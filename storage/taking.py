"""What agents write: take over, say, note, give back, transfer, close, tag; functions of a connection. Must not know routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from chatbot.errors import BadInput, Conflict
from chatbot.types import Message, Role, Status
from storage import handovers
from storage.audit import Actor, record
from storage.desk_tables import TagRow
from storage.numbering import Said, append, new_token
from storage.people import User
from storage.people_tables import TeamRow, UserRow
from storage.tables import ConversationRow
from storage.upserts import insert_into
from storage.views import find_message
from storage.visibility import out_of_sight, seen_by

Line = Callable[[str | None], str]
"""A sentence to the customer, in the conversation's language."""
_LONGEST_TAG = 60
_conversations = ConversationRow.__table__


@dataclass(frozen=True, slots=True)
class Hand:
    """Who of the team acts on which conversation. `token`, the client's own id where there is one, makes a second run of the
    same write change nothing."""

    user: User
    actor: Actor
    conversation_id: str
    token: str = field(default_factory=lambda: new_token("desk"))

    @property
    def name(self) -> str:
        """As customers see it."""
        return shown_name(self.user.name)


def shown_name(name: str) -> str:
    """The first name; customers need no other."""
    return name.strip().partition(" ")[0] or name


def take(connection: Connection, hand: Hand, line: Line) -> None:
    """Compare-and-set from waiting or bot: of two who take, one wins; the other's Conflict names the winner. What is in the
    own hands already stays so."""
    now = datetime.now(UTC)
    row = connection.execute(
        update(ConversationRow)
        .where(
            ConversationRow.id == hand.conversation_id,
            ConversationRow.status.in_([Status.WAITING.value, Status.BOT.value]),
            seen_by(hand.user),
        )
        .values(status=Status.HUMAN.value, user_id=hand.user.id, agent=hand.name, waiting_since=None, updated_at=now)
        .returning(ConversationRow.language)
    ).one_or_none()
    if row is None:
        held = _locked(connection, hand)
        if _is_own(held, hand.user):
            return
        raise Conflict(why_not(held))
    append(connection, hand.conversation_id, Said(Role.SYSTEM, line(row.language), hand.token))
    handovers.taken(connection, hand.conversation_id, hand.user.id, now)
    _trace(connection, hand, "take")


def say(connection: Connection, hand: Hand, text: str) -> tuple[Message, bool]:
    """An agent's message and whether it is new; `hand.token` is the client's id. Raises Conflict when the conversation is not
    in the agent's hands, or the id stands for another text."""
    return _write(connection, hand, Role.AGENT, text)


def note(connection: Connection, hand: Hand, text: str) -> tuple[Message, bool]:
    """An internal note, in a conversation of any status. The same id and text again is the same note."""
    return _write(connection, hand, Role.NOTE, text)


def give_back(connection: Connection, hand: Hand, line: Line) -> None:
    """The bot owns it again. Raises Conflict unless it waits, or is in the own hands (an admin may for others)."""
    held = _movable(connection, hand)
    if held is None:
        return
    values = {"status": Status.BOT.value, "agent": None, "user_id": None, "handover_reason": None}
    _move(connection, hand, values, line(held.language))
    handovers.ended(connection, hand.conversation_id, "bot", datetime.now(UTC))
    _trace(connection, hand, "return")


def close(connection: Connection, hand: Hand, line: Line) -> None:
    """Raises Conflict unless it waits, or is in the own hands (an admin may for others)."""
    held = _movable(connection, hand)
    if held is None:
        return
    now = datetime.now(UTC)
    _move(connection, hand, {"status": Status.CLOSED.value, "closed_at": now}, line(held.language))
    handovers.ended(connection, hand.conversation_id, "closed", now)
    _trace(connection, hand, "close")


def transfer_to_user(connection: Connection, hand: Hand, user_id: int, joined: Callable[[str], Line], why: str) -> None:
    """It is in a colleague's hands from now on. joined: the line for the colleague's name. Raises BadInput, Conflict."""
    row = connection.execute(
        select(UserRow.id, UserRow.name).where(UserRow.id == user_id, UserRow.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        raise BadInput("There is no such colleague, or the account is disabled; choose another.")
    held = _movable(connection, hand)
    if held is None:
        return
    now, name = datetime.now(UTC), shown_name(row.name)
    _tell_team(connection, hand, f"Transferred to {row.name}", why)
    _move(
        connection, hand, {"status": Status.HUMAN.value, "user_id": row.id, "agent": name}, joined(name)(held.language)
    )
    if not _waits(held):
        handovers.ended(connection, hand.conversation_id, handovers.TRANSFERRED, now)
    handovers.taken(connection, hand.conversation_id, row.id, now, handovers.TRANSFERRED)
    _trace(connection, hand, "transfer", {"to_user": row.id})


def transfer_to_team(connection: Connection, hand: Hand, team_id: int, line: Line, why: str) -> None:
    """It waits for somebody of that team. One that waits already keeps its place in the line, its reason and its stay: the
    customer's wait is one, whichever team it was for. Raises BadInput, Conflict."""
    row = connection.execute(select(TeamRow.id, TeamRow.name).where(TeamRow.id == team_id)).one_or_none()
    if row is None:
        raise BadInput("There is no such team; choose another.")
    held = _movable(connection, hand)
    if held is None:
        return
    now = datetime.now(UTC)
    _tell_team(connection, hand, f"Transferred to the team {row.name}", why)
    values = {"status": Status.WAITING.value, "user_id": None, "agent": None, "team_id": row.id}
    if _waits(held):
        _move(connection, hand, values | {"waiting_since": held.waiting_since or now}, line(held.language))
    else:
        begins = {"waiting_since": now, "handover_reason": handovers.TRANSFERRED}
        _move(connection, hand, values | begins, line(held.language))
        handovers.ended(connection, hand.conversation_id, handovers.TRANSFERRED, now)
    handovers.asked(connection, hand.conversation_id, handovers.TRANSFERRED, now)
    _trace(connection, hand, "transfer", {"to_team": row.id})


def tag(connection: Connection, hand: Hand, name: str, *, remove: bool = False) -> None:
    """Adds or removes a tag, lower-case; doing it again changes nothing. The audit log does not say which: a tag's words may be
    a customer's name, and the log cannot be erased. Raises BadInput, NotFound."""
    name = " ".join(name.lower().split())
    if not 1 <= len(name) <= _LONGEST_TAG:
        raise BadInput(f"A tag has 1 to {_LONGEST_TAG} characters.")
    _locked(connection, hand)
    if remove:
        own = (TagRow.conversation_id == hand.conversation_id, TagRow.tag == name)
        connection.execute(delete(TagRow).where(*own))
    else:
        values = {"conversation_id": hand.conversation_id, "tag": name}
        connection.execute(insert_into(connection, TagRow).values(values).on_conflict_do_nothing())
    _trace(connection, hand, "untag" if remove else "tag")


def why_not(row: Row[Any]) -> str:
    """Why an agent cannot act on a conversation that somebody else, or nobody, has."""
    if row.status == Status.HUMAN.value:
        return f"{row.agent} has this conversation now."
    return {
        Status.CLOSED.value: "This conversation is closed by now.",
        Status.WAITING.value: "This conversation is waiting for somebody; take it over first.",
        Status.BOT.value: "The assistant has this conversation; take it over first.",
    }[row.status]


def stored_id(role: Role, user: User, token: str) -> str:
    """The client message id under which what a user wrote is stored: two users' tokens never meet."""
    return f"{role.value}:{user.id}:{token}"


def _write(connection: Connection, hand: Hand, role: Role, text: str) -> tuple[Message, bool]:
    held, key = _locked(connection, hand), stored_id(role, hand.user, hand.token)
    if first := find_message(connection, hand.conversation_id, key):
        if first.text != text:
            raise Conflict("This message id was used for another text; send it with a new id.")
        return first, False
    if role is Role.AGENT and not _is_own(held, hand.user):
        raise Conflict(why_not(held))
    author = hand.name if role is Role.AGENT else hand.user.name
    added = append(connection, hand.conversation_id, Said(role, text, key, author, hand.user.id))
    assert added is not None  # the row is locked and no such id is there
    return added, True


def _movable(connection: Connection, hand: Hand) -> Row[Any] | None:
    """The conversation, locked, if the user may move it; None when this very write was done before."""
    held = _locked(connection, hand)
    if find_message(connection, hand.conversation_id, hand.token) is not None:
        return None
    in_reach = _is_own(held, hand.user) or _waits(held)
    if not in_reach and not (hand.user.is_admin and held.status == Status.HUMAN.value):
        raise Conflict(why_not(held))
    return held


def _move(connection: Connection, hand: Hand, values: dict[str, Any], line: str) -> None:
    values = {"waiting_since": None, "updated_at": datetime.now(UTC)} | values
    connection.execute(update(ConversationRow).where(ConversationRow.id == hand.conversation_id).values(values))
    append(connection, hand.conversation_id, Said(Role.SYSTEM, line, hand.token))


def _tell_team(connection: Connection, hand: Hand, what: str, why: str) -> None:
    text = f"{what}: {why}" if why else f"{what}."
    said = Said(Role.NOTE, text, f"{hand.token}:note", hand.user.name, hand.user.id)
    append(connection, hand.conversation_id, said)


def _locked(connection: Connection, hand: Hand) -> Row[Any]:
    row: Row[Any] | None = connection.execute(
        select(_conversations).where(ConversationRow.id == hand.conversation_id, seen_by(hand.user)).with_for_update()
    ).one_or_none()
    if row is None:
        raise out_of_sight()
    return row


def _waits(row: Row[Any]) -> bool:
    return bool(row.status == Status.WAITING.value)


def _is_own(row: Row[Any], user: User) -> bool:
    return bool(row.status == Status.HUMAN.value and row.user_id == user.id)


def _trace(connection: Connection, hand: Hand, verb: str, detail: dict[str, Any] | None = None) -> None:
    record(connection, hand.actor, f"conversation.{verb}", f"conversation:{hand.conversation_id}", detail or {})
