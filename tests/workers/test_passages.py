"""Long documents as passages: every token read, the query whole in each, and short documents' scores untouched."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from connector.contract import PASSAGES_MOST
from tests.workers.shapes import KINDS, SENTENCES
from workers.checkpoint import read_config
from workers.load import open_scorer
from workers.passages import Reading, _whole_words, read
from workers.scorer import Scorer
from workers.scoring import Scoring
from workers.tokens import Encoded, Tokens
from workers.watchdog import Watchdog

QUERY = "rain jacket"
LONG = " ".join(SENTENCES * 4)
SHORT = ["belt", SENTENCES[0], "", "雨衣", SENTENCES[2]]


def open_tokens(folder: Path, max_tokens: int) -> Tokens:
    return Tokens(folder, read_config(folder), max_tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_every_token_is_in_a_full_window_beside_the_whole_query(kind: str, tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny[kind], 40)
    windows = tokens.windows(QUERY, LONG, 0.25, PASSAGES_MOST)
    (plain,) = tokens.encode_pairs([(QUERY, LONG)])
    assert windows[0][0] == plain
    asked, document = (tokens.tokenizer.encode(text, add_special_tokens=False) for text in (QUERY, LONG))
    head = (*tokens.pair.start, *asked.ids, *tokens.pair.middle)
    room = 40 - len(head) - len(tokens.pair.end)
    at = 0
    for row, (start, end) in windows:
        inside = row.ids[len(head) : 40 - len(tokens.pair.end)]
        assert (len(row.ids), row.ids[: len(head)]) == (40, head)
        at = min(at, len(document.ids) - room)
        assert inside == tuple(document.ids[at : at + room])
        assert (start, end) == (document.offsets[at][0], document.offsets[at + room - 1][1])
        at += room - int(room * 0.25)
    assert windows[-1][1][1] == len(LONG)


def test_windows_have_an_end_and_a_short_text_has_none(tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny["bert"], 16)
    assert len(tokens.windows(QUERY, LONG, 0.25, 5)) == 5
    assert tokens.windows(QUERY, "belt", 0.25, 5) == []
    assert tokens.windows(QUERY, "\ud800" + LONG, 0.25, 5) == []
    for row, _ in tokens.windows("a long query of very many words " * 5, LONG, 0.25, 5):
        assert len(row.ids) == 16  # such a query gives way to half the window, as it does without passages


def test_ten_megabytes_cost_little(tiny: dict[str, Path]) -> None:
    tokens = open_tokens(tiny["bert"], 48)
    huge = "rain jacket hooded belt " * 420_000
    (row,) = tokens.encode_pairs([(QUERY, huge)])
    assert row is not None
    started = time.process_time()
    assert len(read(tokens, QUERY, huge, row, passages=True).rows) == PASSAGES_MOST
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        ((0, 10), "A wool"),
        ((3, 18), "jacket with"),
        ((2, 13), "wool jacket"),
        ((0, 40), "A wool jacket with pockets"),
        ((20, 24), "ocke"),
    ],
)
def test_a_shown_passage_has_whole_words_where_it_can(span: tuple[int, int], shown: str) -> None:
    text = "A wool jacket with pockets" + " " * 14 + "end"
    start, end = _whole_words(text, span)
    assert text[start:end] == shown


def test_text_without_spaces_is_shown_as_it_was_cut() -> None:
    assert _whole_words("防水外套轻便连帽" * 30, (50, 120)) == (50, 120)


def test_the_score_is_the_mean_of_the_best_passages_that_could_be_scored() -> None:
    row = Encoded((1,), 1)
    reading = Reading([row] * 4, [(0, 9), (9, 19), (19, 29), (29, 39)])
    for number, logit in enumerate([1.0, math.nan, 3.0]):
        reading.logits[number] = logit
    assert not reading.complete
    reading.logits[3] = 3.0
    assert reading.complete
    assert reading.result(1) == (3.0, (19, 29))  # of equal ones the first
    assert reading.result(3) == (pytest.approx(7 / 3), (19, 29))
    assert reading.result(50) == (pytest.approx(7 / 3), (19, 29))
    nothing = Reading([row], [(0, 9)], {0: math.nan})
    assert math.isnan(nothing.result(1)[0])
    assert nothing.result(1)[1] == (0, 0)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def scorer(request: pytest.FixtureRequest, tiny: dict[str, Path]) -> Iterator[Scorer]:
    return open_scorer(str(tiny[request.param]), runtime="openvino", precision="fp32", batch_tokens=200)


def found(
    scorer: Scorer, pairs: Sequence[tuple[str, str]], best: Sequence[int] = ()
) -> Mapping[int, tuple[float, tuple[int, int] | None]]:
    return {
        place: (float(logit), None if scored.spans is None else (int(scored.spans[at][0]), int(scored.spans[at][1])))
        for scored in scorer.stream(pairs, best=best)
        for at, (place, logit) in enumerate(zip(scored.places, scored.logits, strict=True))
    }


def test_scores_of_documents_that_fit_are_the_same_bits(scorer: Scorer) -> None:
    """Also in the company of long ones, because all first passages are batched as they are without passages."""
    pairs = [(QUERY, text) for text in [*SHORT, LONG, "x " + LONG]]
    plain, passages = found(scorer, pairs), found(scorer, pairs, [1] * len(pairs))
    assert sorted(passages) == sorted(plain) == list(range(len(pairs)))
    for place, text in enumerate(SHORT):
        assert passages[place] == (plain[place][0], (0, len(text)))
        assert found(scorer, pairs, [5] * len(pairs))[place][0] == plain[place][0]
    for place in (5, 6):
        assert passages[place][0] >= plain[place][0]


def test_the_best_passage_wins(scorer: Scorer) -> None:
    windows = scorer.tokens.windows(QUERY, LONG, 0.25, PASSAGES_MOST)  # type: ignore[attr-defined]
    rows = [row for row, _ in windows]
    logits = scorer.runtime.forward(*scorer.tokens.batch(rows))[:, 0]  # type: ignore[attr-defined]
    best = int(np.argmax(logits))
    score, span = found(scorer, [(QUERY, LONG)], [1])[0]
    assert score == pytest.approx(float(logits[best]), abs=1e-5)
    assert span == _whole_words(LONG, windows[best][1])
    assert found(scorer, [(QUERY, LONG)], [3])[0][0] == pytest.approx(float(np.sort(logits)[-3:].mean()), abs=1e-5)


def test_one_task_holds_requests_of_several_rules_and_each_gets_what_it_asked_for(scorer: Scorer) -> None:
    replies: list[Mapping[str, object]] = []
    texts = [LONG, "belt", "\ud800"]
    payload = {
        "task": "t",
        "reply": "list",
        "requests": [
            {"id": 1, "query": QUERY, "deadline": 10.0, "chunks": [[0, texts]]},
            {"id": 2, "query": QUERY, "deadline": 10.0, "chunks": [[0, texts]], "passages": 1},
            {"id": 3, "query": QUERY, "deadline": 10.0, "chunks": [[0, texts]], "passages": "max"},
        ],
    }
    Scoring(scorer, Watchdog(60), lambda: 0.0).run(payload, lambda _, said: replies.extend(said))
    by_request = {reply.get("request"): reply for reply in replies}
    assert "spans" not in by_request[1]
    plain, best = (np.frombuffer(by_request[number]["logits"], "<f4") for number in (1, 2))  # type: ignore[call-overload]
    spans = np.frombuffer(by_request[2]["spans"], "<u4").reshape(-1, 2)  # type: ignore[call-overload]
    assert best[0] >= plain[0]
    assert best[1] == pytest.approx(plain[1], abs=1e-6)
    assert np.isnan([plain[2], best[2]]).all()
    assert spans[1:].tolist() == [[0, 4], [0, 0]]
    assert by_request[3]["reason"] == "model"


def test_a_request_that_is_late_leaves_its_passages_unread(scorer: Scorer) -> None:
    asked = count()
    assert list(scorer.stream([(QUERY, LONG)] * 2, lambda _: next(asked) < 4, [1, 1])) == []
    assert next(asked) > 8
