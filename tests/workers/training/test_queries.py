import random

from tests.workers.training.shelf import shop
from workers.training.queries import STOP_WORDS, make_queries, misspell, words


def test_words_keep_what_belongs_to_a_product_number():
    assert words("Hose 1/2\" T-Shirt, O'Neill & 65.6ft (Red)") == ["hose", "1/2", "t-shirt", "o'neill", "65.6ft", "red"]


def test_made_queries_name_their_product_and_repeat_with_the_seed():
    documents = shop().documents
    made = make_queries(documents, 60, random.Random(5))
    assert made == make_queries(documents, 60, random.Random(5))
    assert made != make_queries(documents, 60, random.Random(6))
    assert len(made) > 50
    for query in made:
        assert query.source in documents
        assert query.text
        assert not set(query.text.split()) <= STOP_WORDS


def test_an_excluded_word_is_in_the_query_and_nowhere_in_the_product():
    documents = shop().documents
    excluding = [query for query in make_queries(documents, 400, random.Random(1)) if query.excluded]
    assert excluding
    for query in excluding:
        document = documents[query.source]
        assert " without " in query.text
        assert query.excluded not in words(f"{document['title']} {document['text']}")


def test_misspelling_touches_one_long_word_only():
    rng = random.Random(2)
    assert misspell("tv 4k", rng) == "tv 4k"
    found = {misspell("red kettle", rng) for _ in range(30)}
    assert all(text.startswith("red ") for text in found)
    assert len(found) > 5


def test_a_short_title_without_a_category_gives_phrases_of_the_text():
    article = {
        "title": "Kidneys",
        "text": "A trial of chronic kidney disease, in adults. The dose of losartan potassium.",
    }
    made = {query.text for query in make_queries({"a": article}, 60, random.Random(3))}
    assert {"chronic kidney", "losartan potassium"} <= made
    assert all(not set(text.split()) & STOP_WORDS for text in made)


def test_where_words_are_not_set_apart_letters_in_a_row_are_taken():
    title = "不锈钢保温杯男女大容量便携水杯"
    made = [query.text for query in make_queries({"a": {"title": title}}, 30, random.Random(3))]
    assert len(made) == 30
    assert all(set(text) <= set(title) and 2 <= len(text) <= 9 for text in made)  # one letter more where misspelt
    assert sum(text in title for text in made) > 20
