"""What /readyz says of the index's lag."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from app.config import Settings
from app.db import connect
from app.index_care import lag
from tests.galleries import fill_gallery


@pytest.fixture
def lagging(tmp_path, embedder):
    """Settings of a filled gallery whose index shows later writes an hour later."""
    settings = Settings(
        local_atlas_path=tmp_path / "data",
        local_atlas_index_lag_ms=3_600_000,
        gallery_root=tmp_path,
    )
    collection = connect(settings)
    fill_gallery(collection, settings, embedder)
    yield settings, collection
    collection.database.client.close()


def test_documents_that_are_not_searchable_yet_are_counted(lagging, serve, embedder):
    settings, collection = lagging
    written_at = datetime.now(UTC) - timedelta(seconds=40)
    document = collection.find_one({"_id": "navy"})
    late = [{**document, "_id": f"late {number}", "updated_at": written_at} for number in range(3)]
    broken = {**document, "_id": "broken", "embedding": [1.0]}
    collection.insert_many([*late, broken])
    client = serve(settings, embedder)

    told = client.get("/readyz").json()["index"]["lag"]

    assert (told["documents"], told["of_the_newest"]) == (3, 10)
    assert 40 <= told["seconds"] < 100


def test_probes_in_a_row_measure_once(client, monkeypatch):
    def measure(*_):
        raise AssertionError("measured again")

    first = client.get("/readyz").json()["index"]["lag"]
    monkeypatch.setattr(lag, "measure_lag", measure)

    assert client.get("/readyz").json()["index"]["lag"] == first


def test_lag_is_unknown_where_the_index_cannot_be_asked_for_ids(
    settings, collection, serve, embedder, tmp_path
):
    file = tmp_path / "without_id.json"
    text = settings.index_file.read_text().replace('"_id": { "type": "token" },', "")
    file.write_text(text)
    changed = dataclasses.replace(settings, index_file=file)
    fill_gallery(collection, changed, embedder)

    assert serve(changed, embedder).get("/readyz").json()["index"]["lag"] is None
