import pytest

from app.fetching import FetchError, shown_url
from app.fetching.urls import parse_url


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("https://shop.example/1.jpg", "https://shop.example/1.jpg"),
        ("HTTPS://SHOP.example:8443/1.jpg", "https://shop.example:8443/1.jpg"),
        ("https://shop.example/Kleid rot.jpg", "https://shop.example/Kleid%20rot.jpg"),
        ("https://shöp.example/ä.jpg", "https://xn--shp-tna.example/%C3%A4.jpg"),
        ("https://[2606:2800::1]/x", "https://[2606:2800::1]/x"),
    ],
)
def test_url_is_brought_into_the_form_that_is_asked(text, asked):
    assert str(parse_url(text, allow_http=False)) == asked


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("http://shop.example/1.jpg", "expected https://"),
        ("ftp://shop.example/1.jpg", "expected https://"),
        ("file:///etc/passwd", "expected https://"),
        ("//shop.example/1.jpg", "expected https://"),
        ("https:///1.jpg", "names no host"),
        ("https://me:secret@shop.example/", "a user or a password"),
        ("https://me@shop.example/", "a user or a password"),
        ("https://shop.example\\@10.0.0.1/", "a user or a password"),
        ("https://shop.example:0/", "port 0"),
        ("https://shop.example:25/", "port 25"),
        ("https://shop.example:65536/", "port 65536"),
        ("https://shop%2eexample/", "names no host"),
        ("https://[fe80::1%25eth0]/", "names no host"),
        ("https://shop.example/\r\nX: y", "not a valid URL"),
        ("https://me:se/cret@shop.example/", "not a valid URL"),
        ("https://shop.example/" + "a" * 9000, "9,021 characters"),
    ],
)
def test_url_that_is_not_fetched_is_refused_with_the_reason(text, named):
    with pytest.raises(FetchError, match=named) as caught:
        parse_url(text, allow_http=False)

    assert "secret" not in str(caught.value)
    assert not caught.value.retryable


def test_http_is_taken_only_where_it_is_allowed():
    assert parse_url("http://shop.example/", allow_http=True).scheme == "http"

    with pytest.raises(FetchError, match="https:// or http://"):
        parse_url("ftp://shop.example/", allow_http=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@shop.example/1.jpg?token=secret#x", "https://shop.example/1.jpg"),
        ("https://shop.example:8443/a%0Ab?secret", "https://shop.example:8443/a%0Ab"),
        ("https://shop.example:secret/", "a URL"),
    ],
)
def test_shown_url_holds_no_secret_and_no_line_break(text, shown):
    assert shown_url(text) == shown
