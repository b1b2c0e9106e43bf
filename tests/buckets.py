"""An S3 of moto's on loopback, which the store's client finds through the environment alone."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


@contextmanager
def s3_server() -> Iterator[str]:
    """Run the server; yield its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class TestBucket:
    """One bucket, filled and asked by a client of its own."""

    __test__ = False

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
        self._client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def deny(self, action: str, keys: str = "*") -> None:
        """Refuse an action, such as s3:GetObject, on some keys to everybody."""
        arn = f"arn:aws:s3:::{self.name}"
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": [arn, f"{arn}/{keys}"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self._client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))


@contextmanager
def locked(endpoint: str) -> Iterator[None]:
    """Let the server know nobody's credentials, as moto does when it authorizes requests."""
    _authorize_from(endpoint, "0")
    try:
        yield
    finally:
        _authorize_from(endpoint, "inf")


def _authorize_from(endpoint: str, request_count: str) -> None:
    request = urllib.request.Request(
        f"{endpoint}/moto-api/reset-auth", request_count.encode(), {"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(request).close()


def point_environment_at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients find the server, and credentials that it takes, where they look anyway."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
