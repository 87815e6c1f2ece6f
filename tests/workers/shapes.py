"""Tiny models with random weights and tokenizers made here: every architecture and tokenizer kind, a few KB each."""

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

KINDS = ("bert", "roberta", "xlm-roberta", "deberta-v2", "modernbert")
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


def _tokenizer(kind: str) -> PreTrainedTokenizerFast:
    if kind == "bert":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return _trained(tokenizer, trainers.WordPieceTrainer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", doubled=False)
    if kind in ("roberta", "modernbert"):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        if kind == "roberta":
            return _trained(tokenizer, trainers.BpeTrainer, "<s>", "</s>", "<pad>", "<unk>", doubled=True)
        return _trained(tokenizer, trainers.BpeTrainer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", doubled=False, types=False)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    if kind == "xlm-roberta":
        return _trained(tokenizer, trainers.UnigramTrainer, "<s>", "</s>", "<pad>", "<unk>", doubled=True)
    return _trained(tokenizer, trainers.UnigramTrainer, "[CLS]", "[SEP]", "[PAD]", "[UNK]", doubled=False)


def _trained(
    tokenizer: Tokenizer,
    trainer: type,
    start: str,
    end: str,
    pad: str,
    unknown: str,
    doubled: bool,
    types: bool = True,
) -> PreTrainedTokenizerFast:
    """Train on the sentences and set the template: `start A end B end`, or with `end end` between (RoBERTa)."""
    special = [start, pad, end, unknown]
    more = {"unk_token": unknown} if trainer is trainers.UnigramTrainer else {}
    if isinstance(tokenizer.pre_tokenizer, pre_tokenizers.ByteLevel):
        more["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        SENTENCES * 4, trainer(vocab_size=400, special_tokens=special, show_progress=False, **more)
    )
    second = 1 if types and not doubled else 0
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
