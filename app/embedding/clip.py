"""CLIP models from Hugging Face: pictures and sentences in one space.

Importable without torch and transformers, which load with the weights. Nothing is ever run that a
checkpoint brings along: safetensors or `weights_only` torch files, and no remote code.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.calibration.files import read_calibration
from app.config import PrecisionSetting
from app.embedding.base import DEFAULT_BATCH_SIZE, Pixels, unit_rows
from app.embedding.clip_files import (
    BROKEN_WEIGHTS,
    ClipFiles,
    check_folder,
    fetch,
    fetch_config,
    first_line,
    projection_dimensions,
)
from app.embedding.clip_preprocessing import ClipPreprocessing, read_preprocessing
from app.embedding.fingerprint import fingerprint
from app.embedding.torch_embedder import TorchEmbedder
from app.errors import ConfigError

if TYPE_CHECKING:
    from app.embedding.clip_towers import TextTower

# The widths of OpenAI's own checkpoints, so that naming one asks neither cache nor network.
KNOWN_DIMENSIONS = {
    "openai/clip-vit-base-patch32": 512,
    "openai/clip-vit-base-patch16": 512,
    "openai/clip-vit-large-patch14": 768,
    "openai/clip-vit-large-patch14-336": 768,
}
# Entries of an image processor that name it rather than change a pixel.
PROCESSOR_LABELS = frozenset({"image_processor_type", "feature_extractor_type", "processor_class"})


class ClipEmbedder(TorchEmbedder):
    """Embed pictures and sentences with a CLIP checkpoint's two towers."""

    supports_text = True

    def __init__(
        self,
        source: str | Path,
        *,
        vector_type: str = "float32",
        batch_size: int = DEFAULT_BATCH_SIZE,
        precision: PrecisionSetting = "auto",
    ) -> None:
        """Name the checkpoint; the weights are read on first use.

        Args:
            source: a local folder (Path), checked at once, or a hub name (str), tried on first use.
            vector_type: how the vectors will be stored; part of the fingerprint.
            batch_size: items in one forward pass.
            precision: of the vision tower; the text tower computes in float32.

        Raises:
            ConfigError: the folder is not a CLIP checkpoint, or holds an unusable calibration.
        """
        super().__init__(batch_size=batch_size, precision=precision)
        self._source = source
        self._vector_type = vector_type
        if isinstance(source, Path):
            self._files = check_folder(source)
            self.folder = source
            self.calibration = read_calibration(source)
            self.name = source.resolve().name
        else:
            self.name = source
        self._text_tower: TextTower
        self._tokenizer: Any
        self._max_tokens: int

    @cached_property
    def _files(self) -> ClipFiles:
        return fetch(self.name)

    @cached_property
    def dimensions(self) -> int:
        """Length of an embedding, from the checkpoint's config.

        Raises:
            ModelUnavailable: a hub model's config is neither cached nor downloadable.
        """
        if isinstance(self._source, Path):
            return projection_dimensions(self._source)
        if self._source in KNOWN_DIMENSIONS:
            return KNOWN_DIMENSIONS[self._source]
        return projection_dimensions(fetch_config(self._source))

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Embed sentences into the space of the pictures; what the model cannot see is cut off.

        Returns:
            (n, d) float32, rows of unit length in the order of `texts`; (0, d) for none.
        """
        rows = [np.empty((0, self.dimensions), dtype=np.float32)]
        for batch in self._batches(texts):
            self.load()
            rows.append(
                self._gathering.embed(self._embed_text_batch, batch, max_items=self.batch_size)
            )
        return unit_rows(np.concatenate(rows))

    @cached_property
    def _preprocessing(self) -> ClipPreprocessing:
        return read_preprocessing(self._files.folder)

    @property
    def input_side_px(self) -> int:
        """Side of the square that the vision tower sees, from the checkpoint's processor."""
        return self._preprocessing.side_px

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize and crop a picture as the checkpoint's own processor does."""
        return self._preprocessing.prepare(image)

    def _read_weights(self) -> None:
        import torch
        from transformers import AutoTokenizer, CLIPModel

        from app.embedding.clip_towers import TextTower, VisionTower

        folder = str(self._files.folder)
        try:
            loaded: Any = CLIPModel.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=self._files.is_safetensors,
                local_files_only=True,
                output_loading_info=True,
            )
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except BROKEN_WEIGHTS as error:
            raise ConfigError(
                f"{folder} cannot be loaded as a CLIP model ({first_line(error)})."
            ) from error
        model, report = loaded
        if missing := sorted(report["missing_keys"]):
            # transformers fills these with random numbers and only warns
            raise ConfigError(f"{folder} lacks {len(missing)} tensors, the first is {missing[0]}.")
        side_px = model.config.vision_config.image_size
        if self.input_side_px != side_px:
            raise ConfigError(
                f"{folder} crops pictures to {self.input_side_px} px; its network sees {side_px}."
            )
        steps = self._preprocessing
        self._install(
            VisionTower(model.eval()),
            rescale_factor=steps.rescale_factor,
            mean=steps.mean,
            std=steps.std,
        )
        # Sentences come one at a time: their tower stays in float32.
        self._text_tower = TextTower(model.eval()).to(self._device)
        self._max_tokens = model.config.text_config.max_position_embeddings

    def _compute_fingerprint(self) -> str:
        from transformers import AutoImageProcessor, CLIPConfig

        folder = str(self._files.folder)
        vision: Any = CLIPConfig.from_pretrained(folder).vision_config
        try:
            processor: Any = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{folder} has no usable image processor ({first_line(error)})."
            ) from error
        # Its own words rather than ours: a fingerprint outlives what this code makes of them.
        steps = processor.to_dict()
        return fingerprint(
            self._files.hash_weights(),
            # What the shapes of the weights leave open of the vision tower.
            architecture={
                "activation": vision.hidden_act,
                "heads": vision.num_attention_heads,
                "layer_norm_eps": vision.layer_norm_eps,
            },
            preprocessing={k: v for k, v in steps.items() if k not in PROCESSOR_LABELS},
            pooling="projected class token",
            dimensions=self.dimensions,
            vector_type=self._vector_type,
        )

    def _embed_text_batch(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        inputs = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        ).to(self._device)
        with torch.inference_mode():
            embeddings = self._text_tower(inputs["input_ids"], inputs["attention_mask"])
        rows: NDArray[np.float32] = embeddings.cpu().numpy()
        return rows
