"""Tables of what admins decide about models. Must not know queries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import RowId
from storage.tables import Rows


class VoteRow(Rows):
    """Which of two answers to one question was better. `first` and `second` are the contenders' names in alphabetical order,
    `winner` is one of them, "both" or "neither". `question` is masked. `blind`: the voter did not know which was whose."""

    __tablename__ = "votes"
    __table_args__ = (CheckConstraint("first < second", name="ordered"), Index(None, "first", "second"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("users.id", ondelete="SET NULL"))
    question: Mapped[str]
    language: Mapped[str] = mapped_column(String(16))
    first: Mapped[str] = mapped_column(String(80))
    second: Mapped[str] = mapped_column(String(80))
    winner: Mapped[str] = mapped_column(String(80))
    blind: Mapped[bool]
