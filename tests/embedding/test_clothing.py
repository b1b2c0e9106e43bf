import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms import functional as reference

from app.embedding import load_embedder
from app.embedding.clothing import ClothingEmbedder
from app.embedding.networks import ClothingNetwork, load_weights
from app.errors import ConfigError, TextNotSupported
from tests.checkpoints import TINY_BACKBONE, write_tiny_clothing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_clothing(tmp_path / "tiny")


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


def rewrite_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for key, tensor in changes.items():
        name = key.replace("__", ".")
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, path)


def test_name_and_dimensions_are_known_before_the_weights_are_read(folder: Path):
    embedder = ClothingEmbedder(folder)

    assert embedder.name == "tiny"
    assert embedder.dimensions == 16
    assert not embedder.supports_text
    assert not embedder.is_loaded


def test_the_fingerprint_needs_no_weights_in_memory(folder: Path):
    embedder = ClothingEmbedder(folder)

    assert len(embedder.fingerprint) == 64
    assert not embedder.is_loaded


def test_embeddings_are_those_of_the_network_on_the_stretched_picture(folder: Path):
    images = noise((30, 60), (100, 20), (48, 48))
    network = ClothingNetwork(TINY_BACKBONE, 16).eval()
    load_weights(network, folder / "model.safetensors")
    resized = [image.resize((48, 48), Image.Resampling.BICUBIC) for image in images]
    pixels = torch.stack(
        [reference.normalize(reference.to_tensor(i), [0.5] * 3, [0.5] * 3) for i in resized]
    )
    with torch.inference_mode():
        expected = network(pixels).numpy()

    rows = ClothingEmbedder(folder).embed_images(images)

    assert rows == pytest.approx(expected, abs=1e-5)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-6)


def test_no_batch_normalisation_is_left_in_a_loaded_network(folder: Path):
    embedder = ClothingEmbedder(folder)
    embedder.load()

    left = [one for one in embedder._network.modules() if isinstance(one, torch.nn.BatchNorm2d)]

    assert left == []


def test_a_picture_gets_the_same_vector_alone_and_in_a_batch(folder: Path):
    images = noise((30, 60), (100, 20), (48, 48), (70, 70), (20, 90))
    embedder = ClothingEmbedder(folder, batch_size=3)

    together = embedder.embed_images(images)
    alone = np.concatenate([embedder.embed_images([image]) for image in images])

    assert together == pytest.approx(alone, abs=1e-5)


def test_several_threads_get_the_vectors_that_one_gets(folder: Path):
    embedder = ClothingEmbedder(folder)
    images = noise(*[(40, 40)] * 8)
    found: dict[int, np.ndarray] = {}

    def embed(i: int) -> None:
        found[i] = embedder.embed_images([images[i]])[0]

    threads = [threading.Thread(target=embed, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = embedder.embed_images(images)
    assert np.stack([found[i] for i in range(8)]) == pytest.approx(expected, abs=1e-5)


def test_text_is_refused(folder: Path):
    with pytest.raises(TextNotSupported, match="MODEL=clip"):
        ClothingEmbedder(folder).embed_texts(["a red dress"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"backbone__conv_stem__weight": None},
            r"lacks 1 tensors, the first is backbone\.conv_stem\.weight",
            id="missing",
        ),
        pytest.param({"surplus": torch.zeros(1)}, r"1 unknown tensors.* surplus", id="unknown"),
        pytest.param(
            {"backbone__bn1__weight": torch.zeros(3)},
            r"backbone\.bn1\.weight has shape \(3,\); expected",
            id="shape",
        ),
        pytest.param(
            {"projection_head__weight": torch.full((16, 256), torch.nan)},
            r"projection_head\.weight has values that are not finite",
            id="not a number",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_when_they_load(
    folder: Path, changes: dict[str, torch.Tensor | None], message: str
):
    rewrite_weights(folder, **changes)
    embedder = ClothingEmbedder(folder)

    with pytest.raises(ConfigError, match=message):
        embedder.load()

    assert not embedder.is_loaded


def test_an_unknown_backbone_is_refused_when_it_loads(folder: Path):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(TINY_BACKBONE, "no_such_net"))

    with pytest.raises(ConfigError, match="'no_such_net'; expected a timm model name"):
        ClothingEmbedder(folder).load()


def test_a_pickle_in_place_of_the_weights_is_refused_unread(folder: Path):
    torch.save({"projection_head.weight": torch.zeros(16, 4)}, folder / "model.safetensors")

    with pytest.raises(ConfigError, match="cannot be read as safetensors"):
        load_embedder(f"clothing:{folder}")
