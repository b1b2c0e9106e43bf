"""The two halves of a CLIP model, each alone: inputs to unscaled embeddings, nothing else.

Kept apart from `clip.py`, which has to be importable without torch.
"""

from typing import Any

from torch import Tensor, nn


class VisionTower(nn.Module):
    """Pictures to the shared space; the text tower's weights are no part of it."""

    def __init__(self, model: Any) -> None:
        """Take the picture's half of a `CLIPModel`."""
        super().__init__()
        self.tower = model.vision_model
        self.projection = model.visual_projection

    def forward(self, pixels: Tensor) -> Tensor:
        """Embed (n, 3, s, s) normalised pixels as (n, d) of the same type."""
        projected: Tensor = self.projection(self.tower(pixel_values=pixels).pooler_output)
        return projected


class TextTower(nn.Module):
    """Sentences to the shared space."""

    def __init__(self, model: Any) -> None:
        """Take the sentence's half of a `CLIPModel`."""
        super().__init__()
        self.tower = model.text_model
        self.projection = model.text_projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embed (n, t) tokens as (n, d) float32."""
        output = self.tower(input_ids=input_ids, attention_mask=attention_mask)
        projected: Tensor = self.projection(output.pooler_output)
        return projected
