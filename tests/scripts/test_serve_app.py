import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from app.config import PROJECT_ROOT
from app.errors import ServiceError
from scripts.serve_app import listen, service_url


@pytest.fixture
def environment(settings):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        **os.environ,
        "LOCAL_ATLAS_PATH": str(settings.local_atlas_path),
        "DATABASE": settings.database,
        "PORT": str(port),
    }


def start(environment):
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.serve_app"],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_service_says_where_it_is_answers_and_ends_on_interrupt(environment):
    with start(environment) as process:
        line = process.stdout.readline()
        url = f"http://127.0.0.1:{environment['PORT']}"
        health = httpx.get(f"{url}/healthz")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert url in line
    assert health.json() == {"status": "ok"}


@pytest.mark.parametrize("host", ["no-such-host.invalid", "é..b", "8.8.8.8"])
def test_host_that_cannot_be_used_is_named(host):
    with pytest.raises(ServiceError, match=f"HOST .'{host}'. cannot be used"):
        listen(host, 8000)


def test_ipv6_is_listened_on():
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]

    with listen("::1", port) as listener, socket.create_connection(("::1", port)):
        assert listener.family == socket.AF_INET6
    assert service_url("::1", port) == f"http://[::1]:{port}"
    assert service_url("localhost", port) == f"http://localhost:{port}"


def test_upload_that_the_server_itself_refuses_is_problem_details(environment):
    with start({**environment, "MAX_CONTENT_LENGTH": "1024"}) as process:
        process.stdout.readline()
        response = httpx.post(
            f"http://127.0.0.1:{environment['PORT']}/search/image",
            content=b"x" * 200_000,
            headers={"Content-Type": "image/png"},
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 413
    assert response.json()["detail"] == "The upload is larger than this service takes."


def test_used_port_is_one_sentence(environment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["PORT"])))
        taken.listen()
        with start(environment) as process:
            _, error = process.communicate(timeout=60)

    assert process.returncode == 1
    assert error == (
        f"error: Port {environment['PORT']} on 127.0.0.1 cannot be used "
        "(Address already in use); set PORT to another one.\n"
    )
