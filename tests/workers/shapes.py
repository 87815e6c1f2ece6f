"""Tiny models with random weights and tokenizers made here: every architecture and tokenizer kind, a few KB each."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

KINDS = ("bert", "roberta", "xlm-roberta", "mpnet", "deberta-v2", "modernbert")
DOUBLED = ("xlm-roberta", "mpnet")  # two ends between the texts, no token types
MAX_TOKENS = 48

SENTENCES = [
    "Waterproof rain jacket for women, hooded, packs into its own pocket.",
    "A brown leather belt, 110 cm long; also in black and dark blue.",
    "USB-C wall charger with 65 W, two ports and a folding plug!",
    "雨衣 女士 防水 连帽 轻便",
    "Crème brûlée torch, größere Flamme, naïve façade",
    "Passports are renewed within four to six weeks, or faster at extra cost.",
]
WORDS = " ".join(SENTENCES).split()
PAIRS = [
    ("rain jacket", SENTENCES[0]),
    ("rain jacket", "belt"),
    ("", SENTENCES[1]),
    ("usb c charger", ""),
    ("雨衣", SENTENCES[3]),
    ("a very long query " * 30, "short"),
    ("short", " ".join(WORDS * 4)),
    (" ".join(WORDS * 3), " ".join(reversed(WORDS * 3))),
    ("brûlée  torch\n", SENTENCES[4]),
    ("passport", SENTENCES[5]),
    ("passport renewal\x00 🙂", SENTENCES[5] + " 🙂"),
]


def make(kind: str, folder: Path, labels: int = 1, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """Save a random classifier of an architecture, with its tokenizer, in Hugging Face layout."""
    tokenizer = _tokenizer(kind)
    names = tokenizer.get_vocab()
    pad = tokenizer.pad_token_id
    sizes = {
        "vocab_size": max(names.values()) + 1,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "pad_token_id": pad,
        "num_labels": labels,
        "initializer_range": 0.3,
    }
    torch.manual_seed(seed)
    model = {
        "bert": lambda: BertForSequenceClassification(BertConfig(max_position_embeddings=MAX_TOKENS, **sizes)),
        "roberta": lambda: RobertaForSequenceClassification(
            RobertaConfig(max_position_embeddings=MAX_TOKENS + pad + 1, type_vocab_size=1, **sizes)
        ),
        "xlm-roberta": lambda: XLMRobertaForSequenceClassification(
            XLMRobertaConfig(max_position_embeddings=MAX_TOKENS + pad + 1, type_vocab_size=1, **sizes)
        ),
        "mpnet": lambda: MPNetForSequenceClassification(
            MPNetConfig(max_position_embeddings=MAX_TOKENS + pad + 1, **sizes)
        ),
        "deberta-v2": lambda: DebertaV2ForSequenceClassification(
            DebertaV2Config(
                max_position_embeddings=MAX_TOKENS,
                type_vocab_size=0,
                relative_attention=True,
                position_buckets=16,
                norm_rel_ebd="layer_norm",
                share_att_key=True,
                pos_att_type=["p2c", "c2p"],
                position_biased_input=False,
                **sizes,
            )
        ),
        "modernbert": lambda: ModernBertForSequenceClassification(
            ModernBertConfig(
                max_position_embeddings=MAX_TOKENS,
                local_attention=16,
                global_attn_every_n_layers=2,
                bos_token_id=tokenizer.cls_token_id,
                eos_token_id=tokenizer.sep_token_id,
                cls_token_id=tokenizer.cls_token_id,
                sep_token_id=tokenizer.sep_token_id,
                **sizes,
            )
        ),
    }[kind]()
    for parameter in model.parameters():  # biases and norms are trained values in real models, not 0 and 1
        parameter.data += 0.05 * torch.randn_like(parameter)
    model.to(dtype).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def reference(folder: Path, max_tokens: int) -> np.ndarray:
    """Logits of PAIRS as sentence-transformers gives them."""
    model = CrossEncoder(str(folder), max_length=max_tokens, device="cpu", activation_fn=torch.nn.Identity())
    return model.predict(PAIRS, show_progress_bar=False)


def _tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer with the same vocabulary in every process: some trainers break ties at random."""
    if kind in ("roberta", "modernbert"):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        special = ["<s>", "<pad>", "</s>", "<unk>"] if kind == "roberta" else ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(SENTENCES * 4, trainer)
        return _framed(tokenizer, special, doubled=kind == "roberta", types=False)
    if kind == "bert":
        special = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
        normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
        pieces = _pieces(normalizer, splitter, follow="##")
        model = models.WordPiece({piece: number for number, piece in enumerate(special + pieces)}, unk_token="[UNK]")
    else:
        special = ["<s>", "<pad>", "</s>", "<unk>"] if kind in DOUBLED else ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
        normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        splitter = pre_tokenizers.Metaspace()
        scores = [(piece, -4.0 - 0.1 * number / 400) for number, piece in enumerate(_pieces(normalizer, splitter))]
        model = models.Unigram([(name, 0.0) for name in special] + scores, unk_id=3)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.add_special_tokens(special)
    return _framed(tokenizer, special, doubled=kind in DOUBLED, types=kind not in DOUBLED)


def _pieces(normalizer: normalizers.Normalizer, splitter: pre_tokenizers.PreTokenizer, follow: str = "") -> list[str]:
    """Every character of the sentences, also as it follows others, and three words of four whole."""
    split = [splitter.pre_tokenize_str(normalizer.normalize_str(sentence)) for sentence in SENTENCES]
    words = sorted({word for parts in split for word, _ in parts})
    characters = {character for word in words for character in word}
    return sorted(
        characters
        | {follow + character for character in characters}
        | {word for number, word in enumerate(words) if number % 4}
    )


def _framed(tokenizer: Tokenizer, special: list[str], doubled: bool, types: bool) -> PreTrainedTokenizerFast:
    """Set the template: `start A end B end`, or with `end end` between (RoBERTa); `types` numbers the two texts."""
    start, pad, end, unknown = special
    second = int(types)
    between = f"{end} {end}" if doubled else end
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {between} $B:{second} {end}:{second}",
        special_tokens=[(start, tokenizer.token_to_id(start)), (end, tokenizer.token_to_id(end))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=start,
        sep_token=end,
        pad_token=pad,
        unk_token=unknown,
        model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"]
        if second
        else ["input_ids", "attention_mask"],
    )
