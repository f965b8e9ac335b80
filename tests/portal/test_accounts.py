"""Signing in and out, temporary passwords, and how brute force is slowed."""

from __future__ import annotations

import hashlib
import statistics
import threading
import time

import pytest
import sqlalchemy as sa

from labelwright.store import directory
from labelwright.store.directory_tables import sessions, throttles, users

SIGN_IN = "/portal/api/session"
PASSWORD = "/portal/api/session/password"


def test_sign_in_answers_the_worker_and_sets_a_locked_down_cookie(portal):
    worker = portal.worker("ann")
    with portal.client() as client:
        answer = client.post(SIGN_IN, json={"username": "ann", "password": "Str0ng-enough"})
        assert answer.status_code == 200
        body = answer.json()["worker"]
        assert body["id"] == worker.user_id
        assert body["username"] == "ann"
        assert body["worker_id"].startswith("private.us-east-1.")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("labelwright_session=")
        for part in ("HttpOnly", "SameSite=Strict", "Path=/portal", "Max-Age=43200"):
            assert part in cookie
        assert "Secure" not in cookie
        token = client.cookies["labelwright_session"]
        assert len(token) >= 43  # 256 bits in base64
        row = portal.database.read(lambda c: c.execute(sa.select(sessions)).one())
        assert row.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
        assert client.get(SIGN_IN).json()["worker"] == body


