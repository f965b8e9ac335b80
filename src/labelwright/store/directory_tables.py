"""Tables about people: user pools, clients, groups, users, sessions, workforces, work teams; tags and UIs."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata

__all__ = [
    "group_members",
    "human_task_uis",
    "sessions",
    "tags",
    "throttles",
    "user_groups",
    "user_pool_clients",
    "user_pool_domains",
    "user_pools",
    "users",
    "workforces",
    "workteams",
]

user_pools = sa.Table(
    "user_pools",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # us-east-1_Ab12Cd34E
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),  # JSON: the members of UserPoolType that callers may set
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

user_pool_clients = sa.Table(
    "user_pool_clients",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("pool_id", sa.ForeignKey("user_pools.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret", sa.Text),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

user_pool_domains = sa.Table(
    "user_pool_domains",
    metadata,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column("pool_id", sa.ForeignKey("user_pools.id", ondelete="CASCADE"), nullable=False, index=True),
)

user_groups = sa.Table(
    "user_groups",
    metadata,
    sa.Column("pool_id", sa.ForeignKey("user_pools.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("precedence", sa.Integer),
    sa.Column("role_arn", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the sub, a UUID
    sa.Column("pool_id", sa.ForeignKey("user_pools.id", ondelete="CASCADE"), nullable=False),
    sa.Column("username", sa.Text, nullable=False),  # compared with case, as e-mail addresses are
    sa.Column("worker_code", sa.Text, nullable=False, unique=True),  # 16 hex digits, the tail of workerId
    sa.Column("email", sa.Text, nullable=False, server_default=""),
    sa.Column("attributes", sa.Text, nullable=False),  # JSON object of the other attributes
    sa.Column("password_hash", sa.Text),  # argon2id
    sa.Column("status", sa.Text, nullable=False),  # FORCE_CHANGE_PASSWORD, CONFIRMED, ...
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("temporary_until", Time),  # end of the temporary password's validity
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.UniqueConstraint("pool_id", "username"),
    sa.Index("ix_users_username", "username"),
)

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("pool_id", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.ForeignKeyConstraint(
        ["pool_id", "group_name"], ["user_groups.pool_id", "user_groups.name"], ondelete="CASCADE"
    ),
    sa.Index("ix_group_members_user_id", "user_id"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_sha256", sa.Text, primary_key=True),  # the cookie's value itself is never stored
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
)

throttles = sa.Table(
    "throttles",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # "user:<name>" or "ip:<address>"
    sa.Column("n_failures", sa.Integer, nullable=False),
    sa.Column("blocked_until", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

workforces = sa.Table(
    "workforces",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),  # one private workforce per account and region
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column(
        "kind", sa.Text, sa.CheckConstraint("kind IN ('Cognito', 'Oidc')", name="kind"), nullable=False
    ),
    sa.Column("config", sa.Text, nullable=False),  # JSON: CognitoConfig, or OidcConfig with its secret sealed
    sa.Column("settings", sa.Text, nullable=False),  # JSON: SourceIpConfig, WorkforceVpcConfig, IpAddressType
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

workteams = sa.Table(
    "workteams",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("workforce_arn", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("member_definitions", sa.Text, nullable=False),  # JSON list
    sa.Column("settings", sa.Text, nullable=False),  # JSON: Notification- and WorkerAccessConfiguration
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
)

workteam_groups = sa.Table(
    # Which user groups a team consists of, flat, so that "the teams of this worker" is one indexed join.
    "workteam_groups",
    metadata,
    sa.Column("workteam_arn", sa.ForeignKey("workteams.arn", ondelete="CASCADE"), primary_key=True),
    sa.Column("pool_id", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, primary_key=True),
    sa.Index("ix_workteam_groups_group", "pool_id", "group_name"),
)
__all__.append("workteam_groups")

tags = sa.Table(
    "tags",
    metadata,
    sa.Column("arn", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # listed in the order in which they were added
)

human_task_uis = sa.Table(
    "human_task_uis",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
)
