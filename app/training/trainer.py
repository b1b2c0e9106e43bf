"""The training loop: ImageNet weights in, a clothing network out.

Where the milliseconds go decides the shape: on a CPU the first, high-resolution stages cost most
of a step and learn least, so they stay as ImageNet left them and need no backward pass
(measured: 2.5 times the rate).
What comes out is the moving average of the weights after the last epoch; no epoch is picked by
its validation score.
"""

import logging
import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from app.embedding.networks import ClothingNetwork, choose_device
from app.training.data import shuffled_batches, training_augmentation
from app.training.losses import CosineClassifier, within_class_loss
from app.training.teacher import teacher_embeddings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What a run depends on beside its photos; recorded with the checkpoint."""

    backbone: str = "tf_efficientnet_lite0"
    dimensions: int = 512
    side_px: int = 160
    epochs: int = 18
    batch_size: int = 64
    seed: int = 0
    backbone_rate: float = 7e-4
    head_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    frozen_stages: int = 2
    dropout: float = 0.2
    label_smoothing: float = 0.1
    class_temperature: float = 0.15
    within_class_weight: float = 0.03
    ema_decay: float = 0.99


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Photos in memory: `pixels` (n, 3, s, s) uint8, `labels` (n,) int64."""

    pixels: Tensor
    labels: Tensor
    class_names: tuple[str, ...]


class Trainer:
    """One training run, which equal settings and photos repeat exactly on one machine."""

    def __init__(
        self, settings: TrainingSettings, photos: TrainingSet, backbone_weights: dict[str, Tensor]
    ) -> None:
        torch.manual_seed(settings.seed)
        self._settings = settings
        self._photos = photos
        self._device = choose_device()
        self._network = ClothingNetwork(
            settings.backbone, settings.dimensions, dropout=settings.dropout
        )
        self._network.backbone.load_state_dict(backbone_weights)
        self._network.to(memory_format=torch.channels_last).to(self._device)
        self._classifier = CosineClassifier(
            settings.dimensions, len(photos.class_names), temperature=settings.class_temperature
        ).to(self._device)
        self._frozen = _freeze_first_stages(self._network.backbone, settings.frozen_stages)
        self._averaged = AveragedModel(
            self._network,
            multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self._augment = training_augmentation(settings.side_px)
        self._optimizer = _make_optimizer(settings, self._network, self._classifier)

    def run(self) -> ClothingNetwork:
        """Train, and return the averaged network on the CPU in evaluation mode."""
        epochs = self._settings.epochs
        teacher = teacher_embeddings(
            self._network.backbone,
            self._photos.pixels.to(self._device),
            side_px=self._settings.side_px,
        )
        schedule = self._make_schedule()
        order = torch.Generator().manual_seed(self._settings.seed)
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            loss = self._train_epoch(teacher, schedule, order)
            elapsed_s = time.perf_counter() - started
            logger.info("epoch %d of %d: loss %.4f, %.0f s", epoch, epochs, loss, elapsed_s)
        averaged = self._averaged.module
        assert isinstance(averaged, ClothingNetwork)
        return averaged.eval().cpu()

    def _train_epoch(self, teacher: Tensor, schedule: LambdaLR, order: torch.Generator) -> float:
        self._network.train()
        for module in self._frozen:
            module.eval()
        losses = []
        for rows in shuffled_batches(len(self._photos.labels), self._settings.batch_size, order):
            losses.append(self._step(rows, teacher[rows.to(self._device)]))
            schedule.step()
        return sum(losses) / len(losses)

    def _step(self, rows: Tensor, teacher: Tensor) -> float:
        pixels = torch.stack([self._augment(self._photos.pixels[row]) for row in rows])
        pixels = pixels.contiguous(memory_format=torch.channels_last).to(self._device)
        labels = self._photos.labels[rows].to(self._device)
        embeddings = self._network(pixels)
        class_loss = functional.cross_entropy(
            self._classifier(embeddings), labels, label_smoothing=self._settings.label_smoothing
        )
        likeness_loss = within_class_loss(embeddings, teacher, labels)
        loss = class_loss + self._settings.within_class_weight * likeness_loss
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._averaged.update_parameters(self._network)
        return float(loss.detach())

    def _make_schedule(self) -> LambdaLR:
        settings = self._settings
        steps_per_epoch = max(1, len(self._photos.labels) // settings.batch_size)
        return LambdaLR(
            self._optimizer,
            lambda step: _rate_factor(
                step / steps_per_epoch, settings.epochs, settings.warmup_epochs
            ),
        )


def _freeze_first_stages(backbone: nn.Module, stages: int) -> list[nn.Module]:
    if stages == 0:
        return []
    blocks = list(backbone.get_submodule("blocks").children())[:stages]
    frozen = [backbone.get_submodule("conv_stem"), backbone.get_submodule("bn1"), *blocks]
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def _make_optimizer(
    settings: TrainingSettings, network: ClothingNetwork, classifier: nn.Module
) -> torch.optim.Optimizer:
    """Make AdamW: norms and biases do not decay, head and proxies start anew and learn faster."""
    trained = [p for p in network.backbone.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]
    head = [*network.projection_head.parameters(), *classifier.parameters()]
    return torch.optim.AdamW(
        [
            {"params": matrices, "lr": settings.backbone_rate},
            {"params": vectors, "lr": settings.backbone_rate, "weight_decay": 0.0},
            {"params": head, "lr": settings.head_rate},
        ],
        weight_decay=settings.weight_decay,
    )


def _rate_factor(epoch: float, epochs: int, warmup_epochs: float) -> float:
    """Rise linearly over the warm-up, then fall along half a cosine to 1 % of the rate."""
    if epoch < warmup_epochs:
        return (epoch + 0.02) / (warmup_epochs + 0.02)  # 0.02: the first step is not wasted
    progress = (epoch - warmup_epochs) / max(1e-9, epochs - warmup_epochs)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
