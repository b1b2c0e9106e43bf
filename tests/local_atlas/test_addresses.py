"""Where LocalAtlas listens, and where it refuses to."""

import os
import socket
from pathlib import Path

import pytest

from app.local_atlas import addresses
from app.local_atlas.addresses import (
    AddressError,
    LoopbackAddress,
    SocketAddress,
    automatic_address,
)


@pytest.fixture
def runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.5", "example.com"])
def test_other_interface_is_refused(host: str) -> None:
    with pytest.raises(AddressError, match="never listens on another interface"):
        LoopbackAddress(host, 27017)


def test_port_of_zero_becomes_one_that_is_free() -> None:
    listener, address = LoopbackAddress("127.0.0.1", 0).listen()
    with listener:
        port = listener.getsockname()[1]

        assert address.uri == f"mongodb://127.0.0.1:{port}/?directConnection=true"
        with pytest.raises(AddressError, match="cannot listen on"):
            LoopbackAddress("127.0.0.1", port).listen()


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(AddressError, match=f"--port {port} must be between 0 and 65535"):
        LoopbackAddress("127.0.0.1", port)


def test_uri_of_a_socket_is_percent_encoded() -> None:
    uri = SocketAddress(Path("/tmp/a b.sock")).uri

    assert uri == "mongodb://%2Ftmp%2Fa%20b.sock/?directConnection=true"


def test_socket_that_a_killed_server_left_is_taken_over(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "s.sock")
    left, _ = address.listen()
    left.close()
    assert address.path.exists()

    listener, _ = address.listen()
    with listener, address.connect(timeout_s=5) as connection:
        assert connection.getpeername() == str(address.path)


def test_socket_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "s.sock")
    listener, _ = address.listen()
    with listener:
        with pytest.raises(AddressError, match="Another server is listening"):
            address.listen()

        address.connect(timeout_s=5).close()


def test_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    path.write_text("precious")

    with pytest.raises(AddressError, match="taken by something else"):
        SocketAddress(path).listen()

    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["a" * 120 + ".sock", "socket"], ids=["too long", "no suffix"])
def test_socket_path_that_drivers_cannot_use_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AddressError, match=r"must end in \.sock and be at most 103 bytes"):
        SocketAddress(tmp_path / name).listen()


def test_socket_is_closed_to_others(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "s.sock")
    listener, _ = address.listen()
    with listener:
        assert address.path.stat().st_mode & 0o077 == 0


def test_automatic_socket_depends_on_the_resolved_directory_alone(
    runtime_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")

    address = automatic_address(tmp_path / "data")

    assert address == automatic_address(tmp_path / "link")
    assert address != automatic_address(tmp_path / "other")
    assert address.path.parent.parent == runtime_directory
    assert address.path.parent.stat().st_mode & 0o777 == 0o700


def test_runtime_directory_with_too_long_a_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_path = tmp_path / ("x" * 90)
    long_path.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long_path))

    address = automatic_address(tmp_path)

    assert long_path not in address.path.parents
    assert len(os.fsencode(address.path)) <= 103


def test_directory_for_sockets_that_others_can_enter_is_refused(runtime_directory: Path) -> None:
    (runtime_directory / f"local-atlas-{os.getuid()}").mkdir(mode=0o755)

    with pytest.raises(AddressError, match=r"closed to others \(mode 0700\)"):
        automatic_address(runtime_directory)


def test_link_in_the_place_of_the_directory_for_sockets_is_refused(
    runtime_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (runtime_directory / f"local-atlas-{os.getuid()}").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(AddressError, match="must belong to this user"):
        automatic_address(runtime_directory)


def test_connecting_where_nobody_listens_leaves_no_socket_open(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        SocketAddress(tmp_path / "s.sock").connect(timeout_s=1)


def test_only_loopback_names_are_hosts() -> None:
    assert all(
        socket.getaddrinfo(host, 0)[0][4][0] in ("127.0.0.1", "::1")
        for host in addresses.LOOPBACK_HOSTS
    )
