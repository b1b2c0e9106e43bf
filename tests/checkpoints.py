"""Tiny checkpoints in the layouts of the real ones; random weights, made in a blink."""

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from app.embedding.checkpoints import Manifest, Preprocessing, write_checkpoint
from app.embedding.networks import ClothingNetwork, export_weights

TINY_BACKBONE = "test_efficientnet"  # timm's own for tests: 0.4 million weights
TINY_CLIP_DIMENSIONS = 12


def clothing_manifest(dimensions: int = 16, side_px: int = 48) -> Manifest:
    return Manifest(
        format_version=1,
        family="clothing",
        backbone=TINY_BACKBONE,
        dimensions=dimensions,
        pooling="avg",
        preprocessing=Preprocessing(
            side_px=side_px,
            resize="stretch",
            interpolation="bicubic",
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        ),
        source={"data": "random numbers"},
        code_version="1",
    )


def write_tiny_clothing(folder: Path, *, dimensions: int = 16, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    network = ClothingNetwork(TINY_BACKBONE, dimensions)
    write_checkpoint(
        folder, export_weights(network), clothing_manifest(dimensions), "# Tiny\n", overwrite=True
    )
    return folder


def write_tiny_clip(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    tower = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    ids = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = CLIPConfig(
        text_config={
            **tower,
            **ids,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 16,
        },
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=TINY_CLIP_DIMENSIONS,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> CLIPTokenizer:
    """Byte-level BPE as CLIP's, with two merges: "red" is one token."""
    alphabet = sorted(ByteLevel.alphabet())
    merges = [("r", "e"), ("re", "d</w>")]
    tokens = [
        *alphabet,
        *(f"{letter}</w>" for letter in alphabet),
        *("".join(pair) for pair in merges),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    return CLIPTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, merges=merges, model_max_length=16
    )
