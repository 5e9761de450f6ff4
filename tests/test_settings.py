import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asyncdl.errors import UsageError
from asyncdl.settings import (
    SLICES,
    IngestSettings,
    RunSettings,
    Setting,
    Slice,
    debug_asked,
    explain_settings,
    load_ingest_settings,
    load_run_settings,
    reference,
)
from asyncdl.settings.addresses import parse_contact, parse_host, parse_network
from asyncdl.version import __version__

ROOT = Path(__file__).parents[1]
ROWS: list[Setting] = [row for one in SLICES for row in one.settings()]


@pytest.fixture
def collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty collection folder, an empty current directory, no ASYNCDL_ variable."""
    for name in [row.env for row in ROWS] + ["ASYNCDL_DEBUG"]:
        monkeypatch.delenv(name, raising=False)
    here, folder = tmp_path / "here", tmp_path / "collection"
    here.mkdir()
    folder.mkdir()
    monkeypatch.chdir(here)
    return folder


def refusal(collection: Path | None, flags: Mapping[str, object] = {}) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_run_settings(collection, flags)
    return caught.value


def test_each_source_beats_the_ones_below_it(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rate_and_origin(flags: Mapping[str, object]) -> tuple[float, str]:
        row = next(row for row in explain_settings(collection, flags) if row.key == "host_rate")
        value = load_run_settings(collection, flags).host_rate_per_second
        assert row.value == f"{value:g}/s"
        return value, row.origin

    here = Path.cwd()
    assert rate_and_origin({}) == (3.0, "default")
    (collection / "asyncdl.toml").write_text("host_rate = 4\n")
    assert rate_and_origin({}) == (4.0, str(collection / "asyncdl.toml"))
    (here / ".env").write_text("ASYNCDL_HOST_RATE=5\nOTHER_TOOL=1\n")
    assert rate_and_origin({}) == (5.0, str(here / ".env"))
    (collection / ".env").write_text("export ASYNCDL_HOST_RATE='6/s'\n")
    assert rate_and_origin({}) == (6.0, str(collection / ".env"))
    monkeypatch.setenv("ASYNCDL_HOST_RATE", "7")
    assert rate_and_origin({}) == (7.0, "ASYNCDL_HOST_RATE")
    assert rate_and_origin({"host_rate": "8"}) == (8.0, "--host-rate")
    assert rate_and_origin({"host_rate": None}) == (7.0, "ASYNCDL_HOST_RATE")
    monkeypatch.setenv("ASYNCDL_HOST_RATE", "")
    assert rate_and_origin({}) == (6.0, str(collection / ".env"))


def test_without_a_collection_only_flags_environment_and_the_current_directory_count(collection: Path) -> None:
    (collection / "asyncdl.toml").write_text("max_attempts = 9\n")
    Path(".env").write_text("ASYNCDL_MAX_REDIRECTS=1\n")
    settings = load_run_settings(None, {})
    assert (settings.max_attempts, settings.max_redirects) == (4, 1)


def test_a_value_made_directly_reads_nothing_from_outside(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCDL_HOST_RATE", "7")
    monkeypatch.setenv("HOST_RATE_PER_SECOND", "7")
    Path(".env").write_text("ASYNCDL_HOST_RATE=5\n")
    assert RunSettings().host_rate_per_second == 3.0


def test_settings_are_frozen_and_know_their_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunSettings().max_attempts = 5
    with pytest.raises(ValidationError, match="not permitted"):
        RunSettings.model_validate({"no_such_field": 1})


def test_toml_takes_numbers_texts_switches_and_arrays(collection: Path) -> None:
    (collection / "asyncdl.toml").write_text(
        'max_time = "11h30m"\nwait = 60\nmax_bytes = "1.5GiB"\nhost_bandwidth = "10M"\nprogress = false\nmax_pixels = "1G"\n'
        'allow_private = ["10.1.0.0/16", "::1"]\ninsecure_host = ["Images.Museum.org:443", "b.org:8080"]\n'
        'retry_delays = [5, "10m"]\nrobots = "ignore:a.org,B.org."\ncontact = "me@museum.org"\nmax_images = 0\nformat = "csv"\n'
    )
    run = load_run_settings(collection, {})
    assert (run.max_time_seconds, run.wait_seconds, run.max_body_bytes) == (41_400.0, 60.0, 1_610_612_736)
    assert (run.host_bandwidth_bits_per_second, run.progress, run.max_pixels, run.max_images) == (1e7, False, 10**9, None)
    assert run.allow_private == (ip_network("10.1.0.0/16"), ip_network("::1"))
    assert run.insecure_hosts == {"images.museum.org", "b.org:8080"}
    assert run.retry_delays_seconds == (5.0, 600.0)
    assert (run.robots, run.robots_ignore_hosts) == ("respect", frozenset({"a.org", "b.org"}))
    assert run.contact == "me@museum.org"
    assert load_ingest_settings(collection, {}).format == "csv"


def test_a_proxy_is_read_and_its_password_neither_taken_nor_shown(collection: Path) -> None:
    for written in ("proxy.Institute.edu:3128", "http://proxy.institute.edu:3128/"):
        assert load_run_settings(collection, {"proxy": written}).proxy == "http://proxy.institute.edu:3128"
    error = refusal(collection, {"proxy": "http://me:hidden@proxy.edu:3128"})
    assert "PROXY_USER and PROXY_PWD" in error.what
    assert "hidden" not in str(error)


def test_lists_come_from_repeated_flags_and_from_commas(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCDL_ALLOW_PRIVATE", "10.0.0.0/8, 192.168.1.1")
    assert load_run_settings(collection, {}).allow_private == (ip_network("10.0.0.0/8"), ip_network("192.168.1.1"))
    assert load_run_settings(collection, {"allow_private": ["127.0.0.1"]}).allow_private == (ip_network("127.0.0.1"),)
    assert load_run_settings(collection, {"insecure_host": ["a.org,b.org", "c.org"]}).insecure_hosts == {"a.org", "b.org", "c.org"}


BAD_VALUES = [
    ("contact", "me@example.org", "example.org"),
    ("contact", "me@mail.example.com", "mail.example.com"),
    ("contact", "https://example.net/bot", "example.net"),
    ("contact", "me@museum.test", "museum.test"),
    ("contact", "nobody", "neither an e-mail"),
    ("contact", "me at museum.org", "space"),
    ("contact", "me@museum.org)\r\nX-Injected: 1", "space"),
    ("contact", "ftp://museum.org", "http"),
    ("contact", "me@localhost", "localhost"),
    ("contact", "x" * 300 + "@museum.org", "longer"),
    ("contact", "me@127.0.0.1", "nobody outside"),
    ("contact", "http://[::1]/me", "not the name of a host"),
    ("contact", "me@museum", "no complete domain"),
    ("contact", "me@yourdomain.com", "nobody reads"),
    ("contact", "me@pc.lan", "nobody reads"),
    ("contact", "https://museum.org/Mozilla/5.0", "how others introduce themselves"),
    ("project_page", "https://museum.org/Googlebot/2.1", "how others introduce themselves"),
    ("project_page", "museum.org", "http"),
    ("concurrency", "0", "between 1 and 256"),
    ("concurrency", "257", "between 1 and 256"),
    ("concurrency", "many", "whole number"),
    ("proxy", "socks5://proxy.edu:1080", "only http and https proxies"),
    ("proxy", "proxy.edu", "without a port"),
    ("proxy", "http://proxy.edu:port", "port"),
    ("proxy", "http://proxy.edu:3128/path", "address of a proxy"),
    ("address_connections", "2000", "above 1,000"),
    ("rate", "fast", "rate"),
    ("rate", "-1", "negative"),
    ("rate", "nan", "rate"),
    ("bandwidth", "25MB", "bit rate"),
    ("host_rate", "99999", "above 10,000"),
    ("host_connections", "1.5", "whole number"),
    ("max_attempts", "0", "below 1"),
    ("retry_delays", "5s,soon", "duration"),
    ("retry_delays", "", "empty"),
    ("robots", "obey", ""),
    ("robots", "ignore:", ""),
    ("robots", "ignore:a b", ""),
    ("max_bytes", "0", "below 1"),
    ("max_bytes", "lots", "size"),
    ("max_pixels", "5G", "above 4,000,000,000"),
    ("max_time", "11:30", "duration"),
    ("max_images", "some", "whole number"),
    ("timeout", "0", "not above 0"),
    ("stall_timeout", "2d", "above 86,400"),
    ("validate", "trust", ""),
    ("expand_manifests", "never", ""),
    ("durability", "full", ""),
    ("allow_private", "0.0.0.0/0", "every address"),
    ("allow_private", "10.0.0.1/8", "10.0.0.0/8"),
    ("allow_private", "localhost", "network"),
    ("insecure_host", "https://a.org/", "an address"),
    ("insecure_host", "a..org", "host"),
    ("insecure_host", "a.org:99999", "port"),
    ("progress", "perhaps", "yes nor no"),
]


@pytest.mark.parametrize(("key", "value", "reason"), BAD_VALUES)
def test_a_bad_value_is_refused_with_place_value_and_what_is_expected(collection: Path, key: str, value: str, reason: str) -> None:
    row = next(row for row in ROWS if row.key == key)
    error = refusal(collection, {key: value})
    assert error.exit_status == 2
    beginning = value[:20].splitlines()[0] if value else ""
    assert error.what.startswith(f'{row.flag}: "{beginning}')
    assert reason in error.what.partition("cannot be used")[2]
    assert error.todo == f"expected: {row.kind.expects}"
    assert len(error.what) < 300
    assert error.what.isprintable()


@pytest.mark.parametrize("text", ["true", "1.5", "[1, 2]", "{a = 1}", "2026-01-01", '"four"', "inf"])
def test_toml_values_of_a_wrong_type_are_refused(collection: Path, text: str) -> None:
    (collection / "asyncdl.toml").write_text(f"max_attempts = {text}\n")
    assert refusal(collection).what.startswith(f"max_attempts in {collection / 'asyncdl.toml'}: ")


def test_the_place_of_a_bad_value_is_named(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (collection / "asyncdl.toml").write_text('wait = "soon"\n')
    assert refusal(collection).what == f'wait in {collection / "asyncdl.toml"}: "soon" cannot be used: not a duration'
    (collection / ".env").write_text("ASYNCDL_WAIT=later\n")
    assert refusal(collection).what.startswith(f'ASYNCDL_WAIT in {collection / ".env"}: "later"')
    monkeypatch.setenv("ASYNCDL_WAIT", "never\x1b[2J")
    assert refusal(collection).what.startswith(r'ASYNCDL_WAIT: "never\x1b[2J" cannot be used')


def test_settings_that_do_not_fit_together_are_refused(collection: Path) -> None:
    error = refusal(collection, {"spool_memory": "2MB", "spool_budget": "1MB"})
    assert error.what == "--spool-memory must not exceed --spool-budget"


def test_unknown_names_are_refused_with_the_nearest_known_one(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(collection, {"hostrate": 1}).todo == "did you mean host_rate?"
    (collection / "asyncdl.toml").write_text("host-rate = 3\n")
    error = refusal(collection)
    assert error.what == f"the key host-rate in {collection / 'asyncdl.toml'} is unknown"
    assert error.todo == "did you mean host_rate?"
    (collection / "asyncdl.toml").write_text("[run]\nhost_rate = 3\n")
    assert "the key run in" in refusal(collection).what
    (collection / ".env").write_text("ASYNCDL_HOSTRATE=3\n")
    (collection / "asyncdl.toml").unlink()
    error = refusal(collection)
    assert error.what == f"the variable ASYNCDL_HOSTRATE in {collection / '.env'} is unknown"
    assert error.todo == "did you mean ASYNCDL_HOST_RATE?"
    monkeypatch.setenv("ASYNCDL_XYZZY", "")
    assert refusal(None).what == "the variable ASYNCDL_XYZZY is unknown"
    assert "config" in refusal(None).todo


@pytest.mark.parametrize("content", [b"host_rate = ", b"host_rate = 3\nhost_rate = 4\n", b"\xff\xfe", b"#" * 1_000_001])
def test_a_broken_toml_file_is_one_sentence(collection: Path, content: bytes) -> None:
    (collection / "asyncdl.toml").write_bytes(content)
    error = refusal(collection)
    assert str(collection / "asyncdl.toml") in error.what
    assert error.todo


def test_broken_dotenv_files_are_one_sentence(collection: Path) -> None:
    (collection / ".env").write_bytes(b"ASYNCDL_CONTACT=\xff\n")
    assert refusal(collection).what == f"{collection / '.env'} is not UTF-8 text"
    (collection / ".env").unlink()
    (collection / ".env").mkdir()
    assert refusal(collection).what == f"{collection / '.env'} is no file of settings"


@pytest.mark.parametrize(
    ("given_text", "contact"),
    [
        ("me@museum.org", "me@museum.org"),
        ("mailto:me@museum.org", "me@museum.org"),
        (" first.last+tag@sub.museum.ac.uk ", "first.last+tag@sub.museum.ac.uk"),
        ("https://museum.org/bot?a=1", "https://museum.org/bot?a=1"),
        ("me@notexample.com", "me@notexample.com"),
        ("", ""),
    ],
)
def test_contacts_that_reach_somebody_are_taken(given_text: str, contact: str) -> None:
    assert parse_contact(given_text) == contact


@given(st.text(max_size=60))
def test_no_text_makes_an_address_parser_fail_otherwise_or_leave_the_header_open(text: str) -> None:
    for parse in (parse_contact, parse_host, parse_network):
        try:
            shown = str(parse(text))
        except ValueError:
            continue
        assert shown.isascii()
        assert not set(shown) & set("()\r\n\t ")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("A.Org", "a.org"),
        ("a.org.", "a.org"),
        ("a.org:80", "a.org"),
        ("[::1]:8080", "[::1]:8080"),
        ("bücher.de", "xn--bcher-kva.de"),
    ],
)
def test_hosts_take_the_form_that_lanes_have(text: str, host: str) -> None:
    assert parse_host(text) == host


def test_the_user_agent_names_product_page_and_contact() -> None:
    assert RunSettings(contact="me@museum.org").user_agent == (
        f"asyncdl/{__version__} (+https://github.com/asyncdl/asyncdl; me@museum.org)"
    )
    assert RunSettings(project_page="https://museum.org/x").user_agent == f"asyncdl/{__version__} (+https://museum.org/x)"


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_set_the_user_agent_is_ours(contact: str, page: str) -> None:
    """No browser's and no other robot's name, one line, our product first."""
    try:
        agent = RunSettings(contact=contact, project_page=f"https://museum.org/{page}").user_agent
    except ValidationError:
        return
    assert agent.startswith(f"asyncdl/{__version__} (+https://museum.org/")
    assert agent.endswith(")")
    assert agent.isascii()
    assert agent.isprintable()
    assert not re.search(r"(mozilla|applewebkit|chrome|safari|gecko|firefox|googlebot)/\d", agent, re.IGNORECASE)


def test_no_setting_is_a_user_agent() -> None:
    assert not [row.key for row in ROWS if "agent" in row.key]


def test_concurrency_is_a_number_in_the_end() -> None:
    assert RunSettings().concurrency_limit == 256
    assert RunSettings.model_validate({"concurrency": "12"}).concurrency_limit == 12


def test_robots_are_ignored_for_named_hosts_only() -> None:
    some = RunSettings.model_validate({"robots": "ignore:a.org"})
    assert (some.robots, some.robots_ignore_hosts) == ("respect", frozenset({"a.org"}))
    assert (RunSettings(robots="ignore").robots, RunSettings(robots="ignore").robots_ignore_hosts) == ("ignore", frozenset())
    assert (RunSettings().robots, RunSettings().robots_ignore_hosts) == ("respect", frozenset())
    assert RunSettings(robots="respect", robots_ignore_hosts=frozenset({"a.org"})) == some


@pytest.mark.parametrize("one", SLICES)
def test_every_shown_value_is_read_back_as_itself(one: type[Slice], collection: Path) -> None:
    changed = {
        "contact": "me@museum.org", "robots": "ignore:a.org,b.org", "max_time": "2h", "max_images": "7", "host_rate": "20/min",
        "allow_private": "10.0.0.0/8,::1/128", "insecure_host": "a.org,b.org", "progress": "false", "concurrency": "7",
    }  # fmt: skip
    for flags in ({}, changed):
        known = {row.key for row in one.settings()}
        settings = one(**{row.field: flags[row.key] for row in one.settings() if row.key in flags})
        texts = {row.field: settings.text_of(row) for row in one.settings()}
        assert one(**{field: text for field, text in texts.items() if text}) == settings
        assert known


def test_keys_are_unique_and_every_field_has_help() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    derived = {"robots_ignore_hosts"}
    for one in SLICES:
        assert set(one.model_fields) - {row.field for row in one.settings()} <= derived
    assert all(row.help and row.kind.expects and not row.help.endswith(".") for row in ROWS)


def test_the_promised_flags_exist() -> None:
    promised = (
        "--concurrency --rate --bandwidth --host-rate --host-connections --host-bandwidth --max-attempts --max-bytes --max-pixels"
        " --max-time --max-images --wait --validate --contact --robots --allow-private --insecure-host --durability --grace"
        " --no-progress --expand-manifests --connect-timeout --first-byte-timeout --stall-timeout --timeout --min-speed"
        " --format --id-column --url-column"
    )
    assert set(promised.split()) <= {row.flag for row in ROWS}


def test_env_example_is_what_the_table_says() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == reference.env_example()
    for row in ROWS:
        assert f"\n# {row.env}={row.default_text}\n" in text


def test_the_defaults_in_env_example_change_nothing(collection: Path) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    Path(".env").write_text("\n".join(line.removeprefix("# ") for line in lines if line.startswith("# ASYNCDL_")), encoding="utf-8")
    assert load_run_settings(collection, {}) == RunSettings()
    assert load_ingest_settings(collection, {}) == IngestSettings()


def test_debug_is_asked_by_the_environment_alone(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not debug_asked()
    monkeypatch.setenv("ASYNCDL_DEBUG", "1")
    assert debug_asked()
    assert load_run_settings(collection, {}) == RunSettings()
    monkeypatch.setenv("ASYNCDL_DEBUG", "no")
    assert not debug_asked()


def test_the_readme_shows_every_setting() -> None:
    assert reference.readme_table() in (ROOT / "README.md").read_text(encoding="utf-8"), "run `python docs/make_tables.py`"
