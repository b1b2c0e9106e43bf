import pytest
import torch
from torch.nn import functional

from app.training.losses import (
    STUDENT_TEMPERATURE,
    TEACHER_TEMPERATURE,
    CosineClassifier,
    within_class_loss,
)


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))


def at_angles(*degrees: float) -> torch.Tensor:
    radians = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([torch.cos(radians), torch.sin(radians)], dim=1)


def test_logits_are_cosines_over_the_temperature():
    classifier = CosineClassifier(2, 2, temperature=0.5)
    with torch.no_grad():
        classifier.proxies.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.1]]))

    logits = classifier(at_angles(0, 60))

    assert logits.flatten().tolist() == pytest.approx([2, 0, 1, 3**0.5], abs=1e-5)


def test_within_class_loss_is_the_mean_divergence_of_the_rankings():
    labels = torch.tensor([0, 1, 0, 0, 1, 0])
    embeddings, teacher = rows(6, 5, seed=1), rows(6, 7, seed=2)
    expected = []
    for i in range(6):
        peers = [j for j in range(6) if j != i and labels[j] == labels[i]]
        if len(peers) < 2:
            continue
        wanted = torch.log_softmax(teacher[peers] @ teacher[i] / TEACHER_TEMPERATURE, 0)
        seen = torch.log_softmax(embeddings[peers] @ embeddings[i] / STUDENT_TEMPERATURE, 0)
        expected.append((wanted.exp() * (wanted - seen)).sum())

    loss = within_class_loss(embeddings, teacher, labels)

    assert float(loss) == pytest.approx(float(torch.stack(expected).mean()), rel=1e-4)


def test_within_class_loss_falls_when_classmates_are_ordered_like_the_teacher():
    labels = torch.zeros(4, dtype=torch.int64)
    teacher = at_angles(0, 10, 80, 90)
    alike = at_angles(0, 3, 25, 28)
    unlike = at_angles(0, 25, 3, 28)

    assert within_class_loss(alike, teacher, labels) < within_class_loss(unlike, teacher, labels)


def test_within_class_loss_does_not_look_across_classes():
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    teacher = rows(6, 4, seed=3)
    first, second, other = rows(3, 4, seed=4), rows(3, 4, seed=5), rows(3, 4, seed=6)

    losses = [
        2 * within_class_loss(torch.cat([first, far]), teacher, labels) for far in (second, other)
    ]
    own = [within_class_loss(far, teacher[3:], labels[3:]) for far in (second, other)]

    assert float(losses[0] - own[0]) == pytest.approx(float(losses[1] - own[1]), rel=1e-4)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 1]], ids=["alone", "pairs"])
def test_without_three_of_a_class_there_is_nothing_to_rank(labels: list[int]):
    embeddings = rows(3, 4, seed=7).requires_grad_()

    loss = within_class_loss(embeddings, rows(3, 4, seed=8), torch.tensor(labels))
    loss.backward()

    assert loss.item() == 0
    assert embeddings.grad is not None


def test_gradients_are_finite():
    embeddings = rows(8, 4, seed=9).requires_grad_()

    within_class_loss(
        embeddings, rows(8, 4, seed=10), torch.tensor([0, 0, 0, 0, 1, 1, 1, 2])
    ).backward()

    assert embeddings.grad is not None
    assert bool(torch.isfinite(embeddings.grad).all())