def test_cookie_is_for_https_alone_when_the_public_url_is(portal_for):
    portal = portal_for(public_url="https://label.example.org")
    portal.worker("ann")
    with portal.client() as client:
        answer = client.post(SIGN_IN, json={"username": "ann", "password": "Str0ng-enough"})
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "ann"}, "password"),
        ({"username": 5, "password": "x"}, "username"),
        ({"username": "ann", "password": "x" * 257}, "password"),
        ({"username": "a" * 257, "password": "x"}, "username"),
    ],
)
def test_sign_in_names_the_member_that_is_missing(portal, body, field):
    with portal.client() as client:
        answer = client.post(SIGN_IN, json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_unknown_user_and_wrong_password_get_the_same_answer_in_the_same_time(portal):
    portal.worker("ann")
    seconds: dict[str, list[float]] = {"ann": [], "nobody": []}
    bodies = set()
    with portal.client() as client:
        for _ in range(4):
            for name, times in seconds.items():
                begin = time.perf_counter()
                answer = client.post(SIGN_IN, json={"username": name, "password": "wrong"})
                times.append(time.perf_counter() - begin)
                assert answer.status_code == 401
                bodies.add(answer.text)
    assert len(bodies) == 1
    # Not a matter of speed: without the stand-in hash the unknown name would be answered ten times faster.
    fast, slow = sorted(statistics.median(times) for times in seconds.values())
    assert slow < 4 * fast


def test_temporary_password_must_be_replaced_before_anything_else(portal):
    worker = portal.worker("bob", password=None)
    temporary = worker.temporary_password
    with portal.client() as client:
        answer = client.post(SIGN_IN, json={"username": "bob", "password": temporary})
        assert answer.status_code == 409
        assert answer.json()["error"] == "NewPasswordRequired"
        assert answer.json()["rules"]["min_length"] == 8
        assert "set-cookie" not in answer.headers

        def change(new: str):
            return client.post(PASSWORD, json={"username": "bob", "password": temporary, "new_password": new})

        for weak in ("short1A", "nouppercase1-", "NoDigits-here", temporary):
            refused = change(weak)
            assert (refused.status_code, refused.json()["field"]) == (422, "new_password")
            assert weak not in refused.text
        assert change("My-0wn-choice").status_code == 200
        assert client.get(SIGN_IN).status_code == 200
        assert change("Another-0ne").status_code == 401
    assert portal.signed_in("bob", "My-0wn-choice").get(SIGN_IN).status_code == 200


def test_temporary_password_runs_out(portal):
    temporary = portal.worker("bob", password=None).temporary_password
    portal.clock.advance(8 * 86400)
    with portal.client() as client:
        for url in (SIGN_IN, PASSWORD):
            answer = client.post(
                url, json={"username": "bob", "password": temporary, "new_password": "My-0wn-choice"}
            )
            assert (answer.status_code, answer.json()["error"]) == (401, "TemporaryPasswordExpired")


def test_new_password_ends_the_other_sessions(portal):
    portal.worker("ann")
    elsewhere = portal.signed_in("ann")
    assert elsewhere.get(SIGN_IN).status_code == 200
    with portal.client() as client:
        answer = client.post(
            PASSWORD, json={"username": "ann", "password": "Str0ng-enough", "new_password": "Even-5tronger"}
        )
        assert answer.status_code == 200
        assert client.get(SIGN_IN).status_code == 200
    assert elsewhere.get(SIGN_IN).status_code == 401


def test_disabling_a_user_ends_sessions_at_once(portal):
    worker = portal.worker("ann")
    client = portal.signed_in("ann")
    for _ in range(3):  # the session is remembered by now
        assert client.get(SIGN_IN).status_code == 200
    portal.database.write(lambda c: directory.set_enabled(c, worker.user_id, False, portal.clock()))
    assert client.get(SIGN_IN).status_code == 401
    with portal.client() as fresh:
        right = fresh.post(SIGN_IN, json={"username": "ann", "password": "Str0ng-enough"})
        assert (right.status_code, right.json()["error"]) == (401, "UserDisabled")
        wrong = fresh.post(SIGN_IN, json={"username": "ann", "password": "wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "NotAuthorized")


def test_session_runs_out_after_twelve_hours(portal):
    portal.worker("ann")
    client = portal.signed_in("ann")
    portal.clock.advance(12 * 3600 - 60)
    assert client.get(SIGN_IN).status_code == 200
    portal.clock.advance(61)
    answer = client.get(SIGN_IN)
    assert (answer.status_code, answer.json()["error"]) == (401, "NotSignedIn")


def test_sign_out_ends_the_session_and_removes_the_cookie(portal):
    portal.worker("ann")
    client = portal.signed_in("ann")
    token = client.cookies["labelwright_session"]
    assert client.delete(SIGN_IN).status_code == 204
    assert "labelwright_session" not in client.cookies
    with portal.client() as thief:
        thief.cookies.set("labelwright_session", token)
        assert thief.get(SIGN_IN).status_code == 401
        assert thief.delete(SIGN_IN).status_code == 204


def test_a_remembered_session_costs_no_database_read(portal):
    portal.worker("ann")
    client = portal.signed_in("ann")
    assert client.get(SIGN_IN).status_code == 200
    statements: list[str] = []
    sa.event.listen(portal.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert client.get(SIGN_IN).status_code == 200
    assert statements == []


def test_repeated_failures_wait_longer_and_longer_and_restarts_do_not_forget(portal):
    portal.clock.freeze()  # else a busy machine waits away part of a second
    portal.worker("ann")
    with portal.client() as client:

        def guess(password: str = "wrong", username: str = "ann"):
            return client.post(SIGN_IN, json={"username": username, "password": password})

        assert [guess().status_code for _ in range(5)] == [401] * 5
        waits = []
        for _ in range(4):
            refused = guess("Str0ng-enough")
            assert (refused.status_code, refused.json()["error"]) == (429, "TooManyAttempts")
            waits.append(int(refused.headers["retry-after"]))
            portal.clock.advance(waits[-1] + 0.1)
            assert guess().status_code == 401
        assert waits == [1, 2, 4, 8]
        assert guess(username="somebody-else").status_code == 401
        stored = portal.database.read(lambda c: c.execute(sa.select(throttles.c.key)).scalars().all())
        assert not any("ann" in key for key in stored)
        portal.clock.advance(20)
        assert guess("Str0ng-enough").status_code == 200
        assert guess().status_code == 401


def test_many_people_sign_in_at_once_from_one_address(portal):
    names = [f"worker{i}" for i in range(12)]
    for name in names:
        portal.worker(name)
    clients = [portal.client() for _ in names]
    answers: list[int] = []

    def sign_in(client, name):
        body = {"username": name, "password": "Str0ng-enough"}
        answers.append(client.post(SIGN_IN, json=body).status_code)

    threads = [threading.Thread(target=sign_in, args=pair) for pair in zip(clients, names, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 12


def test_guesses_sent_at_once_all_count(portal):
    portal.worker("ann")
    portal.clock.freeze()
    clients = [portal.client() for _ in range(12)]
    answers: list[int] = []

    def guess(client):
        body = {"username": "ann", "password": "wrong"}
        answers.append(client.post(SIGN_IN, json=body).status_code)

    threads = [threading.Thread(target=guess, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * 5 + [429] * 7


def test_failures_are_forgotten_after_a_quiet_hour(portal):
    portal.worker("ann")
    with portal.client() as client:
        for _ in range(5):
            client.post(SIGN_IN, json={"username": "ann", "password": "wrong"})
        portal.clock.advance(3700)
        for _ in range(5):
            answer = client.post(SIGN_IN, json={"username": "ann", "password": "wrong"})
            assert answer.status_code == 401


def test_an_account_that_is_not_ready_is_told_why(portal):
    worker = portal.worker("ann")
    portal.database.write(
        lambda c: c.execute(
            users.update().where(users.c.id == worker.user_id).values(status="RESET_REQUIRED")
        )
    )
    with portal.client() as client:
        answer = client.post(SIGN_IN, json={"username": "ann", "password": "Str0ng-enough"})
    assert (answer.status_code, answer.json()["error"]) == (401, "AccountNotReady")
