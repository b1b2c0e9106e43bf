import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, CLIPImageProcessor, CLIPModel

from app.embedding import load_embedder
from app.embedding.clip import ClipEmbedder
from app.embedding.clip_preprocessing import ClipPreprocessing, read_preprocessing
from app.embedding.images import read_image
from app.errors import ConfigError
from tests.checkpoints import TINY_CLIP_DIMENSIONS, write_tiny_clip


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny-clip")


@pytest.fixture
def folder(shared_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(shared_folder, tmp_path / "tiny-clip")


@pytest.fixture(scope="module")
def embedder(shared_folder: Path) -> ClipEmbedder:
    return ClipEmbedder(shared_folder, batch_size=2, precision="fp32")


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


def unit_rows(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows, dim=1).numpy()


def test_name_dimensions_and_text_are_known_before_the_weights_are_read(folder: Path):
    embedder = ClipEmbedder(folder)

    assert embedder.name == "tiny-clip"
    assert embedder.dimensions == TINY_CLIP_DIMENSIONS
    assert embedder.supports_text
    assert not embedder.is_loaded


def test_the_default_checkpoints_dimensions_are_known_offline():
    embedder = load_embedder("clip")

    assert embedder.name == "openai/clip-vit-base-patch32"
    assert embedder.dimensions == 512
    assert not embedder.is_loaded


def test_picture_vectors_are_the_checkpoints_own(shared_folder: Path, embedder: ClipEmbedder):
    images = noise((30, 60), (100, 40), (32, 32))
    model = CLIPModel.from_pretrained(shared_folder).eval()
    processor = AutoProcessor.from_pretrained(shared_folder)
    with torch.inference_mode():
        inputs = processor(images=images, return_tensors="pt")
        pooled = model.vision_model(**inputs).pooler_output
        expected = unit_rows(model.visual_projection(pooled))

    rows = embedder.embed_images(images)

    assert rows.dtype == np.float32
    # Pillow and torch round a resized pixel to neighbouring values now and then.
    assert rows == pytest.approx(expected, abs=1e-3)


REAL_PHOTOS = os.environ.get("CLOTHING_PHOTOS")


def own_vectors(folder: Path, images: list[Image.Image]) -> np.ndarray:
    """Embed as the checkpoint's own files and transformers say."""
    model = CLIPModel.from_pretrained(folder).eval()
    processor = CLIPImageProcessor.from_pretrained(folder)
    with torch.inference_mode():
        inputs = processor(images=images, return_tensors="pt")
        return unit_rows(model.get_image_features(**inputs).pooler_output)


def test_odd_shapes_are_prepared_as_the_checkpoints_processor_does(folder: Path):
    images = noise(
        (31, 60), (100, 41), (33, 32), (32, 33), (7, 5), (640, 427), (3, 299), (500, 333)
    )
    processor = CLIPImageProcessor.from_pretrained(folder, do_rescale=False, do_normalize=False)
    expected = processor(images=images, return_tensors="np")["pixel_values"].transpose(0, 2, 3, 1)

    prepared = np.stack([ClipEmbedder(folder).prepare(image) for image in images])

    assert np.abs(prepared.astype(int) - expected.astype(int)).max() <= 1
    assert own_vectors(folder, images) == pytest.approx(
        ClipEmbedder(folder, precision="fp32").embed_images(images), abs=1e-3
    )


@pytest.mark.skipif(REAL_PHOTOS is None, reason="CLOTHING_PHOTOS names no folder of photos")
def test_real_photos_get_the_vectors_of_the_checkpoints_processor(folder: Path):
    paths = sorted(Path(REAL_PHOTOS or "").rglob("*.jpg"))[::50]
    images = [read_image(path) for path in paths]

    rows = ClipEmbedder(folder, precision="fp32").embed_images(images)

    assert len(images) >= 50
    assert (rows * own_vectors(folder, images)).sum(axis=1).min() >= 0.9995


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"size": 36, "crop_size": 32}, id="numbers, as of old"),
        pytest.param({"size": {"height": 32, "width": 32}}, id="stretched"),
        pytest.param({"size": {"height": 32, "width": 32}, "do_center_crop": False}, id="uncut"),
        pytest.param({"resample": 2}, id="bilinear"),
        pytest.param({"do_normalize": False}, id="not normalised"),
        pytest.param({"do_rescale": False}, id="not rescaled"),
        pytest.param({"image_mean": [0.1, 0.2, 0.3], "rescale_factor": 0.01}, id="other numbers"),
    ],
)
def test_whatever_the_processor_file_says_is_done(folder: Path, steps: dict[str, object]):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | steps))
    images = noise((50, 71), (90, 33))

    assert ClipEmbedder(folder, precision="fp32").embed_images(images) == pytest.approx(
        own_vectors(folder, images), abs=1e-3
    )


