"""The network behind the clothing model: a timm backbone and a projection head.

Training and embedding share it, so that a checkpoint means the same in both.
Kept apart from `clothing.py`, which has to be importable without torch.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.errors import ConfigError


class ClothingNetwork(nn.Module):
    """Pictures to rows of unit length."""

    def __init__(self, backbone: str, dimensions: int, *, dropout: float = 0.0) -> None:
        """Build the layers with untrained weights.

        Args:
            backbone: a timm model name; its features are averaged over the picture.
            dimensions: length of an embedding.
            dropout: share of backbone features that training drops before the head.
        """
        super().__init__()
        backbone_layers: Any = timm.create_model(
            backbone, pretrained=False, num_classes=0, global_pool="avg"
        )
        self.backbone: nn.Module = backbone_layers
        self.dropout = nn.Dropout(dropout)
        self.projection_head = nn.Linear(backbone_layers.num_features, dimensions, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            pixels: (b, 3, height, width) float, normalised with the backbone's mean and deviation.

        Returns:
            (b, dimensions) of the input's type, rows of unit length.
        """
        features: Tensor = self.backbone(pixels)
        embeddings: Tensor = self.projection_head(self.dropout(features))
        return functional.normalize(embeddings, dim=1)


def fuse_normalisations(network: nn.Module) -> None:
    """Fold each batch normalisation of a network for evaluation into the convolution before it.

    Changes the network, and its embeddings by rounding only; a third of an EfficientNet's time on a
    CPU goes into reading and writing what these layers only scale and shift.
    """
    for parent in list(network.modules()):
        children = list(parent.named_children())
        for (_, layer), (name, normalisation) in itertools.pairwise(children):
            if isinstance(layer, nn.Conv2d) and isinstance(normalisation, BatchNormAct2d):
                fused = fuse_conv_bn_eval(layer, normalisation)
                layer.weight, layer.bias = fused.weight, fused.bias
                setattr(parent, name, nn.Sequential(normalisation.drop, normalisation.act))


class PixelScaling:
    """Prepared pictures -> a network's input: on its device, each channel scaled and shifted."""

    def __init__(
        self,
        factor: float,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
    ) -> None:
        """Compute what `(pixel * factor - mean) / std` multiplies and adds, per channel."""
        deviation = torch.tensor(std, device=device)
        self._scale = factor / deviation
        self._shift = -torch.tensor(mean, device=device) / deviation

    def __call__(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Scale (n, s, s, 3) uint8 into (n, 3, s, s) float32, in torch's channels_last layout."""
        values = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
        device = self._scale.device
        if device.type == "cuda":
            # From pinned memory the copy runs beside what the device is doing.
            values = values.pin_memory().to(device, non_blocking=True)
        return values.float().mul_(self._scale).add_(self._shift).permute(0, 3, 1, 2)


def build_network(backbone: str, dimensions: int) -> ClothingNetwork:
    """Build a network that a checkpoint names.

    Raises:
        ConfigError: timm has no backbone of this name.
    """
    if not timm.is_model(backbone):
        raise ConfigError(f"backbone is {backbone!r}; expected a timm model name.")
    return ClothingNetwork(backbone, dimensions)


def choose_device() -> torch.device:
    """Take the accelerator where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def computes_bf16_well(device: torch.device) -> bool:
    """Return whether a device has instructions for bfloat16, so that it is faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def export_weights(network: nn.Module) -> bytes:
    """Serialise a network's weights and running statistics as float16 safetensors.

    Half the size at no measurable loss of quality; the counters of batch normalisation, which
    only training reads, are left out.

    Raises:
        ConfigError: a value is not finite in float16.
    """
    tensors = {
        name: tensor.to(torch.float16).contiguous() for name, tensor in _weights_of(network).items()
    }
    _check_finite(tensors, "the trained network")
    return save(tensors)


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network from a file that `export_weights` wrote; the network stays float32.

    Raises:
        ConfigError: the file lacks a tensor, has one too many, one of another shape, or a value
            that is not finite.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{path} cannot be read as safetensors ({error}).") from error
    expected = _weights_of(network)
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ConfigError(f"{path} lacks {len(missing)} tensors, the first is {missing[0]}.")
    if unknown := sorted(tensors.keys() - expected.keys()):
        raise ConfigError(f"{path} has {len(unknown)} unknown tensors, the first is {unknown[0]}.")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise ConfigError(
                f"{path}: {name} has shape {tuple(tensor.shape)}; "
                f"expected {tuple(expected[name].shape)}."
            )
    _check_finite(tensors, str(path))
    network.load_state_dict(tensors, strict=False)


def _weights_of(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()
    }


def _check_finite(tensors: dict[str, Tensor], where: str) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ConfigError(f"{where}: {name} has values that are not finite.")
