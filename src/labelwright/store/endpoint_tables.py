"""Tables of endpoint configurations and endpoints."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata

__all__ = ["async_invocations", "endpoint_configs", "endpoints"]

endpoint_configs = sa.Table(
    "endpoint_configs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateEndpointConfig, without tags
    sa.Column("created_at", Time, nullable=False),
    sa.UniqueConstraint("region", "name_lower"),
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("status", sa.Text, nullable=False),  # see core.endpoint
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("failure_reason", sa.Text),
    sa.Column("n_deployments", sa.Integer, nullable=False),  # that were ever asked for; numbers the next one
    sa.Column("deployment", sa.Text),  # JSON of core.endpoint.Deployment: what serves
    sa.Column("pending", sa.Text),  # JSON: what is to serve
    sa.Column("deployment_config", sa.Text),  # JSON of the last DeploymentConfig
    sa.UniqueConstraint("region", "name_lower"),
    sa.CheckConstraint(
        "(status IN ('Creating', 'Updating')) = (pending IS NOT NULL)", name="pending_while_busy"
    ),
    sa.CheckConstraint(
        "status NOT IN ('InService', 'Updating') OR deployment IS NOT NULL", name="serving_has_deployment"
    ),
)

async_invocations = sa.Table(
    # Requests to answer later; a row goes when its answer, or why there is none, is in the object store.
    "async_invocations",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("endpoints.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),  # JSON, see store.async_invocations
    sa.Column("created_at", Time, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
    sa.Column("n_attempts", sa.Integer, nullable=False, server_default="0"),
)
