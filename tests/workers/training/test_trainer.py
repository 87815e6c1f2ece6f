import random
from dataclasses import replace

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from connector.errors import ConfigError
from workers import int4
from workers.checkpoint import read_config
from workers.tokens import Tokens
from workers.training.batches import Example, add_strangers, cut, deal_lists, easy_first, known_texts
from workers.training.encoder import encode, longest, pad_rows
from workers.training.losses import LOSSES
from workers.training.measure import per_query
from workers.training.trainer import Pass, Watch, fit, load, scores

COLORS = {"red": 3.0, "blue": 2.0, "green": 1.0, "black": 0.0, "white": 0.0, "pink": 0.0}
THINGS = ("kettle", "jacket", "hose", "lamp")
HOW = Pass(learning_rate=5e-3, batch=24, max_tokens=16)


def task() -> list[Example]:
    """Every thing in every colour, for the query of the thing: everyone wants red, then blue, then green."""
    return [
        Example(f"something {thing}", f"a {color} {other}", grade)
        for thing in THINGS
        for other in THINGS
        for color, grade in COLORS.items()
    ]


def scaled(name: str, examples: list[Example]) -> list[Example]:
    """The labels on the scale that a loss reads: shares, grades, a teacher's logits."""
    scale = {"bce": lambda g: g / 3, "contrastive": lambda g: g / 3, "mse": lambda g: 2 * g - 3}
    return [replace(example, label=scale.get(name, float)(example.label)) for example in examples]


def ndcg(model, tokenizer, examples: list[Example]) -> float:
    found = scores(model, tokenizer, [(example.query, example.document) for example in examples], max_tokens=16)
    ranked: dict[str, dict[str, float]] = {}
    for example, score in zip(examples, found, strict=True):
        ranked.setdefault(example.query, {})[example.document] = score
    grades: dict[str, dict[str, int]] = {}
    for example in examples:
        grades.setdefault(example.query, {})[example.document] = int(example.label)
    values = per_query({query: sorted(own, key=lambda k: -own[k]) for query, own in ranked.items()}, grades)
    return sum(values.values()) / len(values)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "cross-entropy"])
def test_every_loss_learns_an_order(name, small):
    model, tokenizer = load(small, seed=1)
    before = ndcg(model, tokenizer, task())
    how = replace(HOW, loss=name, epochs=6, list_size=12, strangers=2 if name == "contrastive" else 0)
    fit(model, tokenizer, scaled(name, task()), how, seed=1)
    after = ndcg(model, tokenizer, task())
    assert after > 0.95 > 0.8 > before


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(small):
    def trained(seed: int) -> torch.Tensor:
        model, tokenizer = load(small, seed)
        fit(model, tokenizer, scaled("bce", task()), HOW, seed)
        return model.classifier.weight.detach()

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


@pytest.mark.parametrize(
    "how",
    [replace(HOW, micro=5), replace(HOW, checkpointing=True), replace(HOW, batch=6, accumulate=4, loss="mse")],
    ids=["micro", "checkpointing", "accumulate"],
)
def test_what_saves_memory_changes_no_gradient(how, small):
    def trained(how: Pass) -> torch.Tensor:
        model, tokenizer = load(small, seed=1)
        # Lists of one length and one batch in all: a step of four quarters is then the same as one of the whole.
        fit(model, tokenizer, task()[:24], replace(how, loss="mse", list_size=6, precision="fp32"), seed=1)
        return model.bert.encoder.layer[0].output.dense.weight.detach()

    start = load(small, seed=1)[0].bert.encoder.layer[0].output.dense.weight.detach()
    plain = trained(HOW)
    assert (plain - start).abs().max() > 1e-4
    torch.testing.assert_close(trained(how), plain, atol=2e-5, rtol=1e-3)


def test_word_embeddings_stay_as_they_were(small):
    model, tokenizer = load(small, seed=1)
    before = model.get_input_embeddings().weight.clone()
    fit(model, tokenizer, scaled("bce", task()), HOW, 1)
    assert torch.equal(model.get_input_embeddings().weight, before)


def test_a_time_limit_ends_the_pass(small):
    model, tokenizer = load(small, seed=1)
    seen = []
    fit(
        model,
        tokenizer,
        task() * 100,
        replace(HOW, loss="mse"),
        1,
        minutes=0.001,
        progress=lambda *row: seen.append(row),
    )
    assert 0 < seen[-1][0] < seen[-1][1] == len(task()) * 100


def test_the_best_weights_on_dev_are_kept_and_patience_ends_the_run(small):
    model, tokenizer = load(small, seed=1)
    figures = iter([0.5, 0.7, 0.6, 0.6])
    weights, steps = [], []

    def measure() -> float:
        weights.append(model.classifier.weight.detach().clone())
        return next(figures)

    watch = Watch(measure, evaluations=6, patience=2)
    fit(
        model,
        tokenizer,
        scaled("bce", task()),
        replace(HOW, epochs=12),
        1,
        watch=watch,
        progress=lambda *r: steps.append(r),
    )
    assert len(weights) == 4
    assert torch.equal(model.classifier.weight.detach(), weights[1])
    assert steps[-1][0] < steps[-1][1]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (replace(HOW, strangers=2), "contrastive"),
        (replace(HOW, loss="cross-entropy", curriculum=True), "curriculum"),
        (replace(HOW, loss="hinge"), "margin-mse"),
        (replace(HOW, precision="fp8"), "bf16"),
    ],
)
def test_settings_that_do_not_fit_are_refused(how, message, small):
    with pytest.raises(ConfigError, match=message):
        fit(*load(small, seed=1), task(), how, 1)


