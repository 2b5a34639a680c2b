"""What text and numbers the store accepts, before anything reaches a database; must not know SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime

from chatbot.errors import BadInput, NotFound
from chatbot.types import Reply

MAX_KEY_CHARS = 200
FIRST_YEAR, LAST_YEAR = 2000, 2100  # far from the calendar's ends, where zones and days before or after are no dates


def check_text(text: str, what: str) -> str:
    """Returns `text`; raises BadInput for NUL (PostgreSQL cannot hold it) and for lone surrogates (not UTF-8)."""
    if "\x00" in text:
        raise BadInput(f"The {what} holds a NUL character; remove it and send it again. Nothing was saved.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise BadInput(
            f"The {what} holds half a character (a lone surrogate) at position {exc.start}; "
            "send it again as proper Unicode. Nothing was saved."
        ) from exc
    return text


def check_key(key: str, what: str) -> str:
    """Returns a client's or a source's own id; raises BadInput unless it is 1 to MAX_KEY_CHARS proper characters."""
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        raise BadInput(f"The {what} must have 1 to {MAX_KEY_CHARS} characters and has {len(key)}. Nothing was saved.")
    return check_text(key, what)


def check_id(conversation_id: str) -> str:
    """Returns an id that a database can be asked for; raises NotFound for one that cannot exist."""
    try:
        return check_key(conversation_id, "conversation's id")
    except BadInput as exc:
        raise no_conversation() from exc


def check_values(value: object, what: str) -> None:
    """Checks every text in a value that goes to the database, JSON included. Raises BadInput."""
    if isinstance(value, str):
        check_text(value, what)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            check_values(key, what)
            check_values(inner, what)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_values(inner, what)


def check_reply(reply: Reply) -> Reply:
    """Checks every text of a reply, its sources and its provenance. Raises BadInput."""
    check_values(asdict(reply), "reply")
    return reply


def check_thumb(thumb: int) -> int:
    """+1 or -1; raises BadInput."""
    if thumb not in {1, -1}:
        raise BadInput(f"A thumb is +1 or -1, not {thumb}. Nothing was saved.")
    return thumb


def check_stars(stars: int) -> int:
    """1 to 5; raises BadInput."""
    if not 1 <= stars <= 5:
        raise BadInput(f"A rating is 1 to 5 stars, not {stars}. Nothing was saved.")
    return stars


def no_conversation() -> NotFound:
    """The one error for a conversation that does not exist and for another owner's: the two are never told apart."""
    return NotFound("There is no such conversation here; start a new one.")


def check_year(moment: date, what: str) -> None:
    """Raises BadInput for a day or moment that nobody can mean, before anything is reckoned from it."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadInput(
            f"The date in '{what}' lies in the year {moment.year}; choose one from {FIRST_YEAR} to {LAST_YEAR}."
        )


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken as UTC. Raises BadInput beyond the years 1 to 9999."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as exc:
        raise BadInput(f"The time {moment.isoformat()} lies beyond the calendar in UTC; correct it.") from exc
