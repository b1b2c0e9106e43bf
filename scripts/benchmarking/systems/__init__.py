"""The systems that are compared, each behind the same small interface; see `system`."""

from importlib import import_module
from pathlib import Path

from scripts.benchmarking.systems.system import System

# Modules are imported in the worker that needs them, so that a missing package harms nobody else.
_CLASSES = {
    "local_atlas": ("local_atlas", "LocalAtlas"),
    "chroma": ("chroma", "Chroma"),
    "lancedb": ("lance", "LanceDB"),
    "qdrant_local": ("qdrant", "QdrantLocal"),
    "numpy_exact": ("numpy_exact", "NumpyExact"),
}
NAMES = tuple(_CLASSES)
PACKAGES = {
    "local_atlas": ("pymongo", "faiss-cpu", "numpy"),
    "chroma": ("chromadb",),
    "lancedb": ("lancedb", "pyarrow"),
    "qdrant_local": ("qdrant-client", "numpy"),
    "numpy_exact": ("numpy",),
}


def open_system(name: str, folder: Path) -> System:
    """Make a system that keeps its data below an empty folder."""
    module, class_name = _CLASSES[name]
    system: System = getattr(import_module(f"{__name__}.{module}"), class_name)(folder)
    return system
