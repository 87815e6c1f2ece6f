import random

import pytest
import torch
from transformers import RobertaConfig, RobertaForSequenceClassification

from workers.sources import MINILM, locate
from workers.training.trainer import Example, Pass, _batches, fit, load, scores

TRUE = [("red kettle", "Acme red kettle"), ("garden hose", "Long garden hose"), ("rain jacket", "A rain jacket")]


def examples() -> list[Example]:
    wrong = [(query, text) for query, _ in TRUE for other, text in TRUE if other != query]
    return [Example(*pair, 0.95) for pair in TRUE for _ in range(2)] + [Example(*pair, 0.05) for pair in wrong]


def test_a_short_run_learns_its_pairs_by_heart():
    model, tokenizer = load(locate(MINILM), seed=1)
    told = []
    how = Pass(learning_rate=2e-4, batch=12, max_tokens=32)
    fit(model, tokenizer, examples() * 25, how, 1, progress=lambda *row: told.append(row))
    assert told[-1][:2] == (300, 300)
    assert told[-1][2] < told[0][2]
    pairs = [(query, text) for query, _ in TRUE for _, text in TRUE]
    found = scores(model, tokenizer, pairs)
    for place, (query, _) in enumerate(TRUE):
        own = found[3 * place : 3 * place + 3]
        assert own.index(max(own)) == place, query


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny):
    def trained(seed: int) -> torch.Tensor:
        model, tokenizer = load(tiny, seed)
        fit(model, tokenizer, examples(), Pass(1e-3, batch=4, max_tokens=32), seed)
        return model.classifier.weight.detach()

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_word_embeddings_stay_as_they_were(tiny):
    model, tokenizer = load(tiny, seed=1)
    before = model.get_input_embeddings().weight.clone()
    fit(model, tokenizer, examples(), Pass(1e-2, batch=4, max_tokens=32), 1)
    assert torch.equal(model.get_input_embeddings().weight, before)


def test_a_time_limit_ends_the_pass(tiny):
    model, tokenizer = load(tiny, seed=1)
    seen = []
    many = examples() * 200
    how = Pass(1e-3, batch=4, max_tokens=32)
    fit(model, tokenizer, many, how, 1, minutes=0.001, progress=lambda done, *_: seen.append(done))
    assert 0 < seen[-1] < len(many)


def test_only_the_document_is_cut_and_the_tokenizer_keeps_no_limit_of_its_own(tiny):
    model, tokenizer = load(tiny, seed=1)
    assert tokenizer.backend_tokenizer.truncation is None
    assert tokenizer.backend_tokenizer.padding is None
    long = "kettle " * 400
    pairs = [("red kettle", long), ("red kettle", long + "hose"), ("blue kettle", long)]
    one, same, other = scores(model, tokenizer, pairs, max_tokens=64)
    assert one == pytest.approx(same, abs=1e-3)
    assert one != other


def test_batches_hold_every_example_once_and_similar_lengths():
    lengths = [random.Random(3).randrange(10, 120) for _ in range(1000)]
    batches = _batches(lengths, 16, random.Random(1))
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_a_model_with_its_own_padding_and_no_token_types_scores_alone_as_in_a_batch(tiny):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = RobertaConfig(vocab_size=30522, num_labels=1, pad_token_id=1, type_vocab_size=1, **sizes)
    torch.manual_seed(0)
    model = RobertaForSequenceClassification(config).train(False)
    _, tokenizer = load(tiny, seed=1)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(1)
    pairs = [("red kettle", "Acme red kettle"), ("red kettle", "A long garden hose " * 12)]
    together = scores(model, tokenizer, pairs)
    assert together == pytest.approx([scores(model, tokenizer, [pair])[0] for pair in pairs], abs=2e-3)
