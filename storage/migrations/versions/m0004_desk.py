"""People and the agents' desk: users, sessions, audit; hand-overs, canned answers; verdicts, corrections; erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant, RowId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NEW_KEYS = (
    ("conversations", "team_id", "teams"),
    ("conversations", "user_id", "users"),
    ("messages", "user_id", "users"),
)
_INDEXES = (
    ("conversations", "created_at"),
    ("conversations", "language", "updated_at"),
    ("conversations", "rating", "updated_at"),
    ("replies", "reason", "message_id"),
    ("replies", "mode", "message_id"),
    ("replies", "confidence"),
    ("replies", "agreement"),
    ("feedback", "thumb", "message_id"),
    ("handovers", "user_id"),
    ("verdicts", "user_id", "created_at"),
)
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    ),
}


def upgrade() -> None:
    """Runs in the caller's transaction."""
    _create_people()
    _create_desk()
    _create_review()
    _create_labels()
    _create_gaps()
    _widen()
    _create_indexes()
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


def _widen() -> None:
    """Columns with a key are added in plain SQL: Alembic would copy the table on SQLite and lose its triggers."""
    number = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for table, column, target in _NEW_KEYS:
        name = f"fk_{table}_{column}_{target}"
        key = f"CONSTRAINT {name} REFERENCES {target} (id) ON DELETE SET NULL"
        op.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {column} {number} {key}"))
    op.add_column("conversations", sa.Column("contact", sa.String(length=254), nullable=True))
    op.add_column("conversations", sa.Column("mood", sa.Double(), nullable=True))
    op.add_column("conversations", sa.Column("closed_at", Instant(), nullable=True))
    op.add_column("replies", sa.Column("asked", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_conversations_updated_at_conversations_id"), "conversations", ["updated_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_conversations_user_id_conversations_status"), "conversations", ["user_id", "status"], unique=False
    )


def _create_indexes() -> None:
    """What the archive and the review queue look things up by, on tables that there were already."""
    for table, *columns in _INDEXES:
        name = "ix_" + "_".join(f"{table}_{column}" for column in columns)
        op.create_index(op.f(name), table, columns, unique=False)


def _create_people() -> None:
    op.create_table(
        "audit",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target", sa.String(length=220), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index(op.f("ix_audit_target_audit_at"), "audit", ["target", "at"], unique=False)
    op.create_index(op.f("ix_audit_user_id_audit_id"), "audit", ["user_id", "id"], unique=False)
    op.create_table(
        "teams",
        sa.Column("id", RowId, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
    )
    op.create_table(
        "users",
        sa.Column("id", RowId, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("team_id", RowId, nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("recovery", sa.JSON(), nullable=False),
        sa.Column("oidc_subject", sa.String(length=255), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.CheckConstraint("role IN ('agent', 'admin')", name=op.f("ck_users_role")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_users_team_id_teams"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_users_oidc_subject")),
    )
    op.create_table(
        "one_time_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_links")),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", RowId, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_staff_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_sessions")),
    )
    op.create_index(op.f("ix_staff_sessions_user_id"), "staff_sessions", ["user_id"], unique=False)
    op.create_table(
        "sign_in_tries",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_tries")),
    )
    op.create_index(op.f("ix_sign_in_tries_key_sign_in_tries_at"), "sign_in_tries", ["key", "at"], unique=False)
    op.create_index(op.f("ix_sign_in_tries_at"), "sign_in_tries", ["at"], unique=False)


def _create_desk() -> None:
    op.create_table(
        "canned_answers",
        sa.Column("id", RowId, nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("shortcut", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("team_id", RowId, nullable=True),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_canned_answers_team_id_teams"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_canned_answers_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_answers")),
        sa.UniqueConstraint("place", name=op.f("uq_canned_answers_place")),
    )
    op.create_index(
        op.f("ix_canned_answers_team_id_canned_answers_shortcut"),
        "canned_answers",
        ["team_id", "shortcut"],
        unique=False,
    )
    op.create_table(
        "copilot_uses",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("passages", sa.JSON(), nullable=False),
        sa.Column("draft", sa.String(length=12), nullable=True),
        sa.Column("inserted", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_copilot_uses_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_copilot_uses")),
    )
    op.create_table(
        "conversation_tags",
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_tags_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "tag", name=op.f("pk_conversation_tags")),
    )
    op.create_index(op.f("ix_conversation_tags_tag"), "conversation_tags", ["tag"], unique=False)
    op.create_table(
        "handovers",
        sa.Column("id", RowId, nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended", sa.String(length=20), nullable=True),
        sa.Column("contact", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_handovers_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_handovers_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index(op.f("ix_handovers_asked_at"), "handovers", ["asked_at"], unique=False)
    op.create_index(op.f("ix_handovers_conversation_id"), "handovers", ["conversation_id"], unique=False)


def _create_review() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("message_id", RowId, nullable=True),
        sa.Column("conversation_id", sa.String(length=200), nullable=True),
        sa.Column("passage_id", sa.String(length=200), nullable=False),
        sa.Column("replaced", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('correction', 'edit', 'gap')", name=op.f("ck_corrections_kind")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_corrections_conversation_id_conversations"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_corrections_message_id_messages"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_corrections_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_conversation_id"), "corrections", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_corrections_message_id"), "corrections", ["message_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("why_shown", sa.String(length=20), nullable=True),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("verdict IN ('right', 'wrong', 'harmless')", name=op.f("ck_verdicts_verdict")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_verdicts_message_id_messages"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_verdicts_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "retirements",
        sa.Column("id", RowId, nullable=False),
        sa.Column("passage_id", sa.String(length=200), nullable=False),
        sa.Column("correction_id", RowId, nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.id"],
            name=op.f("fk_retirements_correction_id_corrections"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_retirements_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retirements")),
    )
    op.create_index(op.f("ix_retirements_at"), "retirements", ["at"], unique=False)
    op.create_index(op.f("ix_retirements_correction_id"), "retirements", ["correction_id"], unique=False)
    op.create_index(op.f("ix_retirements_passage_id"), "retirements", ["passage_id"], unique=False)
    state = op.create_table(
        "knowledge_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_state")),
    )
    op.bulk_insert(state, [{"id": 1, "version": 0}])
    op.create_table(
        "regression_cases",
        sa.Column("correction_id", RowId, autoincrement=False, nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("wrong", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.id"],
            name=op.f("fk_regression_cases_correction_id_corrections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_regression_cases")),
    )


def _create_gaps() -> None:
    op.create_table(
        "gap_decisions",
        sa.Column("id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("correction_id", RowId, nullable=True),
        sa.Column("user_id", RowId, nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('answered', 'dismissed')", name=op.f("ck_gap_decisions_kind")),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.id"],
            name=op.f("fk_gap_decisions_correction_id_corrections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_gap_decisions_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_decisions")),
    )
    op.create_index(op.f("ix_gap_decisions_correction_id"), "gap_decisions", ["correction_id"], unique=False)
    op.create_table(
        "gap_questions",
        sa.Column("message_id", RowId, autoincrement=False, nullable=False),
        sa.Column("decision_id", RowId, nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["gap_decisions.id"],
            name=op.f("fk_gap_questions_decision_id_gap_decisions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_gap_questions_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_gap_questions")),
    )
    op.create_index(op.f("ix_gap_questions_decision_id"), "gap_questions", ["decision_id"], unique=False)


def _create_labels() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", RowId, nullable=False),
        sa.Column("receipt", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("receipt", name=op.f("uq_erasures_receipt")),
    )
    op.create_table(
        "confidence_labels",
        sa.Column("id", RowId, nullable=False),
        sa.Column("message_id", RowId, nullable=True),
        sa.Column("correction_id", RowId, nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("right", sa.Boolean(), nullable=False),
        sa.Column("uniform", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.id"],
            name=op.f("fk_confidence_labels_correction_id_corrections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_confidence_labels_message_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confidence_labels")),
    )
    op.create_index(op.f("ix_confidence_labels_message_id"), "confidence_labels", ["message_id"], unique=False)
    op.create_table(
        "edit_pairs",
        sa.Column("correction_id", RowId, autoincrement=False, nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("rejected", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.id"],
            name=op.f("fk_edit_pairs_correction_id_corrections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_edit_pairs")),
    )