def test_steps_that_a_processor_file_leaves_out_are_clips_own(folder: Path):
    (folder / "preprocessor_config.json").write_text(
        '{"image_processor_type": "CLIPImageProcessor"}'
    )
    expected = CLIPImageProcessor()

    steps = read_preprocessing(folder)

    assert steps == ClipPreprocessing(
        short_side_px=expected.size["shortest_edge"],
        is_stretched=False,
        side_px=expected.crop_size["height"],
        resampling=Image.Resampling(expected.resample),
        rescale_factor=expected.rescale_factor,
        mean=tuple(expected.image_mean),
        std=tuple(expected.image_std),
    )


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"do_resize": False}, "do_resize must be true"),
        ({"do_center_crop": False}, "do_center_crop is false"),
        ({"resample": 1}, "resample is 1; expected 2"),
        ({"size": {"longest_edge": 9}}, "size is {'longest_edge': 9}"),
        ({"size": {"shortest_edge": 20}}, r"crop_size \(32\) must be at most size \(20\)"),
        ({"size": {"shortest_edge": 99999}}, "99999 px"),
        ({"crop_size": {"height": 20, "width": 30}}, "crop_size is"),
        ({"image_mean": [1, 2]}, "three numbers"),
        ({"image_mean": "grey"}, "cannot be used"),
        (
            {"crop_size": {"height": 16, "width": 16}},
            "crops pictures to 16 px; its network sees 32",
        ),
    ],
)
def test_steps_that_are_not_done_here_are_refused(
    folder: Path, steps: dict[str, object], message: str
):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | steps))

    with pytest.raises(ConfigError, match=message):
        ClipEmbedder(folder).load()


