"""Every form in which graded queries come, plain and gzipped, and what is said of one that is none."""

import gzip
import json
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.evaluation.judgments import Judgments, read_judgments
from connector.evaluation.trec import read_run

GRADES = {"rain jacket": {"a": 3, "b": 0}, "tent": {"c": 1}}


def grades_by_text(found: Judgments) -> dict[str, dict[str, int]]:
    return {query.text: dict(query.grades) for query in found.queries}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("gz", ["", ".gz"])
def test_a_beir_folder(tmp_path: Path, gz: str) -> None:
    write(tmp_path / f"queries.jsonl{gz}", '{"_id": "1", "text": "rain jacket"}\n{"_id": "2", "text": "tent"}\n')
    write(tmp_path / f"qrels/test.tsv{gz}", "query-id\tcorpus-id\tscore\n1\ta\t3\n1\tb\t0\n2\tc\t1\n")
    write(tmp_path / f"qrels/dev.tsv{gz}", "query-id\tcorpus-id\tscore\n2\tc\t1\n")
    assert grades_by_text(read_judgments(tmp_path)) == GRADES
    assert [query.id for query in read_judgments(tmp_path, split="dev").queries] == ["2"]
    with pytest.raises(ConfigError, match="there is: dev, test"):
        read_judgments(tmp_path, split="train")


