import contextlib
import logging
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.config import Settings
from app.fetching import Fetched, Fetcher, FetchError, FetchLimits, NotModified
from tests.picture_server import LOOPBACK, answering, redirecting

PNG = b"\x89PNG\r\n\x1a\n and so on"


def refusal(fetcher, url, **arguments):
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url, **arguments)
    return caught.value


def in_turn(*answers):
    """Answer each request with the next, and from the last one on always with that."""
    remaining = list(answers)
    return lambda handler: (remaining.pop(0) if len(remaining) > 1 else remaining[0])(handler)


def test_picture_comes_with_its_validators(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(
        PNG, ETag='"v1"', Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT"
    )

    fetched = open_fetcher().fetch(pictures.url("/1.png?size=2"))

    assert fetched == Fetched(PNG, '"v1"', "Wed, 21 Oct 2015 07:28:00 GMT")
    path, headers = pictures.requests[0]
    assert path == "/1.png?size=2"
    assert headers["Host"] == f"pictures.example:{pictures.server_port}"
    assert headers["Accept-Encoding"] == "identity"


def test_unchanged_picture_is_not_sent_again(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(status=304)
    fetcher = open_fetcher()

    answer = fetcher.fetch(pictures.url("/1.png"), etag='"v1"', last_modified="yesterday")

    assert answer == NotModified()
    headers = pictures.requests[0][1]
    assert (headers["If-None-Match"], headers["If-Modified-Since"]) == ('"v1"', "yesterday")
    assert "answered 304" in refusal(fetcher, pictures.url("/1.png")).message


def test_validator_that_no_header_can_hold_is_left_out(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(PNG, ETag='"' + "v" * 2000 + '"', Last_Modified="é")

    fetched = open_fetcher().fetch(pictures.url("/1.png"), etag='"a"\r\nCookie: x')

    assert (fetched.etag, fetched.last_modified) == (None, None)
    assert not {"If-None-Match", "Cookie"} & set(pictures.requests[0][1])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(pictures, open_fetcher, status):
    pictures.answers["/old.png"] = redirecting("sub/../new.png?x=1", status)
    pictures.answers["/new.png"] = answering(PNG)

    assert open_fetcher().fetch(pictures.url("/old.png")).content == PNG
    assert [path for path, _ in pictures.requests] == ["/old.png", "/new.png?x=1"]


def test_cookies_and_passwords_are_never_sent(pictures, open_fetcher, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    pictures.answers["/old.png"] = answering(
        status=302, Location="/new.png", Set_Cookie="session=1"
    )
    pictures.answers["/new.png"] = answering(PNG)

    open_fetcher().fetch(pictures.url("/old.png"))

    assert all(not {"Cookie", "Authorization"} & set(headers) for _, headers in pictures.requests)


def test_redirect_loop_is_refused(pictures, open_fetcher):
    pictures.answers["/a"] = redirecting("/b")
    pictures.answers["/b"] = redirecting("/a")

    error = refusal(open_fetcher(), pictures.url("/a"))

    assert error.message == f"{pictures.url('/a')} redirects in a circle."
    assert not error.retryable
    assert len(pictures.requests) == 2


def test_redirects_without_end_are_refused(pictures, open_fetcher):
    def further(handler):
        redirecting(handler.path + "1")(handler)

    pictures.answers.update(dict.fromkeys(["/" + "1" * n for n in range(9)], further))

    assert (
        "more than 3 redirects" in refusal(open_fetcher(max_redirects=3), pictures.url("/")).message
    )
    assert len(pictures.requests) == 4


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("http://pictures.example/1.png", "expected https://"),
        ("ftp://pictures.example/1.png", "expected https://"),
        ("https://me:secret@pictures.example/1.png", "a user or a password"),
        ("https://pictures.example:25/1.png", "port 25"),
        ("https://pictures.example:port/", "not to a valid URL"),
    ],
)
def test_redirect_to_what_is_not_fetched_is_refused(pictures, open_fetcher, location, named):
    pictures.answers["/1.png"] = redirecting(location)

    error = refusal(open_fetcher(), pictures.url("/1.png"))

    assert named in error.message
    assert "secret" not in error.message
    assert len(pictures.requests) == 1


def test_redirect_to_nowhere_is_refused(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(status=302)

    assert "not to a valid URL" in refusal(open_fetcher(), pictures.url("/1.png")).message


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_picture_that_is_not_there_is_asked_for_once(pictures, open_fetcher, status):
    pictures.answers["/1.png"] = answering(b"no", status=status)

    error = refusal(open_fetcher(), pictures.url("/1.png?secret"))

    assert error.message.startswith(f"{pictures.url('/1.png')} answered {status} ")
    assert not error.retryable
    assert len(pictures.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(pictures, open_fetcher, status):
    pictures.answers["/1.png"] = in_turn(answering(status=status), answering(PNG))

    assert open_fetcher().fetch(pictures.url("/1.png")).content == PNG
    assert len(pictures.requests) == 2


def test_retries_come_to_an_end(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(status=503)

    error = refusal(open_fetcher(max_retries=2), pictures.url("/1.png"))

    assert "503 Service Unavailable" in error.message
    assert error.retryable
    assert len(pictures.requests) == 3


def test_retry_after_is_waited_for(pictures, open_fetcher):
    pictures.answers["/1.png"] = in_turn(answering(status=429, Retry_After="1"), answering(PNG))
    start_s = time.monotonic()

    assert open_fetcher().fetch(pictures.url("/1.png")).content == PNG
    assert time.monotonic() - start_s >= 1


@pytest.mark.parametrize(
    "retry_after",
    [
        lambda: "3600",
        lambda: format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True),
    ],
    ids=["seconds", "date"],
)
def test_retry_after_that_is_too_long_leaves_the_picture_to_another_run(
    pictures, open_fetcher, retry_after
):
    pictures.answers["/1.png"] = answering(status=503, Retry_After=retry_after())

    error = refusal(open_fetcher(total_s=7200), pictures.url("/1.png"))

    assert error.retryable
    assert error.retry_after_s == pytest.approx(3600, abs=60)
    assert len(pictures.requests) == 1


def test_retry_after_that_says_nothing_is_passed_over(pictures, open_fetcher):
    pictures.answers["/1.png"] = in_turn(answering(status=503, Retry_After="soon"), answering(PNG))

    assert open_fetcher().fetch(pictures.url("/1.png")).content == PNG


def test_connection_that_breaks_off_in_the_middle_is_tried_again(pictures, open_fetcher):
    def half(handler):
        handler.close_connection = True
        answering(PNG, Content_Length="1000")(handler)

    pictures.answers["/1.png"] = in_turn(half, answering(PNG))

    assert open_fetcher().fetch(pictures.url("/1.png")).content == PNG

    pictures.answers["/1.png"] = half
    error = refusal(open_fetcher(max_retries=0), pictures.url("/1.png"))
    assert "broke off" in error.message
    assert error.retryable


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PNG, "text/html; charset=utf-8"),
        (PNG, "Application/XHTML+XML"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><p>Sold out", "image/png"),
        (b"<html>", "application/octet-stream"),
    ],
)
def test_page_with_status_200_is_refused(pictures, open_fetcher, body, content_type):
    pictures.answers["/1.png"] = answering(body, Content_Type=content_type)

    error = refusal(open_fetcher(), pictures.url("/1.png"))

    assert "page" in error.message
    assert not error.retryable


def test_compressed_answer_is_refused_unread(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(b"\x1f\x8b" + bytes(50), Content_Encoding="gzip")

    assert "compressed (gzip)" in refusal(open_fetcher(), pictures.url("/1.png")).message


def test_picture_of_too_many_bytes_is_refused_by_its_header(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(b"", Content_Length="1001")

    error = refusal(open_fetcher(max_bytes=1000), pictures.url("/1.png"))

    assert error.message == f"{pictures.url('/1.png')} has more bytes than the 1,000 that are read."
    assert not error.retryable


@pytest.mark.parametrize("is_chunked", [True, False])
def test_body_without_end_is_cut_off_at_the_cap(pictures, open_fetcher, is_chunked):
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked") if is_chunked else None
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            sent.append(65536)

    pictures.answers["/1.png"] = endless

    assert "1,000,000" in refusal(open_fetcher(max_bytes=1_000_000), pictures.url("/1.png")).message
    assert sum(sent) < 50_000_000


def drip_body(handler):
    answering(Content_Length="100000")(handler)
    drip(handler)


def drip(handler):
    while True:
        handler.wfile.write(b"a")
        time.sleep(0.02)


def drip_chunk_size(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"0")
        time.sleep(0.02)


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(handler)


def drip_interim_answers(handler):
    while True:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize("trick", [drip_body, drip_chunk_size, drip_headers, drip_interim_answers])
def test_server_that_drips_is_left_when_the_time_is_over(pictures, open_fetcher, trick):
    pictures.answers["/1.png"] = trick

    error = refusal(open_fetcher(total_s=0.5, read_s=0.4), pictures.url("/1.png"))

    assert "longer than 0.5 s in all" in error.message
    assert error.retryable
    assert len(pictures.requests) == 1


def test_server_that_goes_silent_is_left_and_tried_again(pictures, open_fetcher):
    over = threading.Event()
    pictures.answers["/1.png"] = in_turn(lambda handler: over.wait(10), answering(PNG))

    assert open_fetcher(read_s=0.1).fetch(pictures.url("/1.png")).content == PNG

    pictures.answers["/1.png"] = lambda handler: over.wait(10)
    error = refusal(open_fetcher(read_s=0.1, max_retries=0), pictures.url("/1.png"))
    over.set()
    assert "went silent" in error.message
    assert error.retryable


def test_connection_is_used_again(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(PNG)
    pictures.answers["/old.png"] = redirecting("/1.png")
    pictures.answers["/gone.png"] = answering(b"no", status=404)
    pictures.answers["/same.png"] = answering(status=304)
    fetcher = open_fetcher()

    fetcher.fetch(pictures.url("/1.png"))
    fetcher.fetch(pictures.url("/old.png"))
    refusal(fetcher, pictures.url("/gone.png"))
    fetcher.fetch(pictures.url("/same.png"), etag='"1"')
    fetcher.fetch(pictures.url("/1.png"))

    assert pictures.connections == 1


class Crowd:
    """An answer that counts how many ask at the same time."""

    def __init__(self):
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, handler):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        answering(PNG)(handler)


def test_one_host_is_asked_for_few_pictures_at_a_time(pictures, open_fetcher):
    crowd = pictures.answers["/1.png"] = Crowd()
    fetcher = open_fetcher(per_host=3)

    with ThreadPoolExecutor(12) as threads:
        fetched = list(threads.map(fetcher.fetch, [pictures.url("/1.png")] * 12))

    assert [one.content for one in fetched] == [PNG] * 12
    assert crowd.most == 3


def test_hosts_do_not_wait_for_each_other(plain_pictures, open_fetcher):
    crowd = plain_pictures.answers["/1.png"] = Crowd()
    fetcher = open_fetcher(per_host=1, allow_http=True)
    urls = [plain_pictures.url("/1.png", host=f"{name}.example") for name in "abcd"]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(fetcher.fetch, urls))

    assert crowd.most > 1


def test_waiting_for_a_turn_costs_none_of_the_time(pictures, open_fetcher):
    pictures.answers["/1.png"] = lambda handler: (time.sleep(0.25), answering(PNG)(handler))
    fetcher = open_fetcher(per_host=1, total_s=1.2)

    with ThreadPoolExecutor(6) as threads:
        fetched = list(threads.map(fetcher.fetch, [pictures.url("/1.png")] * 6))

    assert len(fetched) == 6


def test_waiting_for_a_turn_may_have_an_end(pictures, open_fetcher):
    over = threading.Event()
    pictures.answers["/1.png"] = lambda handler: (over.wait(10), answering(PNG)(handler))
    fetcher = open_fetcher(per_host=1, turn_s=0.05, max_retries=0)

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(fetcher.fetch, pictures.url("/1.png"))
        while not pictures.requests:
            time.sleep(0.01)
        error = refusal(fetcher, pictures.url("/1.png"))
        over.set()

    assert "Too many pictures of the host pictures.example" in error.message
    assert error.retryable
    assert first.result().content == PNG


def test_neither_query_nor_password_is_in_any_log(pictures, open_fetcher, caplog):
    pictures.answers["/old.png"] = redirecting("/1.png?signature=secret2")
    pictures.answers["/1.png"] = in_turn(answering(status=503), answering(status=404))
    caplog.set_level(logging.DEBUG)

    error = refusal(open_fetcher(), pictures.url("/old.png?signature=secret1"))

    assert "secret" not in error.message + caplog.text


def test_settings_reach_the_fetcher(plain_pictures):
    settings = Settings(allow_http_images=True, fetch_max_bytes=1024, fetch_timeout_ms=500)

    with Fetcher.from_settings(settings) as fetcher:
        error = refusal(fetcher, plain_pictures.url("/1.png", host="127.0.0.1"))

    assert "no public address" in error.message
    with Fetcher.from_settings(Settings()) as fetcher:
        assert "expected https://" in refusal(fetcher, "http://shop.example/").message


def test_fetcher_sent_to_another_process_is_the_one_of_its_settings_there(plain_pictures):
    plain_pictures.answers["/1.png"] = answering(PNG)
    url = plain_pictures.url("/1.png", host="127.0.0.1")
    with Fetcher(FetchLimits(max_bytes=3), allow_http=True, allowed_networks=LOOPBACK) as fetcher:
        sent = pickle.dumps(fetcher)

    first, second = pickle.loads(sent), pickle.loads(sent)

    with first:
        assert second is first
        assert "more bytes than the 3" in refusal(first, url).message


def test_host_that_keeps_failing_is_left_alone_for_a_while(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(status=503)
    pictures.answers["/2.png"] = answering(PNG)
    fetcher = open_fetcher(max_retries=0, max_failures=3)

    for _ in range(3):
        refusal(fetcher, pictures.url("/1.png"))
    error = refusal(fetcher, pictures.url("/2.png"))

    assert "pictures.example failed 3 times in a row and is left alone" in error.message
    assert error.retryable
    assert len(pictures.requests) == 3


def test_host_that_was_left_alone_is_asked_again(pictures, open_fetcher):
    pictures.answers["/1.png"] = answering(status=503)
    pictures.answers["/2.png"] = answering(PNG)
    fetcher = open_fetcher(max_retries=0, max_failures=1, outage_s=0.1)

    refusal(fetcher, pictures.url("/1.png"))
    time.sleep(0.1)

    assert fetcher.fetch(pictures.url("/2.png")).content == PNG


@pytest.mark.parametrize("status", [200, 404])
def test_host_that_answers_in_between_is_not_left_alone(pictures, open_fetcher, status):
    pictures.answers["/1.png"] = answering(status=503)
    pictures.answers["/2.png"] = answering(PNG, status=status)
    fetcher = open_fetcher(max_retries=0, max_failures=2)

    for path in ("/1.png", "/2.png", "/1.png", "/2.png"):
        with contextlib.suppress(FetchError):
            fetcher.fetch(pictures.url(path))

    assert len(pictures.requests) == 4
