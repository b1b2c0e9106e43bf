"""The teacher of likeness within a class: ImageNet features and the garment's colour."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms.v2 import functional as pictures

from app.training.data import PIXEL_MEAN, PIXEL_STD

COLOUR_SHARE = 0.35  # of the squared length; the rest is cut, texture and pattern
BATCH_SIZE = 64


@torch.no_grad()
def teacher_embeddings(backbone: nn.Module, pixels: Tensor, *, side_px: int) -> Tensor:
    """Describe each photo as the fine-tuned network should still see it.

    Args:
        backbone: with ImageNet weights; put into evaluation mode.
        pixels: (n, 3, s, s) uint8, on the backbone's device.
        side_px: the photos are shrunk to this side.

    Returns:
        (n, t) float32, rows of unit length.
    """
    backbone.eval()
    features, colours = [], []
    for batch in torch.split(pixels, BATCH_SIZE):
        shrunk = functional.interpolate(
            batch.float() / 255, size=(side_px, side_px), mode="bilinear", antialias=True
        )
        features.append(backbone(pictures.normalize(shrunk, list(PIXEL_MEAN), list(PIXEL_STD))))
        colours.append(_centre_colours(shrunk))
    parts = (_centred(torch.cat(features)), _centred(torch.cat(colours)))
    shares = (1 - COLOUR_SHARE, COLOUR_SHARE)
    joined = [part * share**0.5 for part, share in zip(parts, shares, strict=True)]
    return torch.cat(joined, dim=1)


def _centre_colours(batch: Tensor) -> Tensor:
    """Average a 2 x 2 grid over the middle of each picture, where the garment is."""
    side = batch.shape[-1]
    middle = batch[:, :, side // 4 : side - side // 4, side // 4 : side - side // 4]
    return functional.adaptive_avg_pool2d(middle, 2).flatten(1)


def _centred(rows: Tensor) -> Tensor:
    # Features after a ReLU share one direction; without it cosines tell the photos apart.
    return functional.normalize(rows - rows.mean(dim=0), dim=1)
