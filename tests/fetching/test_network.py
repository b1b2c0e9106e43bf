import socket
import ssl
import threading

import pytest

from app.fetching import FetchError
from app.fetching.network import system_addresses
from tests.fetching.conftest import Resolver
from tests.picture_server import LOOPBACK, answering, redirecting

PNG = b"\x89PNG\r\n\x1a\n and so on"


def refusal(fetcher, url):
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url)
    return caught.value


@pytest.fixture
def quiet_port():
    """A port of loopback where connecting is noticed: yields it and the connections made."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def has_been_asked(listener):
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "127.1"])
def test_own_machine_is_refused_however_it_is_written(quiet_port, open_fetcher, host):
    fetcher = open_fetcher(allowed_networks=(), resolve=system_addresses)
    error = refusal(fetcher, f"https://{host}:{quiet_port.getsockname()[1]}/")

    assert "which is no public address of the internet" in error.message
    assert not error.retryable
    assert not has_been_asked(quiet_port)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%lo"]
)
def test_name_of_a_private_address_is_refused_and_the_address_kept_from_the_sender(
    quiet_port, open_fetcher, address, caplog
):
    fetcher = open_fetcher(allowed_networks=(), resolve=Resolver([address]))

    error = refusal(fetcher, f"https://shop.example:{quiet_port.getsockname()[1]}/1.png")

    assert error.message == (
        "The host shop.example is at an address which is no public address of the internet."
    )
    assert address in caplog.text
    assert not has_been_asked(quiet_port)


def test_name_with_one_private_address_among_public_ones_is_refused(open_fetcher):
    fetcher = open_fetcher(resolve=Resolver(["127.0.0.1", "10.0.0.1"]))

    assert "no public address" in refusal(fetcher, "https://shop.example:4433/1.png").message


@pytest.mark.parametrize("target", ["https://127.0.0.2/", "https://169.254.169.254/latest/"])
def test_redirect_to_a_private_address_is_refused(pictures, open_fetcher, target):
    pictures.answers["/1.png"] = redirecting(target)
    addresses = {"pictures.example": ["127.0.0.1"]}

    fetcher = open_fetcher(
        allowed_networks=("127.0.0.1/32",), resolve=lambda host, port: addresses.get(host, [host])
    )

    assert "no public address" in refusal(fetcher, pictures.url("/1.png")).message


def test_connection_goes_to_the_address_that_was_checked(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(PNG)
    rebinding = Resolver(["127.0.0.1"], ["169.254.169.254"])
    fetcher = open_fetcher(resolve=rebinding)

    assert fetcher.fetch(pictures.url("/1.png")).content == PNG
    assert rebinding.asked == ["pictures.example"]


def test_name_is_looked_up_again_for_the_next_connection(pictures, open_fetcher):
    def closing_redirect(handler):
        handler.close_connection = True
        answering(status=302, Location="/1.png", Connection="close")(handler)

    pictures.answers["/old.png"] = closing_redirect
    pictures.answers["/1.png"] = answering(PNG)
    rebinding = Resolver(["127.0.0.1"], ["169.254.169.254"])

    error = refusal(open_fetcher(resolve=rebinding), pictures.url("/old.png"))

    assert "no public address" in error.message
    assert rebinding.asked == ["pictures.example"] * 2


def test_certificate_is_checked_against_the_name_and_not_the_address(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(PNG)

    error = refusal(open_fetcher(), pictures.url("/1.png", host="other.example"))

    assert "has no valid certificate" in error.message
    assert "other.example" in error.message
    assert not error.retryable
    assert pictures.requests == []


def test_certificate_of_an_unknown_authority_is_refused(pictures, open_fetcher):
    fetcher = open_fetcher(ssl_context=ssl.create_default_context())

    assert "has no valid certificate" in refusal(fetcher, pictures.url("/1.png")).message


def test_server_without_tls_is_told_from_one_that_is_away(plain_pictures, open_fetcher):
    url = plain_pictures.url("/1.png").replace("http:", "https:")

    error = refusal(open_fetcher(), url)

    assert "does not speak TLS" in error.message
    assert not error.retryable


def test_http_is_fetched_where_it_is_allowed(plain_pictures, open_fetcher):
    plain_pictures.answers["/1.png"] = answering(PNG)

    fetched = open_fetcher(allow_http=True).fetch(plain_pictures.url("/1.png"))

    assert fetched.content == PNG


def test_proxy_of_the_environment_is_not_asked(pictures, open_fetcher, quiet_port, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{quiet_port.getsockname()[1]}")
    pictures.answers["/1.png"] = answering(PNG)

    assert open_fetcher().fetch(pictures.url("/1.png")).content == PNG
    assert not has_been_asked(quiet_port)


def test_refused_connection_is_retryable(open_fetcher):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    resolver = Resolver(["127.0.0.1"])

    error = refusal(open_fetcher(max_retries=2, resolve=resolver), f"https://shop.example:{port}/")

    assert error.message == f"https://shop.example:{port}/ cannot be reached: Connection refused."
    assert error.retryable
    assert len(resolver.asked) == 3


def test_next_address_is_tried_where_one_does_not_answer(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(PNG)
    resolver = Resolver(["127.0.0.9", "127.0.0.1"])

    assert open_fetcher(resolve=resolver).fetch(pictures.url("/1.png")).content == PNG
    assert len(resolver.asked) == 1


def failing(error):
    def resolve(host, port):
        raise error

    return resolve


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
        (UnicodeError("label too long"), False),
    ],
)
def test_unknown_host_is_a_sentence(open_fetcher, error, retryable):
    fetcher = open_fetcher(resolve=failing(error))

    caught = refusal(fetcher, "https://shop.example/1.png")

    assert caught.message.startswith("The host shop.example cannot be found: ")
    assert caught.retryable is retryable


def test_host_without_any_address_is_refused(open_fetcher):
    assert (
        "has no address"
        in refusal(open_fetcher(resolve=Resolver([])), "https://shop.example/").message
    )


def test_resolver_that_hangs_is_left_in_time(open_fetcher):
    over = threading.Event()
    fetcher = open_fetcher(
        resolve=lambda host, port: over.wait(10) and [], connect_s=0.1, max_retries=0
    )

    error = refusal(fetcher, "https://shop.example/1.png")
    over.set()

    assert "cannot be reached: no answer in time" in error.message
    assert error.retryable


def test_server_that_never_shakes_hands_is_left_in_time(quiet_port, open_fetcher):
    fetcher = open_fetcher(connect_s=0.1, max_retries=0, allowed_networks=LOOPBACK)

    error = refusal(fetcher, f"https://shop.example:{quiet_port.getsockname()[1]}/1.png")

    assert "cannot be reached: no answer in time" in error.message