@pytest.mark.parametrize("how", ["a field of each query", "a file"])
def test_a_folder_with_one_file_of_grades_and_parts(tmp_path: Path, how: str) -> None:
    rows = [{"id": "1", "text": "rain jacket", "split": "test"}, {"id": "2", "text": "tent", "split": "train"}]
    if how == "a file":
        rows = [{"id": row["id"], "text": row["text"]} for row in rows]
        write(tmp_path / "split.json", '{"test": ["1"], "train": ["2"]}')
    write(tmp_path / "queries.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(tmp_path / "qrels.tsv", "1\ta\t3\n1\tb\t0\n2\tc\t1\n")
    assert [query.id for query in read_judgments(tmp_path).queries] == ["1"]
    assert [query.id for query in read_judgments(tmp_path, split="train").queries] == ["2"]


def test_a_folder_without_parts_is_taken_whole(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", '{"id": "1", "text": "rain jacket"}\n{"id": "2", "text": "tent"}\n')
    write(tmp_path / "qrels.tsv", "1\ta\t3\n1\tb\t0\n2\tc\t1\n")
    assert grades_by_text(read_judgments(tmp_path)) == GRADES


TOPICS = """<top>
<num> Number: 1
<title> rain
 jacket
<desc> Description: one that keeps rain out
</top>
<top><num>2</num><title>tent</title></top>
"""


@pytest.mark.parametrize(
    ("name", "topics"),
    [
        ("topics.txt", TOPICS),
        ("topics.tsv", "1\train jacket\n2\ttent\n"),
        ("topics.jsonl.gz", '{"query_id": 1, "text": "rain jacket"}\n{"id": "2", "query": "tent"}\n'),
    ],
)
def test_trec_qrels_and_topics(tmp_path: Path, name: str, topics: str) -> None:
    qrels = write(tmp_path / "qrels.txt", "1 0 a 3\n1 0 b 0\n2 0 c 1\n")
    assert grades_by_text(read_judgments(qrels, write(tmp_path / name, topics))) == GRADES
    with pytest.raises(ConfigError, match="--queries"):
        read_judgments(qrels)


def test_ids_may_hold_spaces_where_tabs_are_the_columns(tmp_path: Path) -> None:
    topics = write(tmp_path / "topics.tsv", "q 1\train jacket\n")
    for text in ("query-id\tcorpus-id\tscore\nq 1\tdoc 5\t2\n", "q 1\t0\tdoc 5\t2\n"):
        found = read_judgments(write(tmp_path / "qrels.tsv", text), topics)
        assert grades_by_text(found) == {"rain jacket": {"doc 5": 2}}
    assert read_run(write(tmp_path / "a.trec", "q 1\tQ0\tdoc 5\t1\t0.5\tours\n")) == {"q 1": ["doc 5"]}
    mixed = write(tmp_path / "qrels.tsv", "1 0\ta 3\n1 0 b\t0\n")
    assert grades_by_text(read_judgments(mixed, write(topics, "1\train jacket\n"))) == {"rain jacket": {"a": 3, "b": 0}}


@pytest.mark.parametrize(
    "text",
    [
        '{"query": "rain jacket", "grades": {"a": 3, "b": 0}}\n{"query": "tent", "grades": {"c": 1}}\n',
        '{"id": 7, "query": "rain jacket", "document": "a", "grade": 3}\n'
        '{"id": 7, "query": "rain jacket", "document": "b", "grade": 0}\n\n'
        '{"id": 8, "text": "tent", "document": "c", "grade": "1"}\n',
    ],
)
def test_json_lines(tmp_path: Path, text: str) -> None:
    assert grades_by_text(read_judgments(write(tmp_path / "judged.jsonl", text))) == GRADES


def test_a_query_may_bring_its_filter(tmp_path: Path) -> None:
    row = {"query": "tent", "grades": {"c": 1}, "filter": {"term": {"language": "en"}}}
    (query,) = read_judgments(write(tmp_path / "judged.jsonl", json.dumps(row))).queries
    assert query.filter == ({"term": {"language": "en"}},)


@pytest.mark.parametrize(
    "text",
    [
        "query,docid,rating\nrain jacket,a,3\nrain jacket,b,0\nrain jacket,z,\ntent,c,1\n",
        "\ufeffTeam Name,Case Name,Case ID,Query Text,Doc ID,Title,Rating,brand\r\n"
        'T,C,1,rain jacket,a,"A, with comma",3,x\r\nT,C,1,rain jacket,b,B,0,\r\nT,C,1,tent,c,"two\r\nlines",1,\r\n',
    ],
)
def test_quepids_exports(tmp_path: Path, text: str) -> None:
    """A row without a rating is a document that nobody judged."""
    assert grades_by_text(read_judgments(write(tmp_path / "case.csv", text))) == GRADES


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    case = write(tmp_path / "case.csv", f"query,docid,rating,body\ntent,c,1,{'x' * 200_000}\n")
    assert grades_by_text(read_judgments(case)) == {"tent": {"c": 1}}


@pytest.mark.parametrize("damaged", ['{"test": [', '["1"]', '{"test": 1}'])
def test_a_damaged_split_is_said(tmp_path: Path, damaged: str) -> None:
    write(tmp_path / "queries.jsonl", '{"id": "1", "text": "tent"}\n')
    write(tmp_path / "qrels.tsv", "1\tc\t1\n")
    write(tmp_path / "split.json", damaged)
    with pytest.raises(ConfigError, match=r"split.json: expected \{\"train\""):
        read_judgments(tmp_path)


def test_opensearch_judgment_lists(tmp_path: Path) -> None:
    ratings = [
        {"query": "rain jacket", "ratings": [{"docId": "a", "rating": "3.0"}, {"docId": "b", "rating": "0.0"}]},
        {"query": "tent", "ratings": [{"docId": "c", "rating": "1.0"}]},
    ]
    document = {"name": "ours", "type": "IMPORT_JUDGMENT", "judgmentRatings": ratings}
    for number, whole in enumerate((document, {"hits": {"hits": [{"_id": "x", "_source": document}]}})):
        assert grades_by_text(read_judgments(write(tmp_path / f"{number}.json", json.dumps(whole)))) == GRADES


def test_fractions_of_click_models_become_hundredths(tmp_path: Path) -> None:
    found = read_judgments(write(tmp_path / "clicks.csv", "query,docid,rating\ntent,c,0.25\ntent,d,1\ntent,e,0.001\n"))
    assert grades_by_text(found) == {"tent": {"c": 25, "d": 100, "e": 0}}
    assert "grades are fractions: all are taken times 100 and rounded" in found.notes


def test_queries_without_a_relevant_document_are_counted(tmp_path: Path) -> None:
    found = read_judgments(write(tmp_path / "case.csv", "query,docid,rating\ntent,c,0\nrain,a,2\n"))
    assert found.notes == ("1 queries have no relevant document: every list gets 0 for them",)


def test_a_sample_is_random_repeatable_and_stated(tmp_path: Path) -> None:
    lines = "".join(f"query {n},d{n},1\n" for n in range(50))
    found = read_judgments(write(tmp_path / "case.csv", "query,docid,rating\n" + lines))
    ten = found.sample(10, seed=4)
    assert ten == found.sample(10, seed=4)
    assert ten.queries != found.sample(10, seed=5).queries
    assert [query for query in found.queries if query in ten.queries] == list(ten.queries)
    assert ten.notes[-1] == "a random 10 of 50 graded queries (seed 4)"
    assert found.sample(50, seed=4) == found


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "words,id\nx,y\n", "first line must name the columns query, docid and rating"),
        ("a.csv", "query,docid,rating\nx,y,good\n", "line 2: 'good' is no number"),
        ("a.jsonl", '{"query": "x"}\n', "line 1: expected"),
        ("a.jsonl", "\n{broken\n", "line 2: not JSON"),
        ("a.jsonl", "[1]\n", "line 1: not a JSON object"),
        (
            "a.jsonl",
            '{"id": 1, "query": "x", "grades": {}}\n{"id": 1, "query": "y", "grades": {}}',
            "another text above",
        ),
        ("a.json", '{"name": "x"}', "no `judgmentRatings`"),
        ("a.json", "no", "not a judgment list"),
        ("a.csv.gz", "\x00", "no query has both a text and a grade|first line"),
        ("a.csv", "query,docid,rating\n", "no query has both a text and a grade"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_judgments(write(tmp_path / name, text))


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_judgments(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="a BEIR folder has it"):
        read_judgments(tmp_path)
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"query": "caf\xe9"}\n')
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        read_judgments(latin)


def test_a_run_is_read_in_trec_evals_order(tmp_path: Path) -> None:
    run = write(tmp_path / "a.trec", "1 Q0 low 1 0.5 x\n1 Q0 b 2 0.9 x\n1 Q0 c 3 0.9 x\n2 Q0 a 1 1e3 x\n")
    assert read_run(run) == {"1": ["c", "b", "low"], "2": ["a"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 Q0 a 1\n", "4 columns"),
        ("1 Q0 a 1 nan x\n", "is no number"),
        ("1 Q0 a 1 2 x\n1 Q0 a 2 1 x\n", "there twice"),
        ("\n", "an empty run"),
    ],
)
def test_a_run_that_is_none(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_run(write(tmp_path / "a.trec", text))
