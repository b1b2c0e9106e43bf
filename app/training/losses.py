"""What training minimises: class first, and likeness within a class beside it."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosineClassifier(nn.Module):
    """Cross-entropy on scaled cosines to one learnt proxy a class, with smoothed labels.

    Zhai and Wu, "Classification is a Strong Baseline for Deep Metric Learning" (2019),
    https://arxiv.org/abs/1811.12649. The proxies belong to training and are not shipped.
    """

    def __init__(self, dimensions: int, classes: int, *, temperature: float) -> None:
        super().__init__()
        self.proxies = nn.Parameter(torch.randn(classes, dimensions))
        self.temperature = temperature

    def forward(self, embeddings: Tensor) -> Tensor:
        """Turn (b, d) rows of unit length into (b, classes) logits."""
        return embeddings @ functional.normalize(self.proxies, dim=1).T / self.temperature


# The student's cosines may differ a tenth as much as the teacher's: a class stays together.
TEACHER_TEMPERATURE = 0.1
STUDENT_TEMPERATURE = 0.01


def within_class_loss(embeddings: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """Ask that items of one class rank each other as a teacher ranks them.

    The class loss alone is content to map a whole class onto one point, where "similar" is chance.
    For each item, the softmax of its cosines to the others of its class in the batch is compared
    with the teacher's (Kullback-Leibler divergence); relational distillation after Park et al.
    (2019), https://arxiv.org/abs/1904.05068.

    Args:
        embeddings: (b, d) rows of unit length.
        teacher: (b, t) rows of unit length, the same items seen by the teacher.
        labels: (b,) class of each item.

    Returns:
        A scalar; 0 where no class occurs three times.
    """
    peers = labels[:, None] == labels[None, :]
    peers.fill_diagonal_(False)
    rows = peers.sum(dim=1) >= 2
    if not bool(rows.any()):
        return embeddings.sum() * 0.0
    hidden = ~peers[rows]
    wanted = _log_softmax_of_peers((teacher @ teacher.T)[rows], hidden, TEACHER_TEMPERATURE)
    seen = _log_softmax_of_peers((embeddings @ embeddings.T)[rows], hidden, STUDENT_TEMPERATURE)
    divergence = functional.kl_div(seen, wanted, log_target=True, reduction="none")
    return divergence.masked_fill(hidden, 0.0).sum(dim=1).mean()


def _log_softmax_of_peers(cosines: Tensor, hidden: Tensor, temperature: float) -> Tensor:
    # -1e4 rather than -inf: the latter gives nan (inf - inf) inside the divergence.
    return functional.log_softmax((cosines / temperature).masked_fill(hidden, -1e4), dim=1)
