"""Settings: environment below flags, and errors that name the variable."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from labelwright.config import Settings
from labelwright.credentials import load_or_create
from labelwright.errors import InvalidRequest


def test_flags_win_over_the_environment_and_none_is_no_flag(tmp_path: Path) -> None:
    settings = Settings.load(
        {"LABELWRIGHT_PORT": "9000", "LABELWRIGHT_HOST": "0.0.0.0", "LABELWRIGHT_DATA_DIR": str(tmp_path)},
        port=9001,
        host=None,
    )
    assert (settings.port, settings.host, settings.data_dir) == (9001, "0.0.0.0", tmp_path)


def test_a_number_that_is_none_names_the_variable() -> None:
    with pytest.raises(InvalidRequest, match="LABELWRIGHT_PORT='many'"):
        Settings.load({"LABELWRIGHT_PORT": "many"})


def test_secrets_do_not_show_in_the_settings_repr() -> None:
    settings = Settings(root_secret_access_key="hush", smtp_url="smtp://me:hush@mail")
    assert "hush" not in repr(settings)


def test_credentials_are_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first, second = load_or_create(settings), load_or_create(settings)
    assert first == second
    assert first.secret_access_key not in repr(first)
    mode = stat.S_IMODE((tmp_path / "root-credentials.json").stat().st_mode)
    assert mode == 0o600
    assert first.secret_for("somebody else") is None


def test_half_a_pair_of_credentials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="belong together"):
        load_or_create(Settings(data_dir=tmp_path, root_access_key_id="AKIA"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:9"),
        ("0.0.0.0", "http://127.0.0.1:9"),
        ("::", "http://[::1]:9"),
        ("fe80::1", "http://[fe80::1]:9"),
        ("example.org", "http://example.org:9"),
    ],
)
def test_programs_on_this_machine_get_an_address_that_leads_here(host: str, url: str) -> None:
    assert Settings(host=host, port=9).local_url == url
