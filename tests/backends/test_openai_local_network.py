import pytest

from edgevoice.backends.local_network import is_local


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.178.20", True),
        ("169.254.3.4", True),
        ("fd00::5", True),
        ("fe80::1%eth0", True),
        ("::ffff:192.168.1.1", True),
        ("::ffff:8.8.8.8", False),
        ("64:ff9b::808:808", False),
        ("8.8.8.8", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_is_local(address: str, local: bool) -> None:
    assert is_local(address) is local
