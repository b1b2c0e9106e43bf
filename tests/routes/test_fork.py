"""A server that forks its workers after the application was made, as gunicorn --preload does."""

import subprocess
import sys

from app.config import PROJECT_ROOT
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery

PROGRAM = """
import os, sys
from pathlib import Path
from app import create_app
from app.config import Settings
from tests.fakes import FakeEmbedder

path, database = sys.argv[1:]
app = create_app(
    Settings(local_atlas_path=Path(path), database=database), embedder=FakeEmbedder(512)
)
service = app.extensions["similar_items"]
assert app.test_client().get("/items/navy/similar").status_code == 200
before = service.collection.database.client
child = os.fork()
if child == 0:
    status = app.test_client().get("/items/navy/similar").status_code
    os._exit(0 if status == 200 and service.collection.database.client is not before else 1)
_, status = os.waitpid(child, 0)
assert app.test_client().get("/items/navy/similar").status_code == 200
service.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_forked_worker_opens_a_client_of_its_own(settings, collection):
    fill_gallery(collection, settings, FakeEmbedder(512))

    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(settings.local_atlas_path), settings.database],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr
