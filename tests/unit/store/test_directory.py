"""The built-in user directory and the private teams made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.errors import (
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PasswordRefused,
    UserExists,
    UserNotFound,
)
from labelwright.store import directory, passwords, user_pools, workforces, workteams
from labelwright.store.db import Database
from labelwright.store.directory_tables import sessions, users
from labelwright.store.schema import metadata
from labelwright.store.secrets import SecretBox

NOW = 1_800_000_000.0
DAY_S = 86400.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    database.create_all(metadata)
    yield database
    database.close()


@pytest.fixture
def pool_id(database: Database) -> str:
    def create(connection: Any) -> str:
        pool = user_pools.create_pool(connection, region="eu-west-1", name="p", settings={}, now=NOW)
        directory.create_group(connection, pool_id=pool.id, name="day", now=NOW)
        return pool.id

    return database.write(create)


def make_user(database: Database, pool_id: str, name: str = "ana", **options: Any) -> directory.UserRow:
    return database.write(
        lambda c: directory.create_user(c, pool_id=pool_id, username=name, now=NOW, **options)
    )


def test_new_user_has_a_temporary_password_for_seven_days(database: Database, pool_id: str) -> None:
    user = make_user(database, pool_id, password="Abc-12345")
    assert user.status == "FORCE_CHANGE_PASSWORD"
    assert user.temporary_until == NOW + 7 * DAY_S
    assert len(user.worker_code) == 16
    assert user.region == "eu-west-1"
    assert not directory.is_temporary_password_over(user, NOW + 7 * DAY_S - 1)
    assert directory.is_temporary_password_over(user, NOW + 7 * DAY_S)
    assert directory.verify_password(user, "Abc-12345")
    assert not directory.verify_password(user, "Abc-12346")
    assert database.read(lambda c: directory.get_user(c, user.id)) == user


def test_validity_of_temporary_passwords_is_the_pools(database: Database) -> None:
    policy = {"TemporaryPasswordValidityDays": 1, "RequireSymbols": False}
    pool = database.write(
        lambda c: user_pools.create_pool(
            c, region="r", name="p", settings={"Policies": {"PasswordPolicy": policy}}, now=NOW
        )
    )
    assert make_user(database, pool.id, password="Abc12345").temporary_until == NOW + DAY_S


def test_a_user_without_password_and_nobody_cannot_sign_in(database: Database, pool_id: str) -> None:
    assert not directory.verify_password(make_user(database, pool_id), "")
    assert not directory.verify_password(None, "Abc-12345")
    assert not directory.verify_password(None, "x" * 1_000_000)
    # The hash that stands in for nobody's costs as much as a real one.
    assert not passwords._hasher.check_needs_rehash(passwords._NOBODY)


def test_new_password_is_permanent_and_ends_sessions(database: Database, pool_id: str) -> None:
    user = make_user(database, pool_id, password="Abc-12345")
    session = {"token_sha256": "t", "user_id": user.id, "created_at": NOW, "expires_at": NOW + 1}
    database.write(lambda c: c.execute(sessions.insert().values(session)))
    user = database.write(lambda c: directory.set_password(c, user.id, "New-12345", True, NOW + 5))
    assert (user.status, user.temporary_until, user.modified_at) == ("CONFIRMED", None, NOW + 5)
    assert directory.verify_password(user, "New-12345")
    assert not directory.verify_password(user, "Abc-12345")
    assert database.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(sessions))) == 0


def test_password_that_breaks_the_policy_changes_nothing(database: Database, pool_id: str) -> None:
    with pytest.raises(PasswordRefused):
        make_user(database, pool_id, password="short")
    assert database.read(lambda c: directory.find_users(c, "ana")) == []


def test_names_are_unique_within_a_pool_and_keep_their_case(database: Database, pool_id: str) -> None:
    other = database.write(
        lambda c: user_pools.create_pool(c, region="us-east-1", name="q", settings={}, now=NOW)
    )
    for pool, name in ((pool_id, "Ana"), (pool_id, "ana"), (other.id, "ana")):
        make_user(database, pool, name)
    with pytest.raises(UserExists):
        make_user(database, pool_id, "ana")
    found = database.read(lambda c: directory.find_users(c, "ana"))
    assert sorted(user.pool_id for user in found) == sorted([pool_id, other.id])
    for name in ("", "a b", "x" * 129):
        with pytest.raises(InvalidRequest, match="User name"):
            make_user(database, pool_id, name)


def test_teams_of_a_user_follow_groups_and_end_with_disabling(database: Database) -> None:
    def add(team: str) -> workteams.NewWorker:
        return database.write(
            lambda c: workteams.add_worker(c, region="eu-west-1", team_name=team, username="ana", now=NOW)
        )

    first, second = add("day"), add("night")
    assert first.is_new
    assert first.temporary_password
    assert (second.user_id, second.is_new, second.temporary_password) == (first.user_id, False, None)
    arns = [f"arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/{t}" for t in ("day", "night")]
    assert database.read(lambda c: directory.teams_of_user(c, first.user_id)) == arns

    def leave_day(connection: Any) -> None:
        directory.remove_from_group(connection, directory.get_user(connection, first.user_id), "day")

    database.write(leave_day)
    assert database.read(lambda c: directory.teams_of_user(c, first.user_id)) == arns[1:]
    database.write(lambda c: directory.set_enabled(c, first.user_id, False, NOW))
    assert database.read(lambda c: directory.teams_of_user(c, first.user_id)) == []


def test_added_worker_can_sign_in_with_the_password_given(database: Database) -> None:
    worker = database.write(
        lambda c: workteams.add_worker(
            c,
            region="eu-west-1",
            team_name="day",
            username="bot",
            password=passwords.prepare("Robot-12345"),
            now=NOW,
        )
    )
    user = database.read(lambda c: directory.get_user(c, worker.user_id))
    assert (user.status, worker.temporary_password) == ("CONFIRMED", None)
    assert directory.verify_password(user, "Robot-12345")


def test_private_team_is_made_once_with_all_it_needs(database: Database) -> None:
    def ensure(team: str) -> workteams.WorkteamRow:
        return database.write(
            lambda c: workteams.ensure_private_team(c, region="eu-west-1", team_name=team, now=NOW)
        )

    assert ensure("day") == ensure("day")
    workforce = database.read(lambda c: workforces.workforce_of_region(c, "eu-west-1"))
    assert workforce is not None
    assert workforce.name == "default"
    assert ensure("night").workforce_arn == workforce.arn
    found = database.read(lambda c: workteams.workteam_by_arn(c, workteams.workteam_arn("eu-west-1", "day")))
    assert found.name == "day"
    with pytest.raises(NotFound, match="does not exist"):
        database.read(lambda c: workteams.workteam_by_arn(c, "arn:other"))
    for number in range(23):
        ensure(f"team{number}")
    with pytest.raises(LimitExceeded):
        ensure("one-too-many")


def test_users_are_deleted_only_when_disabled(database: Database, pool_id: str) -> None:
    user = make_user(database, pool_id)
    with pytest.raises(Conflict, match="disable"):
        database.write(lambda c: directory.delete_user(c, user.id))
    database.write(lambda c: directory.set_enabled(c, user.id, False, NOW))
    database.write(lambda c: directory.delete_user(c, user.id))
    with pytest.raises(UserNotFound):
        database.read(lambda c: directory.get_user(c, user.id))


def test_database_holds_no_password(database: Database, pool_id: str) -> None:
    make_user(database, pool_id, password="Abc-12345")
    row = database.read(lambda c: c.execute(sa.select(users)).one())
    assert row.password_hash.startswith("$argon2id$")
    assert "Abc-12345" not in str(row)
    assert "Abc-12345" not in repr(passwords.prepare("Abc-12345"))


FLAGS = st.fixed_dictionaries(
    {"MinimumLength": st.integers(6, 99)},
    optional={f"Require{what}": st.booleans() for what in ("Uppercase", "Lowercase", "Numbers", "Symbols")},
)


@given(FLAGS)
@settings(max_examples=50)
def test_temporary_passwords_satisfy_every_policy(policy: dict[str, Any]) -> None:
    password = passwords.temporary_password(policy)
    passwords.check_policy(password, policy)
    assert not any(c.isspace() for c in password)


@given(FLAGS, st.text(max_size=30))
@settings(max_examples=200)
def test_policy_names_a_broken_rule(policy: dict[str, Any], password: str) -> None:
    rules = {**passwords.DEFAULT_POLICY, **policy}
    try:
        passwords.check_policy(password, policy)
    except PasswordRefused as error:
        assert error.rule is not None
        assert rules[error.rule]
    else:
        assert len(password) >= rules["MinimumLength"]


def test_overlong_passwords_are_refused_before_they_cost_anything() -> None:
    with pytest.raises(PasswordRefused, match="256"):
        passwords.prepare("x" * 257)


def test_sealed_secrets_open_only_with_their_key(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "one")
    sealed = box.seal("words")
    assert "words" not in sealed
    assert SecretBox(tmp_path / "one").open(sealed) == "words"
    assert (tmp_path / "one" / "secret-key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidRequest, match="key"):
        SecretBox(tmp_path / "two").open(sealed)
