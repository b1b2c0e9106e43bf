"""The usual loop that ingestion is measured beside: a picture at a time, float32, `insert_one`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pymongo.collection import Collection

EmbedFile = Callable[[Path], NDArray[np.float32]]


def run_naive_loop(
    paths: Sequence[Path], embed_file: EmbedFile, collection: Collection[dict[str, Any]]
) -> None:
    """Embed each picture and insert it, one after the other."""
    for path in paths:
        embedding = embed_file(path)
        collection.insert_one({"_id": str(path), "embedding": embedding.tolist()})


def naive_clip(folder: Path) -> EmbedFile:
    """Return the loop's body of a CLIP checkpoint: transformers' own model and processor."""
    import torch
    from transformers import CLIPImageProcessor, CLIPModel

    model: Any = CLIPModel.from_pretrained(folder)
    model.eval()
    processor: Any = CLIPImageProcessor.from_pretrained(folder)

    def embed(path: Path) -> NDArray[np.float32]:
        with Image.open(path) as image, torch.inference_mode():
            inputs = processor(images=image.convert("RGB"), return_tensors="pt")
            features = model.get_image_features(**inputs).pooler_output
            row: NDArray[np.float32] = torch.nn.functional.normalize(features)[0].numpy()
        return row

    return embed


def naive_clothing(folder: Path) -> EmbedFile:
    """Return the loop's body of a clothing checkpoint: timm's network, torchvision's steps."""
    import torch
    from torchvision.transforms import functional

    from app.embedding.checkpoints import WEIGHTS_NAME, read_manifest
    from app.embedding.networks import build_network, load_weights

    manifest = read_manifest(folder)
    network = build_network(manifest.backbone, manifest.dimensions)
    load_weights(network, folder / WEIGHTS_NAME)
    network.eval()
    steps = manifest.preprocessing
    size = [steps.side_px, steps.side_px]

    def embed(path: Path) -> NDArray[np.float32]:
        with Image.open(path) as image, torch.inference_mode():
            resized = functional.resize(
                image.convert("RGB"), size, functional.InterpolationMode.BICUBIC
            )
            pixels = functional.normalize(functional.to_tensor(resized), steps.mean, steps.std)
            row: NDArray[np.float32] = network(pixels[None])[0].numpy()
        return row

    return embed
