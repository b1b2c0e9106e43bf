"""How hard the vectors are: what a plain HNSW graph of FAISS finds in them.

Run by itself, in a process of its own: `python -m scripts.benchmarking.hardness` reads a pickled
`Dataset` and `Question` from stdin and prints the recall.
"""

import pickle
import subprocess
import sys

import faiss
import numpy as np

from app.config import PROJECT_ROOT
from scripts.benchmarking.dataset import Dataset
from scripts.benchmarking.measuring import Replies, recall
from scripts.benchmarking.questions import LIMIT, Question

LINKS, EF_CONSTRUCTION, EF_SEARCH = 16, 100, 64

_BATCH = 20_000


def plain_graph_recall(dataset: Dataset, question: Question) -> float:
    """Return recall@10 of FAISS's HNSW with M = 16 at ef 64, built and asked in another process."""
    finished = subprocess.run(
        [sys.executable, "-m", __name__],
        cwd=PROJECT_ROOT,
        input=pickle.dumps((dataset, question)),
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(finished.stdout)


def _measure(dataset: Dataset, question: Question) -> float:
    # On unit vectors the nearest by distance are the nearest by cosine.
    index = faiss.IndexHNSWFlat(dataset.dimensions, LINKS)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.hnsw.efSearch = EF_SEARCH
    for items in dataset.batches(_BATCH):
        index.add(items.embeddings)
    _, found = index.search(np.ascontiguousarray(question.queries), LIMIT)
    places = list(range(len(found)))
    return recall(Replies(places, [0.0] * len(places), found.tolist()), question)


if __name__ == "__main__":
    print(_measure(*pickle.loads(sys.stdin.buffer.read())))