def test_preparing_needs_neither_weights_nor_torch(folder: Path):
    code = (
        "import sys\n"
        "from PIL import Image\n"
        "from app.embedding import load_embedder\n"
        f"print(load_embedder('clip:{folder}').prepare(Image.new('RGB', (60, 40))).shape)\n"
        "print('torch' in sys.modules)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert finished.stdout.split("\n")[:2] == ["(32, 32, 3)", "False"]


def test_text_vectors_are_the_checkpoints_own(shared_folder: Path, embedder: ClipEmbedder):
    texts = ["a red dress", "shoes", "red"]
    model = CLIPModel.from_pretrained(shared_folder).eval()
    processor = AutoProcessor.from_pretrained(shared_folder)
    expected = []
    with torch.inference_mode():
        for text in texts:  # one by one: padding must not change a vector
            inputs = processor(text=[text], truncation=True, return_tensors="pt")
            pooled = model.text_model(**inputs).pooler_output
            expected.append(unit_rows(model.text_projection(pooled))[0])

    rows = embedder.embed_texts(texts)

    assert rows.shape == (3, TINY_CLIP_DIMENSIONS)
    assert rows == pytest.approx(np.stack(expected), abs=1e-5)


def test_a_text_longer_than_the_model_reads_is_cut_not_refused(embedder: ClipEmbedder):
    long = "red " * 500

    rows = embedder.embed_texts([long, long + "hat"])

    assert rows[0] == pytest.approx(rows[1], abs=1e-6)


@pytest.mark.parametrize("text", ["", " ", "\U0001f457 é \x00"])
def test_an_odd_text_still_gets_a_vector(embedder: ClipEmbedder, text: str):
    rows = embedder.embed_texts([text])

    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_pictures_and_no_texts_give_no_rows(embedder: ClipEmbedder):
    assert embedder.embed_images([]).shape == (0, TINY_CLIP_DIMENSIONS)
    assert embedder.embed_texts([]).shape == (0, TINY_CLIP_DIMENSIONS)


def test_a_torch_weights_file_is_the_same_model_as_safetensors(folder: Path):
    images = noise((30, 60))
    from_safetensors = ClipEmbedder(folder)
    expected = from_safetensors.embed_images(images)
    expected_fingerprint = from_safetensors.fingerprint
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()

    from_torch = ClipEmbedder(folder)

    assert from_torch.embed_images(images) == pytest.approx(expected, abs=1e-6)
    assert from_torch.fingerprint == expected_fingerprint


class RunsCode:
    """Unpickled, it would create a file: the sign that code ran."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.sign),)


@pytest.mark.parametrize("use", ["load", "fingerprint"])
def test_a_torch_file_that_would_run_code_is_refused(folder: Path, tmp_path: Path, use: str):
    sign = tmp_path / "code-ran"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(
        pickle.dumps({"logit_scale": RunsCode(sign)}, protocol=2)
    )
    embedder = ClipEmbedder(folder)

    with pytest.raises(ConfigError, match="cannot be"):
        embedder.load() if use == "load" else embedder.fingerprint

    assert not sign.exists()


def test_weights_that_lack_a_tensor_are_refused_not_made_up(folder: Path):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["visual_projection.weight"]
    save_file(tensors, path, metadata={"format": "pt"})

    with pytest.raises(ConfigError, match=r"lacks 1 tensors, the first is visual_projection"):
        ClipEmbedder(folder).load()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", r"config\.json cannot be read"),
        ("preprocessor_config.json", r"has no preprocessor_config\.json"),
        ("model.safetensors", r"has no model\.safetensors"),
    ],
)
def test_a_folder_that_lacks_a_file_is_refused_at_once(folder: Path, name: str, message: str):
    (folder / name).unlink()

    with pytest.raises(ConfigError, match=message):
        load_embedder(f"clip:{folder}")


def test_a_checkpoint_of_another_kind_is_refused_at_once(folder: Path):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "siglip"}))

    with pytest.raises(ConfigError, match="'siglip'; expected 'clip'"):
        load_embedder(f"clip:{folder}")


def test_a_broken_tokenizer_is_refused_when_it_loads(folder: Path):
    (folder / "tokenizer.json").write_text("{")

    with pytest.raises(ConfigError, match="cannot be loaded"):
        ClipEmbedder(folder).load()


def run_offline(cache: Path, code: str) -> str:
    """Run code in a process whose model hub has only its cache."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return finished.stdout.strip()


def test_a_hub_model_that_cannot_be_had_is_one_sentence_on_first_use(tmp_path: Path):
    message = run_offline(
        tmp_path,
        "from app.embedding import load_embedder\n"
        "from app.errors import ModelUnavailable\n"
        "embedder = load_embedder('clip:nobody/nothing')\n"
        "for use in (embedder.load, lambda: embedder.dimensions, lambda: embedder.fingerprint):\n"
        "    try:\n"
        "        use()\n"
        "    except ModelUnavailable as error:\n"
        "        print(error.message)\n",
    )

    lines = message.splitlines()
    assert len(lines) == 3
    assert all("'nobody/nothing' is not cached and cannot be downloaded" in line for line in lines)


def test_a_cached_hub_model_works_offline(shared_folder: Path, tmp_path: Path):
    stored = tmp_path / "hub" / "models--shop--tiny"
    shutil.copytree(shared_folder, stored / "snapshots" / ("a" * 40))
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("a" * 40)

    found = run_offline(
        tmp_path,
        "from app.embedding import load_embedder\n"
        "embedder = load_embedder('clip:shop/tiny')\n"
        "print(embedder.name, embedder.dimensions, embedder.fingerprint)\n",
    )

    local = load_embedder(f"clip:{shared_folder}")
    assert found.split() == ["shop/tiny", str(local.dimensions), local.fingerprint]


def test_weights_in_shards_are_the_same_model(folder: Path, tmp_path: Path):
    shards = tmp_path / "shards"
    CLIPModel.from_pretrained(folder).save_pretrained(shards, max_shard_size="20KB")
    for path in folder.glob("*.json"):
        if not (shards / path.name).exists():
            shutil.copy(path, shards)

    sharded = ClipEmbedder(shards)
    sharded.load()

    assert len(list(shards.glob("*.safetensors"))) > 1
    assert sharded.fingerprint == ClipEmbedder(folder).fingerprint


def test_another_variant_of_the_weights_beside_them_does_not_count(folder: Path):
    before = ClipEmbedder(folder).fingerprint
    shutil.copy(folder / "model.safetensors", folder / "model.fp16.safetensors")

    assert ClipEmbedder(folder).fingerprint == before
