import dataclasses
import logging
from pathlib import Path

import pytest
import torch

from app.embedding.networks import ClothingNetwork
from app.training.data import find_photos, load_pixels
from app.training.teacher import teacher_embeddings
from app.training.trainer import Trainer, TrainingSet, TrainingSettings
from tests.checkpoints import TINY_BACKBONE

SETTINGS = TrainingSettings(
    backbone=TINY_BACKBONE,
    dimensions=8,
    side_px=32,
    epochs=2,
    batch_size=6,
    warmup_epochs=0.5,
    frozen_stages=1,
)


@pytest.fixture
def photos(gallery: Path) -> TrainingSet:
    found = find_photos(gallery)
    return TrainingSet(load_pixels(found.paths, 40), torch.tensor(found.labels), found.class_names)


@pytest.fixture(scope="module")
def backbone_weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return ClothingNetwork(TINY_BACKBONE, 8).backbone.state_dict()


def test_equal_seeds_train_equal_weights_and_another_seed_others(photos, backbone_weights):
    first, second, other = (
        Trainer(dataclasses.replace(SETTINGS, seed=seed), photos, backbone_weights).run()
        for seed in (1, 1, 2)
    )

    weights = first.state_dict()
    assert all(torch.equal(weights[name], t) for name, t in second.state_dict().items())
    assert not torch.equal(weights["projection_head.weight"], other.projection_head.weight)


def test_frozen_stages_stay_as_they_were_and_the_rest_learns(photos, backbone_weights):
    trained = Trainer(SETTINGS, photos, backbone_weights).run().backbone.state_dict()

    changed = {name for name, t in trained.items() if not torch.equal(t, backbone_weights[name])}
    frozen = ("conv_stem.", "bn1.", "blocks.0.")
    assert not {name for name in changed if name.startswith(frozen)}
    assert "blocks.1.0.conv_exp.weight" in changed
    assert "conv_head.weight" in changed


def test_the_network_comes_back_ready_to_embed(photos, backbone_weights):
    network = Trainer(SETTINGS, photos, backbone_weights).run()

    assert not network.training
    with torch.inference_mode():
        rows = network(torch.zeros(2, 3, 32, 32))
    assert rows.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_each_epoch_is_reported(photos, backbone_weights, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "app.training"):
        Trainer(SETTINGS, photos, backbone_weights).run()

    epochs = [record.getMessage().split(":")[0] for record in caplog.records]
    assert epochs == ["epoch 1 of 2", "epoch 2 of 2"]


def test_training_lowers_the_loss(photos, backbone_weights, caplog: pytest.LogCaptureFixture):
    settings = dataclasses.replace(SETTINGS, epochs=6)

    with caplog.at_level(logging.INFO, "app.training"):
        Trainer(settings, photos, backbone_weights).run()

    losses = [record.args[2] for record in caplog.records]
    assert losses[-1] < 0.8 * losses[0]


def test_the_teacher_tells_colours_apart(photos, backbone_weights):
    network = ClothingNetwork(TINY_BACKBONE, 8)
    network.backbone.load_state_dict(backbone_weights)

    rows = teacher_embeddings(network.backbone, photos.pixels, side_px=32)

    cosines = rows @ rows.T
    same = photos.labels[:, None] == photos.labels[None, :]
    assert rows.norm(dim=1).tolist() == pytest.approx([1] * 12, abs=1e-4)
    assert cosines[same].mean() > cosines[~same].mean() + 0.2
