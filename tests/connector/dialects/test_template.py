from connector.dialects.template import render_call, template_target
from connector.types import Call

VENDOR = b"application/vnd.elasticsearch+json; compatible-with=9"


def test_rendering_is_asked_for_in_the_callers_own_media_type() -> None:
    """Elasticsearch wants a version in both of Content-Type and Accept, or in neither."""
    fields = [(b"Authorization", b"x"), (b"accept", VENDOR), (b"content-type", VENDOR), (b"Accept-Encoding", b"gzip")]
    made = render_call(Call("GET", b"/p/_search/template", fields, b"{}"), b'{"id":"t"}')
    assert made == Call(
        "POST",
        b"/_render/template",
        [(b"Authorization", b"x"), (b"accept", VENDOR), (b"Content-Type", VENDOR)],
        b'{"id":"t"}',
    )
    plain = render_call(Call("GET", b"/p/_search/template", [(b"Accept", b"*/*"), (b"Secondpass", b"on")]), b"{}")
    assert plain.headers == [(b"Accept", b"*/*"), (b"Content-Type", b"application/json")]


def test_a_template_hides_what_the_edited_search_hides() -> None:
    asked = b"/p/_search/template?filter_path=hits.hits&human"
    for edited, found in (
        (b"/p/_search?filter_path=hits.hits&human", asked),
        (
            b"/p/_search?filter_path=hits.hits%2C_shards.failures&human",
            b"/p/_search/template?filter_path=hits.hits%2C_shards.failures&human",
        ),
        (b"/p/_search?human", b"/p/_search/template?human"),
    ):
        assert template_target(asked, edited) == found
    assert template_target(b"/p/_search/template?human", b"/p/_search") == b"/p/_search/template?human"
