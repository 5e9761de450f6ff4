import pytest

from asyncdl.addresses import Refusal, Target, target_of
from asyncdl.login import Login

API = "https://api.gbif.org/v1"


def authorization(login: Login, url: str, insecure: tuple[str, ...] = ()) -> str | Refusal:
    target = target_of(url)
    assert isinstance(target, Target)
    return login.authorization(target, insecure)


def test_it_goes_to_its_own_origin_as_utf_8() -> None:
    assert authorization(Login(API, "Müller", "päss"), f"{API}/occurrence/download/request") == "Basic TcO8bGxlcjpww6Rzcw=="


@pytest.mark.parametrize(
    "url",
    [
        "http://api.gbif.org/v1",
        "https://api.gbif.org:8443/v1",
        "https://api.gbif.org.evil.net/v1",
        "https://occurrence-download.gbif.org/x.zip",
        "https://gbif.org/v1",
    ],
)
def test_it_goes_nowhere_else(url: str) -> None:
    assert isinstance(authorization(Login(API, "me", "secret"), url), Refusal)


def test_it_is_not_sent_in_plain_text_or_to_a_host_nobody_vouches_for() -> None:
    plain = "http://api.gbif.org/v1"
    assert isinstance(authorization(Login(plain, "me", "secret"), plain), Refusal)
    assert isinstance(authorization(Login(API, "me", "secret"), API, ("api.gbif.org",)), Refusal)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "http://localhost/v1", "http://[::1]:80/v1", "http://10.1.2.3/"])
def test_a_private_host_may_be_asked_in_plain_text(url: str) -> None:
    assert authorization(Login(url, "me", "secret"), url) == "Basic bWU6c2VjcmV0"


def test_it_is_shown_nowhere() -> None:
    login = Login(API, "me", "secret")
    assert "secret" not in repr(login) + str(login)
    refused = authorization(login, "https://other.org/")
    assert isinstance(refused, Refusal)
    assert "secret" not in refused.detail


@pytest.mark.parametrize(("user", "password"), [("a:b", "c"), ("a", "b\nc"), ("a\r", "b")])
def test_what_a_header_cannot_carry_is_refused(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="RFC 7617"):
        Login(API, user, password)
