"""The tables of who works here: teams, users, one-time links, sessions, and the audit log. Must not know conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import RowId
from storage.tables import Rows


class TeamRow(Rows):
    """A team of agents. `languages` (ISO 639-1) are those whose hand-overs it gets first; none: any."""

    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    languages: Mapped[list[str]]
    created_at: Mapped[datetime]


class UserRow(Rows):
    """An agent or an admin. No password: the one-time link has not been used yet. The e-mail address is kept lower-case.

    A second factor is on when `totp_secret` (base32) is set; `totp_last_step` is the last period whose code was taken, so that
    none is taken twice. `recovery` holds the hashes of the codes that stand in for a lost phone, once each.
    """

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('agent', 'admin')", name="role"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(10))
    team_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("teams.id", ondelete="SET NULL"))
    password_hash: Mapped[str | None]
    totp_secret: Mapped[str | None]
    totp_last_step: Mapped[int | None]
    recovery: Mapped[list[str]] = mapped_column(default=list)
    oidc_subject: Mapped[str | None] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class LinkRow(Rows):
    """A one-time link to choose a password; only the hash of its token is kept. No user: whoever opens it becomes the first
    admin."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class StaffSessionRow(Rows):
    """A signed-in browser; only the hash of its cookie is kept. It counts as signed in once `verified_at` is set, which for an
    admin with a second factor is after the code."""

    __tablename__ = "staff_sessions"
    __table_args__ = (Index(None, "user_id"),)

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(RowId, ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
    network: Mapped[str | None]


class TryRow(Rows):
    """A try to sign in that counts against guessing (`storage.tries`); `key` is a hash of what is tried and from where."""

    __tablename__ = "sign_in_tries"
    __table_args__ = (Index(None, "key", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]


class AuditRow(Rows):
    """Who did what to which thing, when. Rows are only ever added: the database itself refuses changes (`storage.audit`).

    `actor` is the user's id and name as they were ("7 Ann Lee"), or "command" for a script. `detail` holds ids, counts and
    settings, never what customers wrote.
    """

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"), Index(None, "target", "at"), Index(None, "user_id", "id"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(RowId)
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str | None] = mapped_column(String(220))
    detail: Mapped[dict[str, Any]]
    network: Mapped[str | None]
