"""Functions: versions, aliases and policies."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.config import ACCOUNT_ID
from labelwright.errors import InvalidRequest, LimitExceeded, NameInUse, NotFound, RevisionChanged
from labelwright.store.function_tables import function_aliases, function_policies, functions
from labelwright.store.tags import delete_all_tags

__all__ = [
    "CODE_BYTES_MAX",
    "LATEST",
    "AliasRow",
    "FunctionRow",
    "add_statement",
    "check_revision",
    "create",
    "create_alias",
    "delete",
    "delete_alias",
    "function_arn",
    "get_alias",
    "is_code_used",
    "list_aliases",
    "list_functions",
    "list_versions",
    "publish",
    "remove_statement",
    "resolve",
    "statements",
    "update",
    "update_alias",
]

LATEST = "$LATEST"
CODE_BYTES_MAX = 10 << 30
"""All code together, each version counted."""

_f, _a, _p = functions, function_aliases, function_policies


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionRow:
    """One version of a function. ``settings`` are the given members of ``FunctionConfiguration``."""

    region: str
    name: str
    version: str
    code_sha256: str
    code_bytes: int
    revision_id: str
    settings: Mapping[str, Any] = dataclasses.field(repr=False)
    modified_at: float
    n_versions: int = 0

    @property
    def arn(self) -> str:
        """The function's ARN without a qualifier."""
        return function_arn(self.region, self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class AliasRow:
    """A name for a version."""

    region: str
    name: str
    alias: str
    version: str
    description: str
    revision_id: str


def function_arn(region: str, name: str) -> str:
    """``arn:aws:lambda:<region>:<account>:function:<name>``."""
    return f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"


def _row(row: Any) -> FunctionRow:
    return FunctionRow(**{**row._mapping, "settings": orjson.loads(row.settings)})


def _find(connection: Connection, region: str, name: str, version: str) -> FunctionRow | None:
    query = sa.select(_f).where(_f.c.region == region, _f.c.name == name, _f.c.version == version)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def resolve(connection: Connection, region: str, name: str, qualifier: str | None = None) -> FunctionRow:
    """The version that a qualifier (none, ``$LATEST``, a number or an alias) means.

    Raises
    ------
    NotFound
    """
    version = qualifier or LATEST
    if version != LATEST and not version.isdigit():
        version = _alias(connection, region, name, version).version
    row = _find(connection, region, name, version)
    if row is None:
        arn = function_arn(region, name) + (f":{qualifier}" if qualifier else "")
        raise NotFound(f"Function not found: {arn}", kind="function", name=arn)
    return row


def create(connection: Connection, row: FunctionRow) -> None:
    """Add a function.

    Raises
    ------
    NameInUse
    LimitExceeded
        When there is too much code.
    """
    if _find(connection, row.region, row.name, LATEST) is not None:
        raise NameInUse(f"Function already exist: {row.name}")  # AWS's own words
    _check_room(connection, row.code_bytes)
    _insert(connection, row)


def _insert(connection: Connection, row: FunctionRow) -> None:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    values["settings"] = orjson.dumps(row.settings).decode()
    connection.execute(sa.insert(_f), values)


def _check_room(connection: Connection, n_bytes: int) -> None:
    used = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_f.c.code_bytes), 0))).scalar_one()
    if used + n_bytes > CODE_BYTES_MAX:
        raise LimitExceeded(
            f"Code storage limit exceeded: {used} bytes are used and {n_bytes} more would make it more than "
            f"{CODE_BYTES_MAX}. Delete functions or versions that are not needed."
        )


def update(
    connection: Connection,
    region: str,
    name: str,
    *,
    now: float,
    settings: Mapping[str, Any] | None = None,
    code: tuple[str, int] | None = None,
    revision_id: str | None = None,
) -> FunctionRow:
    """Change the function's settings, its code (digest and size), or both.

    Parameters
    ----------
    settings : Mapping, optional
        Members to set; the others stay.
    revision_id : str, optional
        What the caller believes it is.

    Raises
    ------
    NotFound
    RevisionChanged
    LimitExceeded
    """
    row = resolve(connection, region, name)
    check_revision(revision_id, row.revision_id)
    if code is not None:
        _check_room(connection, code[1] - row.code_bytes)
    new = dataclasses.replace(
        row,
        settings={**row.settings, **(settings or {})},
        code_sha256=row.code_sha256 if code is None else code[0],
        code_bytes=row.code_bytes if code is None else code[1],
        revision_id=str(uuid.uuid4()),
        modified_at=now,
    )
    _replace(connection, new)
    return new


