"""A checkpoint of CLIP ViT-B/32's shapes with random weights: as fast as the real one, no download.

Its sentences mean nothing, so its text tower and vocabulary are small.
"""

from pathlib import Path

# transformers' defaults of the vision tower are those of openai/clip-vit-base-patch32.
_TEXT_TOWER = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
}


def write_random_clip(folder: Path, *, seed: int) -> Path:
    """Write the checkpoint as `save_pretrained` does, and return its folder."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    torch.manual_seed(seed)
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[])
    text = {
        **_TEXT_TOWER,
        "vocab_size": len(tokens),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    CLIPModel(CLIPConfig(text_config=text, vision_config={})).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
