"""What happens to the data of the page between its commands."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo.collection import Collection

from app.config import PROJECT_ROOT, Settings
from app.indexes import read_index_file
from app.live_indexes import apply_index, wait_until_queryable

Documents = Collection[dict[str, Any]]
Definition = dict[str, Any]

ITEMS = 2_000
LEGACY_ITEMS = 300
_DIMENSIONS = 512
_CLUSTERS = 40
_CATEGORIES = ("dress", "shirt", "shoe", "coat", "hat")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the page's commands run."""

    settings: Settings
    collection: Documents
    folder: Path


def fill(stage: Stage) -> None:
    """Put a gallery into the collection, and the index file into the folder."""
    random = np.random.default_rng(1)
    centres = random.standard_normal((_CLUSTERS, _DIMENSIONS))
    documents = []
    for number in range(ITEMS):
        vector = centres[number % _CLUSTERS] + random.standard_normal(_DIMENSIONS)
        unit = vector / np.linalg.norm(vector)
        documents.append(
            {
                "_id": f"sku-{number:04}",
                "category": _CATEGORIES[number % len(_CATEGORIES)],
                "price": float(random.integers(10, 200)),
                "in_stock": bool(number % 3),
                "embedding": _float32(unit),
                "embedded_by": "3f1c9a0b7e2d",
            }
        )
    stage.collection.insert_many(documents)
    file = PROJECT_ROOT / "atlas" / "gallery_vector.json"
    (stage.folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")


def add_brand(stage: Stage) -> None:
    """Declare another filter field in the index file."""
    content = _read(stage)
    content["filterTypes"]["brand"] = "token"
    content["definition"]["fields"].append({"type": "filter", "path": "brand"})
    _write(stage, content)


def misspell(stage: Stage) -> None:
    """Write another file, with a quantization that there is not."""
    content = _read(stage)
    content["definition"]["fields"][0]["quantization"] = "scalr"
    _write(stage, content, "misspelt.json")


def shrink(stage: Stage) -> None:
    """Write another file, for vectors of another length."""
    content = _read(stage)
    content["definition"]["fields"][0]["numDimensions"] = 384
    _write(stage, content, "smaller.json")


def damage(stage: Stage) -> None:
    """Write what writers get wrong: vectors that the engine passes over in silence."""
    bad = {
        "sku-0011": _float32(np.ones(384)),
        "sku-0012": _float32(np.ones(384)),
        "sku-0100": _float32(np.zeros(_DIMENSIONS)),
        "sku-0200": _float32(np.full(_DIMENSIONS, np.nan)),
        "sku-0300": [0.25] * (_DIMENSIONS - 1) + [None],
        "sku-0400": Binary.from_vector([1] * _DIMENSIONS, BinaryVectorDtype.INT8),
    }
    for item_id, vector in bad.items():
        stage.collection.update_one({"_id": item_id}, {"$set": {"embedding": vector}})


def repair(stage: Stage) -> None:
    """Remove what cannot be searched."""
    lines = (stage.folder / "missing.jsonl").read_text(encoding="utf-8").splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    stage.collection.update_many({"_id": {"$in": ids}}, {"$unset": {"embedding": 1}})


def legacy(stage: Stage) -> None:
    """Put a gallery of vectors in arrays into another collection, under an index with knnVector."""
    index = read_index_file(PROJECT_ROOT / "atlas" / "gallery_knn.json")
    items = stage.collection.find({"embedding": {"$exists": True}}).limit(LEGACY_ITEMS)
    documents = [
        {**item, "embedding": [float(x) for x in item["embedding"].as_vector().data]}
        for item in items
    ]
    collection = stage.collection.database.legacy
    collection.insert_many(documents)
    apply_index(collection, index, update=False)
    wait_until_queryable(collection, index, timeout_s=60)


def _float32(vector: npt.NDArray[Any]) -> Binary:
    return Binary.from_vector(vector.astype(np.float32), BinaryVectorDtype.FLOAT32)


def _read(stage: Stage) -> Definition:
    content: Definition = json.loads(stage.settings.index_file.read_text(encoding="utf-8"))
    return content


def _write(stage: Stage, content: Definition, name: str = "gallery_vector.json") -> None:
    (stage.folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")


SCENES: Mapping[str, Callable[[Stage], None]] = {
    "fill": fill,
    "add_brand": add_brand,
    "misspell": misspell,
    "shrink": shrink,
    "damage": damage,
    "repair": repair,
    "legacy": legacy,
}