def _replace(connection: Connection, row: FunctionRow) -> None:
    connection.execute(
        sa.delete(_f).where(_f.c.region == row.region, _f.c.name == row.name, _f.c.version == row.version)
    )
    _insert(connection, row)


def check_revision(given: str | None, current: str) -> None:
    """Refuse a change that is based on an older state.

    Raises
    ------
    RevisionChanged
    """
    if given is not None and given != current:
        raise RevisionChanged(
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction or the "
            "GetAlias API to retrieve the latest RevisionId."
        )


def publish(
    connection: Connection, region: str, name: str, *, now: float, description: str | None = None
) -> FunctionRow:
    """Make a version of what ``$LATEST`` is now; the last one again when nothing has changed since.

    Raises
    ------
    NotFound, LimitExceeded
    """
    latest = resolve(connection, region, name)
    settings = {**latest.settings}
    if description is not None:
        settings["Description"] = description
    last = _find(connection, region, name, str(latest.n_versions))
    if last is not None and (last.code_sha256, last.settings) == (latest.code_sha256, settings):
        return last
    _check_room(connection, latest.code_bytes)
    number = latest.n_versions + 1
    version = dataclasses.replace(
        latest,
        version=str(number),
        settings=settings,
        revision_id=str(uuid.uuid4()),
        modified_at=now,
        n_versions=0,
    )
    _insert(connection, version)
    connection.execute(
        sa.update(_f)
        .where(_f.c.region == region, _f.c.name == name, _f.c.version == LATEST)
        .values(n_versions=number)
    )
    return version


def delete(connection: Connection, region: str, name: str, version: str | None = None) -> None:
    """Remove one version, or the function with everything that belongs to it.

    Raises
    ------
    NotFound
    InvalidRequest
        When the version is ``$LATEST``, or an alias stands for it.
    """
    where = (_f.c.region == region, _f.c.name == name)
    resolve(connection, region, name)
    if version is None:
        connection.execute(sa.delete(_f).where(*where))
        connection.execute(sa.delete(_a).where(_a.c.region == region, _a.c.name == name))
        connection.execute(sa.delete(_p).where(_p.c.region == region, _p.c.name == name))
        delete_all_tags(connection, function_arn(region, name))
        return
    if not version.isdigit():
        raise InvalidRequest(
            f"Qualifier {version!r} cannot be deleted: give the number of a version, or none to delete the "
            "whole function.",
            field="Qualifier",
            value=version,
        )
    users = [row.alias for row in list_aliases(connection, region, name) if row.version == version]
    if users:
        raise InvalidRequest(
            f"Version {version} of {name} is what the alias {users[0]} stands for; change or delete the "
            "alias first.",
            field="Qualifier",
            value=version,
        )
    connection.execute(sa.delete(_f).where(*where, _f.c.version == version))


def list_functions(connection: Connection, region: str, *, has_versions: bool = False) -> list[FunctionRow]:
    """Functions of a region by name; with all their versions, or as ``$LATEST`` only."""
    query = sa.select(_f).where(_f.c.region == region)
    if not has_versions:
        query = query.where(_f.c.version == LATEST)
    return sorted(map(_row, connection.execute(query)), key=_order)


def list_versions(connection: Connection, region: str, name: str) -> list[FunctionRow]:
    """``$LATEST`` and the versions of a function, in their order.

    Raises
    ------
    NotFound
    """
    resolve(connection, region, name)
    query = sa.select(_f).where(_f.c.region == region, _f.c.name == name)
    return sorted(map(_row, connection.execute(query)), key=_order)


def _order(row: FunctionRow) -> tuple[str, int]:
    return row.name, 0 if row.version == LATEST else int(row.version)


def is_code_used(connection: Connection, sha256: str) -> bool:
    """Whether any version of any function has this code."""
    query = sa.select(_f.c.name).where(_f.c.code_sha256 == sha256).limit(1)
    return connection.execute(query).first() is not None


# -- aliases --------------------------------------------------------------------------------------------


