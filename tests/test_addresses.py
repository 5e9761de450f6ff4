from __future__ import annotations

import ipaddress

import pytest

from asyncdl.addresses import MAX_URL_CHARACTERS, AddressGate, Refusal, Target, target_of

REFUSED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",  # mapped
    "::ffff:100.64.0.1",
    "::ffff:0:a9fe:a9fe",  # translated
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "64:ff9b:1::a00:1",  # NAT64 for local use
    "100::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo, client 192.0.2.45
    "2001::8000:0:80ff:fffe",  # Teredo, client 127.0.0.1
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]
ALLOWED = [
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "168.63.129.17",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7",  # Teredo, client 8.8.8.8
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_global_unicast_is_refused_with_a_reason(address: str) -> None:
    assert AddressGate().refusal(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_global_unicast_passes(address: str) -> None:
    assert AddressGate().refusal(address) is None


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "2002:a01:203::1", "64:ff9b::a01:203"])
def test_an_allowed_network_opens_every_form_of_its_addresses(address: str) -> None:
    gate = AddressGate([ipaddress.ip_network("10.0.0.0/8")])
    assert gate.refusal(address) is None
    assert gate.refusal("127.0.0.1") == "loopback"


def test_an_allowed_ipv6_network_opens_nothing_else() -> None:
    gate = AddressGate([ipaddress.ip_network("fd12::/16")])
    assert gate.refusal("fd12::5") is None
    assert gate.refusal("fd13::5")


def test_a_zone_is_refused_even_where_the_network_is_allowed() -> None:
    assert AddressGate([ipaddress.ip_network("fe80::/10")]).refusal("fe80::1%eth0") == "an address with a zone"


@pytest.mark.parametrize(
    ("published", "sent"),
    [
        ("http://a.org/x.jpg", "http://a.org/x.jpg"),
        ("HTTPS://A.Org", "https://a.org/"),
        ("http://a.org:80/x", "http://a.org/x"),
        ("https://a.org:8443/x", "https://a.org:8443/x"),
        ("http://a.org?id=1", "http://a.org/?id=1"),
        ("http://a.org/x#part", "http://a.org/x"),
        ("http://a.org/%7Ex%2Fy%3a+z?q=%20+'|~,;=@", "http://a.org/%7Ex%2Fy%3a+z?q=%20+'|~,;=@"),
        ("http://a.org/100%/x", "http://a.org/100%/x"),
        ("http://a.org/a b.jpg", "http://a.org/a%20b.jpg"),
        ("http://a.org/ä?q=ß", "http://a.org/%C3%A4?q=%C3%9F"),
        ('http://a.org/"<x>"', "http://a.org/%22%3Cx%3E%22"),
        ("http://exämple.org/", "http://xn--exmple-cua.org/"),
        ("http://my_host.org/", "http://my_host.org/"),
        ("http://a.org./x", "http://a.org./x"),
        ("http://[2606:4700::1]:8080/x", "http://[2606:4700::1]:8080/x"),
        ("http://①②⑦.0.0.1/", "http://127.0.0.1/"),  # the socket gate's business
    ],
)
def test_urls_are_sent_as_published_but_for_missing_escapes(published: str, sent: str) -> None:
    target = target_of(published)
    assert isinstance(target, Target)
    assert target.url == sent
    assert target.url.isascii()


def test_a_target_names_host_and_port() -> None:
    assert target_of("https://A.org/x") == Target("https://a.org/x", "https", "a.org", 443)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x.jpg",
        "//a.org/x",
        "ftp://a.org/x",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://:80/",
        "http://user@a.org/",
        "http://user:secret@a.org/",
        "http://a.org\\@b.org/",
        "http://a b/",
        "http://a%20b/",
        "http://a.org\r\nHost: b/",
        "http://a.org/x\r\nX: y",
        "http://a.org/x\x00",
        "http://a.org/x\ty",
        "http://a.org/\udcff",
        "http://a..org/",
        "http://.org/",
        f"http://{'a' * 64}.org/",
        f"http://{'a.' * 130}org/",
        f"http://{'ä' * 300}.org/",
        "http://a.org:99999/",
        "http://a.org:-1/",
        "http://a.org:x/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[::g]/",
        "http://a.org/" + "x" * MAX_URL_CHARACTERS,
        "http://a.org/" + "ä" * (MAX_URL_CHARACTERS // 3),
    ],
)
def test_unusable_urls_are_refused(url: str) -> None:
    refusal = target_of(url)
    assert isinstance(refusal, Refusal)
    assert refusal.error == "invalid_url"
    assert "secret" not in refusal.detail


@pytest.mark.parametrize("port", [0, 22, 25, 6667])
def test_ports_of_other_services_are_refused(port: int) -> None:
    assert target_of(f"http://a.org:{port}/") == Refusal("forbidden_address", f"port {port} belongs to another service")