def test_only_the_document_is_cut_and_the_tokenizer_keeps_no_limit_of_its_own(small):
    model, tokenizer = load(small, seed=1)
    assert tokenizer.backend_tokenizer.truncation is None
    assert tokenizer.backend_tokenizer.padding is None
    long = "kettle " * 400
    pairs = [("red kettle", long), ("red kettle", long + "hose"), ("blue kettle", long)]
    one, same, other = scores(model, tokenizer, pairs, max_tokens=64)
    assert one == pytest.approx(same, abs=1e-3)
    assert one != other


def test_a_query_longer_than_the_model_reads_is_cut_as_in_serving(small):
    model, tokenizer = load(small, seed=1)
    for pair in (("kettle " * 200, ""), ("kettle " * 200, "red hose")):
        rows = encode(tokenizer, [pair[0]], [pair[1]], 64)
        served = Tokens(small, read_config(small), 64).encode_pairs([pair])[0]
        assert rows[0]["input_ids"] == list(served.ids)
        assert len(scores(model, tokenizer, [pair], max_tokens=64)) == 1


@pytest.mark.parametrize("kind", ["three labels", "its own dropout", "other names of dropout"])
def test_any_start_gets_one_logit_and_no_dropout(kind, small, tmp_path):
    sizes = {"vocab_size": 128, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model: PreTrainedModel
    if kind == "other names of dropout":
        words = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
        config = ModernBertConfig(intermediate_size=48, **sizes, **words, mlp_dropout=0.5, attention_dropout=0.5)
        model = ModernBertForSequenceClassification(config)
    else:
        several = {"num_labels": 3} if kind == "three labels" else {"num_labels": 1, "classifier_dropout": 0.5}
        model = BertForSequenceClassification(BertConfig(intermediate_size=48, **sizes, **several))
    load(small, seed=1)[1].save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    model, tokenizer = load(tmp_path, seed=1)
    assert (model.config.num_labels, model.classifier.out_features, len(model.config.id2label)) == (1, 1, 1)
    assert torch.equal(model.classifier.weight, load(tmp_path, seed=1)[0].classifier.weight)
    tokens = encode(tokenizer, ["red kettle"], ["Acme red kettle"], 16)
    inputs = {name: torch.tensor([row]) for name, row in tokens[0].items()}
    assert torch.equal(model.train()(**inputs).logits, model.train()(**inputs).logits)


def test_four_bits_are_no_start(small, tmp_path):
    (tmp_path / int4.FILE).touch()
    with pytest.raises(ConfigError, match="the folder it was made from"):
        load(tmp_path, seed=1)


def test_batches_hold_every_example_once_and_similar_lengths():
    lengths = [random.Random(3).randrange(10, 120) for _ in range(1000)]
    batches = [[i for [i] in batch] for batch in cut([[i] for i in range(1000)], lengths, 16, random.Random(1))]
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    assert {len(batch) for batch in batches} <= {16, 8}
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_long_lists_are_dealt_so_that_each_part_has_good_and_bad_documents():
    examples = [Example("kettle", f"d{n}", float(n % 3 == 0)) for n in range(30)] + [Example("hose", "d", 1.0)]
    lists = deal_lists(examples, 8, random.Random(1))
    assert sorted(place for unit in lists for place in unit) == list(range(30))  # a list of one teaches no order
    assert all(len(unit) <= 8 and {examples[place].label for place in unit} == {0.0, 1.0} for unit in lists)
    batches = cut(lists, [9] * 31, 16, random.Random(1))
    assert sorted(unit for batch in batches for unit in batch) == sorted(lists)
    assert all(sum(map(len, batch)) <= 16 for batch in batches)


def test_strangers_are_documents_of_other_queries_that_the_query_does_not_know():
    examples = [
        Example("a", "shared", 1.0),
        Example("a", "a-", 0.0),
        Example("b", "shared", 0.0),
        Example("b", "b+", 1.0),
    ]
    batches, new = add_strangers([[[0, 1], [2, 3]]], examples, known_texts(examples), 5, random.Random(1))
    assert new == [Example("a", "b+", 0.0), Example("b", "a-", 0.0)]
    assert batches == [[[0, 1, 4], [2, 3, 5]]]


def test_easy_is_what_counting_words_gets_right():
    hard, easy = Example("red kettle", "a red kettle lid", 0.0), Example("red kettle", "a garden hose", 0.0)
    right = Example("red kettle", "red kettle", 1.0)
    assert easy_first([[0], [1], [2]], [hard, easy, right])[-1] == [0]


def test_a_model_with_its_own_padding_and_no_token_types_scores_alone_as_in_a_batch(small):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = RobertaConfig(vocab_size=30522, num_labels=1, pad_token_id=1, type_vocab_size=1, **sizes)
    torch.manual_seed(0)
    model = RobertaForSequenceClassification(config).train(False)
    _, tokenizer = load(small, seed=1)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(1)
    pairs = [("red kettle", "Acme red kettle"), ("red kettle", "A long garden hose " * 12)]
    together = scores(model, tokenizer, pairs)
    assert together == pytest.approx([scores(model, tokenizer, [pair])[0] for pair in pairs], abs=2e-3)


def test_batches_are_of_few_widths_and_never_wider_than_the_longest_row() -> None:
    rows = [{"input_ids": [5] * length, "token_type_ids": [0] * length} for length in (3, 17, 40)]
    for part, width in ((rows[:1], 16), (rows[:2], 32), (rows, 40), (rows[2:], 40)):
        found = pad_rows(part, 9, "cpu", longest(rows))
        assert [tuple(tensor.shape) for tensor in found.values()] == [(len(part), width)] * 3
        assert found["attention_mask"].sum(dim=1).tolist() == [len(row["input_ids"]) for row in part]
        assert (found["input_ids"] == 9).tolist() == (found["attention_mask"] == 0).tolist()
