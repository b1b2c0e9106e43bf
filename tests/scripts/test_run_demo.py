import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.config import PROJECT_ROOT, Settings
from app.errors import ConfigError
from scripts.run_demo import SHIPPED_GALLERY, WORDS_FILE, demo_settings
from tests.galleries import COLORS, draw_item


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:  # not there yet, or too busy to answer
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} is not ready")


def test_own_photos_are_embedded_indexed_and_served(settings, tmp_path):
    for color in COLORS:
        folder = tmp_path / "photos" / ("warm" if color in ("red", "crimson") else "cold")
        folder.mkdir(parents=True, exist_ok=True)
        draw_item(color).save(folder / f"{color}.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    port = free_port()
    environment = {
        **os.environ,
        "LOCAL_ATLAS_PATH": str(settings.local_atlas_path),
        "DATABASE": settings.database,
        "PORT": str(port),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = [sys.executable, "-m", "scripts.run_demo", "--gallery", "photos"]
    url = f"http://127.0.0.1:{port}"

    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until_ready(url)
            hits = httpx.get(f"{url}/items/cold%2Fblue.png/similar?limit=9").json()["hits"]
            picture = httpx.get(f"{url}/items/warm%2Fred.png/image")
            process.send_signal(signal.SIGINT)
            process.wait(30)
        finally:
            process.kill()

    assert len(hits) == len(COLORS) - 1
    assert picture.content == (tmp_path / "photos" / "warm" / "red.png").read_bytes()
    assert "broken.png" in (tmp_path / "failed.jsonl").read_text()


def test_each_gallery_has_a_collection_of_its_own(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    shipped = demo_settings(Settings(), SHIPPED_GALLERY)
    first, second = (demo_settings(Settings(), tmp_path / name) for name in ("a", "b"))

    assert shipped.collection == "demo"
    assert shipped.gallery_root == SHIPPED_GALLERY.parent
    assert len({shipped.collection, first.collection, second.collection}) == 3
    assert first.gallery_root == tmp_path / "a"


def test_index_of_words_goes_with_a_demo_where_it_fits(tmp_path):
    def words_file(**settings):
        return demo_settings(Settings(**settings), tmp_path).lexical_index_file

    atlas = PROJECT_ROOT / "atlas"
    own = tmp_path / "own.json"

    assert words_file() == words_file(index_file=atlas / "gallery_vector.json") == WORDS_FILE
    assert words_file(lexical_index_file=own) == own
    assert words_file(index_file=atlas / "gallery_hybrid_knn.json") is None
    assert words_file(index_file=atlas / "products_vector.json") is None


def test_missing_gallery_is_refused():
    with pytest.raises(ConfigError, match="nowhere"):
        demo_settings(Settings(), Path("nowhere"))
