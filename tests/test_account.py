from pathlib import Path

import pytest

from asyncdl.errors import UsageError
from asyncdl.settings import GbifAccount, explain_settings, load_gbif_account
from asyncdl.settings.account import ACCOUNT_VARIABLES


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, no account in the environment."""
    for name in ACCOUNT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_environment_goes_before_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_gbif_account() == GbifAccount()
    (here / ".env").write_text("GBIF_USER=linnaeus\nexport GBIF_PWD=naturae\nGBIF_EMAIL=me@museum.org\nOTHER=1\n")
    assert load_gbif_account() == GbifAccount("linnaeus", "naturae", "me@museum.org")
    monkeypatch.setenv("GBIF_USER", "rudbeck")
    monkeypatch.setenv("GBIF_PWD", "")
    assert load_gbif_account() == GbifAccount("rudbeck", "naturae", "me@museum.org")


def test_a_password_is_taken_as_it_is_written(here: Path) -> None:
    (here / ".env").write_text("GBIF_PWD='a${HOME} b#c$d\"e'\n")
    assert load_gbif_account().password == 'a${HOME} b#c$d"e'


def test_an_address_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBIF_EMAIL", "me@example.org\r\nX: y")
    with pytest.raises(UsageError, match="GBIF_EMAIL"):
        load_gbif_account()


def test_a_password_is_shown_nowhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GBIF_PWD", "naturae")
    (here / ".env").write_text("GBIF_PWD=naturae\n")
    assert "naturae" not in f"{load_gbif_account()}{explain_settings(here, {})}"
