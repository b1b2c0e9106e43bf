from ipaddress import ip_address

import pytest

from app.fetching.addresses import AddressRule, is_global


@pytest.mark.parametrize(
    "text",
    [
        "93.184.215.14",
        "1.1.1.1",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ],
)
def test_public_address_is_global(text):
    assert is_global(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "233.252.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "100::1",
        "2001:0:101:101::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_any_other_address_is_not_global_however_it_is_wrapped(text):
    assert not is_global(ip_address(text))
    assert not AddressRule().allows(text)


def test_allowed_network_adds_to_the_global_ones_and_to_nothing_else():
    rule = AddressRule(["127.0.0.0/8", "fd00::/64"])

    assert rule.allows("127.0.0.1")
    assert rule.allows("fd00::1")
    assert rule.allows("1.1.1.1")
    assert not rule.allows("10.0.0.1")
    assert not rule.allows("::1")


def test_address_of_one_interface_is_refused_even_in_an_allowed_network():
    assert not AddressRule(["fe80::/10"]).allows("fe80::1%eth0")
