import pytest

from connector.dialects.uri import MOST, edit_target, read_parameters, split_target

MANY = b"&".join(b"p%d" % number for number in range(MOST + 1))


def test_parameters_are_read_as_the_engines_do() -> None:
    found = read_parameters(b"q=rain+jacket%20x&pretty;size=5&&blank=")
    assert found is not None
    assert {name: parameter.value for name, parameter in found.items()} == {
        "q": "rain jacket x",
        "pretty": "",
        "size": "5",
        "blank": "",
    }


@pytest.mark.parametrize("query", [b"size=1&size=2", b"q=%ff", b"size=1;%73ize=2", MANY])
def test_what_cannot_be_read_is_none(query: bytes) -> None:
    assert read_parameters(query) is None


@pytest.mark.parametrize(
    ("target", "changes", "expected"),
    [
        (b"/a%2Cb/_search?q=x%2B+y&size=5&pretty", {"size": "100"}, b"/a%2Cb/_search?q=x%2B+y&size=100&pretty"),
        (b"/a/_search?size=5", {"size": None}, b"/a/_search"),
        (b"/a/_search?size=5&q=x", {"size": None}, b"/a/_search?q=x"),
        (b"/a/_search?q=x&size=5", {"size": None}, b"/a/_search?q=x"),
        (b"/a/_search?q=x;size=5;z", {"size": None, "q": None}, b"/a/_search?z"),
        (b"/a/_search?q=x&size=5&z", {"absent": None, "from": "1"}, b"/a/_search?q=x&size=5&z"),
        (b"/a/_search", {"size": None}, b"/a/_search"),
    ],
)
def test_an_edit_touches_one_parameter(target: bytes, changes: dict[str, str | None], expected: bytes) -> None:
    parameters = read_parameters(split_target(target)[1])
    assert parameters is not None
    assert edit_target(target, parameters, changes) == expected
