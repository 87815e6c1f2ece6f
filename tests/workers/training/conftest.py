from pathlib import Path

import pytest

from workers.sources import MINILM, locate


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with a two-layer BERT of random weights and the tokenizer of all-MiniLM-L6-v2."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    BertForSequenceClassification(BertConfig(vocab_size=30522, num_labels=1, **sizes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (folder / name).write_bytes((locate(MINILM) / name).read_bytes())
    return folder