def _alias(connection: Connection, region: str, name: str, alias: str) -> AliasRow:
    query = sa.select(_a).where(_a.c.region == region, _a.c.name == name, _a.c.alias == alias)
    row = connection.execute(query).first()
    if row is None:
        arn = f"{function_arn(region, name)}:{alias}"
        raise NotFound(f"Cannot find alias arn: {arn}", kind="alias", name=arn)
    return AliasRow(*row)


def create_alias(connection: Connection, row: AliasRow) -> None:
    """Add an alias for a version that exists.

    Raises
    ------
    NotFound, NameInUse
    """
    resolve(connection, row.region, row.name, row.version)
    where = (_a.c.region == row.region, _a.c.name == row.name, _a.c.alias == row.alias)
    if connection.execute(sa.select(_a.c.alias).where(*where)).first() is not None:
        raise NameInUse(f"Alias already exists: {function_arn(row.region, row.name)}:{row.alias}")
    connection.execute(sa.insert(_a), dataclasses.asdict(row))


def update_alias(
    connection: Connection,
    region: str,
    name: str,
    alias: str,
    *,
    version: str | None,
    description: str | None,
    revision_id: str | None,
) -> AliasRow:
    """Let an alias stand for another version, or describe it anew.

    Raises
    ------
    NotFound, RevisionChanged
    """
    row = _alias(connection, region, name, alias)
    check_revision(revision_id, row.revision_id)
    if version is not None:
        resolve(connection, region, name, version)
    new = dataclasses.replace(
        row,
        version=row.version if version is None else version,
        description=row.description if description is None else description,
        revision_id=str(uuid.uuid4()),
    )
    delete_alias(connection, region, name, alias)
    connection.execute(sa.insert(_a), dataclasses.asdict(new))
    return new


def get_alias(connection: Connection, region: str, name: str, alias: str) -> AliasRow:
    """One alias.

    Raises
    ------
    NotFound
    """
    return _alias(connection, region, name, alias)


def delete_alias(connection: Connection, region: str, name: str, alias: str) -> None:
    """Remove an alias; nothing happens when it is not there."""
    where = (_a.c.region == region, _a.c.name == name, _a.c.alias == alias)
    connection.execute(sa.delete(_a).where(*where))


def list_aliases(connection: Connection, region: str, name: str) -> list[AliasRow]:
    """The aliases of a function, by name.

    Raises
    ------
    NotFound
    """
    resolve(connection, region, name)
    query = sa.select(_a).where(_a.c.region == region, _a.c.name == name).order_by(_a.c.alias)
    return [AliasRow(*row) for row in connection.execute(query)]


# -- policies -------------------------------------------------------------------------------------------


def add_statement(
    connection: Connection, region: str, name: str, qualifier: str, statement: Mapping[str, Any]
) -> None:
    """Keep a statement of the function's policy.

    Raises
    ------
    NotFound, NameInUse
    """
    resolve(connection, region, name, qualifier or None)
    sid = statement["Sid"]
    if any(found["Sid"] == sid for found in statements(connection, region, name, qualifier)):
        raise NameInUse(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove "
            "the existing statement."
        )
    connection.execute(
        sa.insert(_p),
        {
            "region": region,
            "name": name,
            "qualifier": qualifier,
            "statement_id": sid,
            "statement": orjson.dumps(statement).decode(),
        },
    )


def statements(connection: Connection, region: str, name: str, qualifier: str) -> list[dict[str, Any]]:
    """The statements of a function's policy, by id.

    Raises
    ------
    NotFound
    """
    resolve(connection, region, name, qualifier or None)
    query = (
        sa.select(_p.c.statement)
        .where(_p.c.region == region, _p.c.name == name, _p.c.qualifier == qualifier)
        .order_by(_p.c.statement_id)
    )
    return [orjson.loads(text) for text in connection.execute(query).scalars()]


def remove_statement(connection: Connection, region: str, name: str, qualifier: str, sid: str) -> None:
    """Forget a statement.

    Raises
    ------
    NotFound
    """
    if all(found["Sid"] != sid for found in statements(connection, region, name, qualifier)):
        raise NotFound(f"Statement {sid} is not found in resource policy.", kind="statement", name=sid)
    connection.execute(
        sa.delete(_p).where(
            _p.c.region == region,
            _p.c.name == name,
            _p.c.qualifier == qualifier,
            _p.c.statement_id == sid,
        )
    )
