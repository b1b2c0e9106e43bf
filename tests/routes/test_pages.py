import dataclasses
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.routes.pages import MAX_CHOICES
from tests.fakes import FakeEmbedder


def test_the_page_is_html_without_inline_script_or_style(client: httpx.Client) -> None:
    response = client.get("/")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)", response.text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", response.text) == []


def test_everything_that_the_page_names_is_served_from_here(client: httpx.Client) -> None:
    page = client.get("/").text
    module = client.get("/static/page.js").text

    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page)
    addresses += [f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', module)]

    assert "/static/style.css" in addresses
    assert "/static/api.js" in addresses
    assert all(address.startswith("/") for address in addresses)
    assert {client.get(address).status_code for address in addresses} == {200}


def test_filters_are_the_fields_of_few_values(client: httpx.Client) -> None:
    response = client.get("/filters")

    assert response.status_code == 200
    assert {entry["field"]: entry for entry in response.json()["filters"]} == {
        "category": {"field": "category", "type": "token", "values": ["dress", "shirt"]},
        "color": {
            "field": "color",
            "type": "token",
            "values": ["blue", "crimson", "green", "navy", "red", "white"],
        },
        "in_stock": {"field": "in_stock", "type": "boolean", "values": [False, True]},
    }


def test_a_field_of_many_values_is_no_filter(client: httpx.Client, collection: Any) -> None:
    collection.insert_many({"_id": f"x{i}", "color": f"c{i}"} for i in range(MAX_CHOICES))

    fields = [entry["field"] for entry in client.get("/filters").json()["filters"]]

    assert fields == ["category", "in_stock"]


def test_values_of_another_type_are_no_choices(client: httpx.Client, collection: Any) -> None:
    collection.insert_many([{"_id": "x", "category": 7}, {"_id": "y", "category": None}])

    filters = {
        entry["field"]: entry["values"] for entry in client.get("/filters").json()["filters"]
    }

    assert filters["category"] == ["dress", "shirt"]


@pytest.mark.usefixtures("collection")
def test_an_empty_gallery_has_no_filters(
    settings: Settings, embedder: FakeEmbedder, serve: Callable[..., httpx.Client]
) -> None:
    response = serve(settings, embedder).get("/filters")

    assert response.json() == {"filters": []}


def test_without_a_database_the_page_is_there_and_filters_say_what_is_missing(
    settings: Settings, embedder: FakeEmbedder, serve: Callable[..., httpx.Client]
) -> None:
    unreachable = dataclasses.replace(settings, mongodb_uri="mongodb://127.0.0.1:1/")
    client = serve(unreachable, embedder)

    assert client.get("/").status_code == 200
    response = client.get("/filters")
    assert response.status_code == 503
    assert response.json()["code"] == "database_unavailable"
