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


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A folder with a one-layer BERT of random weights and a vocabulary of a few words: a step takes 3 ms."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("small")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,-"
    words = "red blue green black white pink yellow acme kettle jacket rain garden hose lamp something without model"
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *words.split(),
    ]
    vocabulary = folder / "words.txt"
    vocabulary.write_text("\n".join(pieces))
    BertTokenizerFast(tokenizer_object=BertWordPieceTokenizer(str(vocabulary))._tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "initializer_range": 0.2,
    }
    model = BertForSequenceClassification(BertConfig(vocab_size=len(pieces), num_labels=1, **sizes))
    model.save_pretrained(folder)
    return folder
