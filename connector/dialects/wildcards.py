"""Names with `*`, as the engines and our policies write them; in time linear in the name, whatever a caller sends."""


def matches(pattern: str, name: str) -> bool:
    """Whether `pattern`, where each `*` stands for any characters, is all of `name`."""
    first, *pieces = pattern.split("*")
    if not pieces:
        return pattern == name
    last = pieces.pop()
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for piece in pieces:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
