"""Addresses: one reading of each, and nothing special behind a public-looking name."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.addresses import check_address, check_payload, is_public, parse
from apps.core.http_errors import Refused

UNCLEAR = [
    "",
    "example.com",
    "//example.com/",
    "/path",
    "file:///etc/passwd",
    "gopher://example.com/",
    "dict://127.0.0.1:6379/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://allowed.example.com@127.0.0.1/",
    "https://127.0.0.1\\@allowed.example.com/",
    "https://allowed.example.com\\.evil.example/",
    "https://exa mple.com/",
    "https://example.com/\r\nX-Evil: 1",
    "https://example.com/\ta",
    "https://example.com/\x00",
    " https://example.com/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:4a/",
    "https://例え.jp/",
    "https://ⓔxample.com/",
    "https://example。com/",
    "https://[::1/",
    "https://[v1.example]/",
    "https://[::1%25eth0]/",
    "https://%31%32%37.0.0.1/",
    "https://-example.com/",
    "https://example..com/",
    "https://.example.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 130 + "com/",
    "https://example.com/" + "a" * 9000,
]


@pytest.mark.parametrize("url", UNCLEAR)
def test_unclear_addresses_are_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://Example.COM", "example.com", "/"),
        ("https://example.com.:443/a?b=c#d", "example.com", "/a?b=c"),
        ("http://example.com:80/", "example.com", "/"),
        ("http://example.com:8080/a%20b", "example.com:8080", "/a%20b"),
        ("https://[2001:DB8::1]:8443/x", "[2001:db8::1]:8443", "/x"),
        ("https://example.com/中/?q=文&n=[1]", "example.com", "/%E4%B8%AD/?q=%E6%96%87&n=[1]"),
        ("https://example.com?x=1", "example.com", "/?x=1"),
        ('https://example.com/?"<>', "example.com", "/?%22%3C%3E"),
        ("https://my_host.internal:1/", "my_host.internal:1", "/"),
    ],
)
def test_clear_addresses_are_read(url: str, authority: str, path: str) -> None:
    target = parse(url)
    assert (target.authority, target.path) == (authority, path)


ALLOW = ["api.example.com", "*.files.example.com"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/x",
        "https://API.example.com:443/x",
        "https://a.files.example.com/",
        "https://a.b.files.example.com/",
    ],
)
def test_allowed_payload_addresses(url: str) -> None:
    check_payload(parse(url), ALLOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/x",
        "https://api.example.com:8443/x",
        "https://api.example.com:22/x",
        "https://example.com/",
        "https://files.example.com/",
        "https://evilfiles.example.com/",
        "https://api.example.com.evil.example/",
        "https://x.api.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
    ],
)
def test_other_payload_addresses(url: str) -> None:
    with pytest.raises(Refused):
        check_payload(parse(url), ALLOW)


def test_without_a_list_nothing_is_allowed() -> None:
    with pytest.raises(Refused):
        check_payload(parse("https://api.example.com/"), [])
    with pytest.raises(Refused):
        check_payload(parse("https://api.example.com/"), ["*"])


SPECIAL = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1"),  # noqa: S104
    *("127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1"),
    *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::"),
    *("2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
    *("fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "223.5.5.5"),
    *("2400:3200::1", "2606:4700::1111", "64:ff9b::808:808"),
]


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_not_for_payloads(address: str) -> None:
    with pytest.raises(Refused, match="not allowed"):
        check_address("a.example", address, configured=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address: str) -> None:
    check_address("a.example", address, configured=False)
    check_address("a.example", address, configured=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd00::1"])
def test_administrators_may_use_private_ones(address: str) -> None:
    check_address("a.example", address, configured=True)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"),
        *("fe80::1", "224.0.0.1", "ff02::1"),
    ],
)
def test_metadata_and_links_are_for_nobody(address: str) -> None:
    with pytest.raises(Refused):
        check_address("a.example", address, configured=True)


@given(st.ip_addresses())
def test_public_is_never_wider_than_pythons_view(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_loopback
        assert not address.is_link_local


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_never_better_than_itself(address: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:0:0", "::", "2002::", "64:ff9b::"):
        shift = 80 if prefix == "2002::" else 0
        wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(address) << shift)
        assert not is_public(wrapped) or is_public(address)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a.example/{text}"):
        try:
            target = parse(url)
        except Refused:
            continue
        assert target.path.isascii()
        assert target.path.isprintable()
        assert " " not in target.path
