"""AddTags, ListTags, DeleteTags for everything that has an ARN of ours.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html and its neighbours.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads, writes
from labelwright.api.paging import page_of
from labelwright.store import tags as store

__all__: list[str] = []


@writes("sagemaker", "AddTags")
def add_tags(
    context: RequestContext, connection: Connection, *, resource_arn: str, tags: list[dict[str, str]]
) -> dict[str, Any]:
    """Set tags and answer all tags of the resource."""
    arn = store.require_resource(connection, resource_arn)
    return {"Tags": store.add_tags(connection, arn, tags)}


@reads("sagemaker", "ListTags")
def list_tags(
    context: RequestContext,
    connection: Connection,
    *,
    resource_arn: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """The tags of a resource in the order in which they were added."""
    arn = store.require_resource(connection, resource_arn)
    numbered = list(enumerate(store.list_tags(connection, arn)))
    page = page_of(
        context,
        numbered,
        key=lambda pair: (pair[0],),
        next_token=next_token,
        max_results=max_results,
        default=store.MAX_TAGS,
    )
    return {"Tags": [tag for _, tag in page.items], "NextToken": page.next_token}


@writes("sagemaker", "DeleteTags")
def delete_tags(
    context: RequestContext, connection: Connection, *, resource_arn: str, tag_keys: list[str]
) -> None:
    """Remove tags by key; keys that are not there are ignored."""
    arn = store.require_resource(connection, resource_arn)
    store.delete_tags(connection, arn, tag_keys)
