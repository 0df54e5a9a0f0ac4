"""The ledger's tables, for SQLite and PostgreSQL alike."""

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("project", String(64), nullable=False, index=True),
    Column("flow", String(16), nullable=False),
    Column("now", DateTime, nullable=False),
    Column("spec", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("trigger", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
    Column("outcome", JSON),
)

STAGES = Table(
    "stages",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("output", JSON, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("ended_at", DateTime, nullable=False),
)

PROMOTIONS = Table(
    "promotions",
    METADATA,
    Column("project", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("action", String(16), nullable=False),
    Column("version", String(16), nullable=False),
    Column("champion", String(16)),
    Column("run_id", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("project", "run_id", "action", name="one_verdict_per_run"),
)

BATCHES = Table(
    "batches",
    METADATA,
    Column("batch_id", String(32), primary_key=True),
    Column("project", String(64), nullable=False, index=True),
    Column("version", String(16), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("path", Text, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("first_cutoff", DateTime),
    Column("last_cutoff", DateTime),
    Column("due_until", DateTime),
    Column("scored_at", DateTime, nullable=False),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("decision_id", String(32), primary_key=True),
    Column("project", String(64), nullable=False, index=True),
    Column("version", String(16), nullable=False),
    Column("window_start", DateTime, nullable=False),
    Column("window_end", DateTime, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("decided_at", DateTime, nullable=False),
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("idempotency_key", String(64), primary_key=True),
    Column("project", String(64), nullable=False, index=True),
    Column("decision_id", String(32), nullable=False),
    Column("deployment", String(128), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("written_at", DateTime, nullable=False),
    Column("sent_at", DateTime),
    Column("receipt", Text),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("project", String(64), primary_key=True),
    Column("flow", String(16), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("expires_at", DateTime, nullable=False),
)
