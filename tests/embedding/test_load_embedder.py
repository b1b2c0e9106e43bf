import subprocess
import sys
from pathlib import Path

import pytest

from app.embedding import SHIPPED_CHECKPOINT, load_embedder
from app.embedding.clip import ClipEmbedder
from app.embedding.clothing import ClothingEmbedder
from app.errors import ConfigError
from tests.checkpoints import write_tiny_clip, write_tiny_clothing


def test_naming_a_model_imports_no_torch(tmp_path: Path):
    clothing = write_tiny_clothing(tmp_path / "clothing")
    clip = write_tiny_clip(tmp_path / "clip")
    code = (
        "import sys\n"
        "from app.embedding import load_embedder\n"
        f"models = ['clip', 'clip:some/name', 'clip:{clip}', 'clothing:{clothing}', 'clothing']\n"
        "embedders = [load_embedder(model) for model in models]\n"
        "[(e.name, e.supports_text, e.is_loaded) for e in embedders]\n"
        "[embedders[i].dimensions for i in (0, 2, 3, 4)]\n"
        "[embedders[i].fingerprint for i in (3, 4)]\n"
        "heavy = {'torch', 'transformers', 'timm', 'torchvision'} & sys.modules.keys()\n"
        "print(*heavy)\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert finished.stdout.split() == []


def test_a_folder_is_named_after_its_family(tmp_path: Path):
    clothing = write_tiny_clothing(tmp_path / "a:b")
    clip = write_tiny_clip(tmp_path / "clip")

    assert isinstance(load_embedder(f"clothing:{clothing}"), ClothingEmbedder)
    assert isinstance(load_embedder(f"clip:{clip}"), ClipEmbedder)


def test_a_relative_folder_goes_before_a_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_tiny_clip(tmp_path / "mine" / "clip")
    monkeypatch.chdir(tmp_path)

    assert load_embedder("clip:mine/clip").dimensions == 12


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "MODEL is ''; expected clothing, clothing:<folder>, clip"),
        ("resnet", "MODEL is 'resnet'; expected"),
        ("Clothing", "MODEL is 'Clothing'; expected"),
        ("clothing:/no/such/folder", "there is no folder /no/such/folder"),
        ("clip:./nothing", "there is no folder nothing"),
        ("clip:/no/such/folder", "there is no folder /no/such/folder"),
        ("clip:a/b/c", "there is no folder a/b/c"),
        ("clip:../no/such", r"there is no folder \.\./no/such"),
    ],
)
def test_a_model_that_cannot_be_is_refused_at_once(model: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load_embedder(model)


def test_a_file_is_not_a_checkpoint(tmp_path: Path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")

    with pytest.raises(ConfigError, match="there is no folder"):
        load_embedder(f"clothing:{file}")


def test_the_checkpoint_that_ships_is_small_and_loads():
    embedder = load_embedder("clothing")
    size_bytes = sum(path.stat().st_size for path in SHIPPED_CHECKPOINT.iterdir())

    embedder.load()

    assert embedder.dimensions == 512
    assert not embedder.supports_text
    assert size_bytes <= 15_000_000


def test_the_checkpoint_that_ships_says_where_it_comes_from():
    card = (SHIPPED_CHECKPOINT / "README.md").read_text()

    assert load_embedder("clothing").fingerprint in card
    for fact in ("CC0", "Apache-2.0", "--seed", "recall_at_1", "map_at_r"):
        assert fact in card
