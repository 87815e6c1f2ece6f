"""Fusion: known values, ties, and that no list can lose a document."""

from hypothesis import given
from hypothesis import strategies as st

from connector.fusion import fuse, min_max, z_score
from connector.types import Candidate


def lexical(*ids: str, top: float = 10.0) -> list[Candidate]:
    return [Candidate("i", id, b"{}", engine_rank=n, engine_score=top - n) for n, id in enumerate(ids, start=1)]


def vector(*ids: str) -> list[Candidate]:
    return [Candidate("i", id, b"{}", knn_rank=n, knn_score=1.0 - n / 10) for n, id in enumerate(ids, start=1)]


def ids(candidates: list[Candidate]) -> str:
    return "".join(candidate.id for candidate in candidates)


def test_reciprocal_rank_is_the_sum_of_one_over_sixty_plus_rank() -> None:
    # c: 1/63 + 1/61 = 0.0323; b: 1/62 + 1/62 = 0.0323 (smaller by 8e-6); a: 1/61; d: 1/63
    assert ids(fuse(lexical("a", "b", "c"), vector("c", "b", "d"), "rrf", [1, 1])) == "cbad"


def test_a_document_of_both_lists_keeps_both_ranks_and_the_lexical_hit() -> None:
    both = fuse(
        [Candidate("i", "a", b"lexical", engine_rank=1)], [Candidate("i", "a", b"knn", knn_rank=3)], "rrf", [1, 1]
    )
    assert both == [Candidate("i", "a", b"lexical", engine_rank=1, knn_rank=3)]


def test_weights_choose_the_list_that_counts() -> None:
    assert ids(fuse(lexical("a", "b"), vector("b", "c"), "rrf", [1, 0])) == "abc"
    assert ids(fuse(lexical("a", "b"), vector("c", "b"), "min_max", [0, 1])) == "cab"


def test_ties_go_to_the_engines_order_then_to_the_id() -> None:
    assert ids(fuse(lexical("z", "a"), vector("a", "z"), "rrf", [1, 1])) == "za"
    assert ids(fuse([], vector("b", "a"), "min_max", [1, 0])) == "ab"


def test_same_id_in_two_indices_is_two_documents() -> None:
    assert (
        len(fuse([Candidate("i", "a", b"", engine_rank=1)], [Candidate("j", "a", b"", knn_rank=1)], "rrf", [1, 1])) == 2
    )


def test_scales_of_equal_and_of_no_scores() -> None:
    assert min_max([3.0, 3.0]) == [1.0, 1.0]
    assert min_max([]) == z_score([]) == []
    assert min_max([4.0, 2.0, 3.0]) == [1.0, 0.0, 0.5]
    assert z_score([2.0, 2.0]) == [1.0, 1.0]
    assert z_score([3.0, 1.0]) == [2.0, 0.0]


names = st.lists(st.sampled_from("abcdefghij"), unique=True)


@given(names, names, st.sampled_from(["rrf", "min_max", "z_score"]))
def test_every_document_is_there_once(left: list[str], right: list[str], method: str) -> None:
    fused = ids(fuse(lexical(*left), vector(*right), method, [1.0, 1.0]))
    assert sorted(fused) == sorted(set(left) | set(right))
