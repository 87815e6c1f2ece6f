"""Pairs become the ids, types and cuts of transformers' own tokenizer."""

import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer

from connector.errors import ConfigError
from tests.workers.shapes import KINDS, PAIRS
from workers.checkpoint import read_config
from workers.tokens import Tokens, longest_first


def open_tokens(folder: Path, max_tokens: int | None = None) -> Tokens:
    return Tokens(folder, read_config(folder), max_tokens)


@cache
def transformers_tokenizer(folder: Path):  # type: ignore[no-untyped-def]
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("max_tokens", [6, 7, 20, 48])
@pytest.mark.parametrize("kind", KINDS)
def test_ids_types_and_mask_are_those_of_transformers(kind: str, max_tokens: int, tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny[kind], max_tokens)
    ids, mask, types = tokens.batch([row for row in tokens.encode_pairs(PAIRS) if row])
    theirs = transformers_tokenizer(tiny[kind])(
        PAIRS, padding=True, truncation="longest_first", max_length=max_tokens, return_tensors="np"
    )
    longest = theirs["input_ids"].shape[1]
    assert (ids[:, :longest] == theirs["input_ids"]).all()
    assert (mask[:, :longest] == theirs["attention_mask"]).all()
    if "token_type_ids" in theirs:
        assert (types[:, :longest] == theirs["token_type_ids"]).all()
    assert ids.shape[1] == min(-(-longest // 8) * 8, max_tokens)
    assert (ids[:, longest:] == tokens.pad).all()
    assert not mask[:, longest:].any()


@pytest.fixture(scope="module")
def words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@given(first=st.integers(0, 40), second=st.integers(0, 40), room=st.integers(2, 40))
def test_longest_first_cuts_as_the_library_does(words: Tokenizer, first: int, second: int, room: int) -> None:
    words.enable_truncation(room, strategy="longest_first")
    ids = words.encode("a " * first, "b " * second).ids
    assert longest_first(first, second, room) == (ids.count(0), ids.count(1))


@given(first=st.integers(1, 10_000), second=st.integers(0, 10_000), room=st.integers(2, 600))
def test_a_query_is_never_cut_to_nothing(first: int, second: int, room: int) -> None:
    kept, rest = longest_first(first, second, room)
    assert kept >= 1
    assert kept + rest <= room


@pytest.mark.parametrize("kind", KINDS)
def test_ten_megabytes_cost_little_and_give_the_same_ids(kind: str, tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny[kind])
    beginning = "rain jacket hooded belt " * 400
    started = time.process_time()
    (huge,) = tokens.encode_pairs([(beginning * 1100, "a belt")])
    assert time.process_time() - started < 1
    assert huge == tokens.encode_pairs([(beginning, "a belt")])[0]


def test_of_a_text_with_hardly_a_token_a_million_characters_are_read(tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny["bert"], 48)
    near, far = " " * 900_000 + "belt", " " * 1_000_000 + "belt"
    assert tokens.encode_pairs([("rain", near)]) == tokens.encode_pairs([("rain", "belt")])
    assert tokens.encode_pairs([("rain", far)]) == tokens.encode_pairs([("rain", "")])
    assert tokens.windows("rain", far, 0.2, 8) == []


def test_a_text_that_cannot_be_tokenised_fails_alone(tiny: dict[str, Path]) -> None:
    bad, good = open_tokens(tiny["bert"]).encode_pairs([("rain", "\ud800"), ("rain", "jacket")])
    assert bad is None
    assert good is not None


def test_too_few_tokens_are_refused(tiny: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="max_tokens = 4"):
        open_tokens(tiny["bert"], 4)


def test_more_tokens_than_the_model_reads_mean_what_it_reads(tiny: dict[str, Path]) -> None:
    assert open_tokens(tiny["roberta"], 100_000).max_tokens == 48
