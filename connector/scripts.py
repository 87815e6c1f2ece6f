"""Whether a model was made for a text: by the scripts of its letters, and by its length.

Scripts are read from the Unicode names of letters, which begin with the script. A tag that is not listed allows any
text: a guard must not forbid what it does not know. Settings refuse such a tag (`connector.settings`).
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_LATIN = (
    "en de fr es it nl pt sv da nb nn no fi is pl cs sk sl hr hu ro et lv lt tr az vi id ms tl sw ca gl eu ga cy sq af "
    "br bs co eo fo fy gd ha ht ig jv la lb mg mi mt oc rw sm sn so st su tk tn xh yo zu"
)
_CYRILLIC = "ru uk be bg mk kk ky mn tg tt"
_ARABIC = "ar fa ur ps ug"
_DEVANAGARI = "hi mr ne sa"
_HAN = frozenset({"CJK", "BOPOMOFO", "IDEOGRAPHIC"})

_SCRIPTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_LATIN.split(), frozenset({"LATIN"})),
    **dict.fromkeys(_CYRILLIC.split(), frozenset({"CYRILLIC"})),
    **dict.fromkeys(_ARABIC.split(), frozenset({"ARABIC"})),
    **dict.fromkeys(_DEVANAGARI.split(), frozenset({"DEVANAGARI"})),
    **dict.fromkeys(("zh", "yue", "hani", "hans", "hant"), _HAN),
    **dict.fromkeys(("ja", "jpan"), _HAN | {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    **dict.fromkeys(("ko", "kore"), _HAN | {"HANGUL"}),
    "el": frozenset({"GREEK"}),
    "he": frozenset({"HEBREW"}),
    "th": frozenset({"THAI"}),
    "bn": frozenset({"BENGALI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "ka": frozenset({"GEORGIAN"}),
    "hy": frozenset({"ARMENIAN"}),
    "gu": frozenset({"GUJARATI"}),
    "pa": frozenset({"GURMUKHI"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "si": frozenset({"SINHALA"}),
    "km": frozenset({"KHMER"}),
    "lo": frozenset({"LAO"}),
    "my": frozenset({"MYANMAR"}),
    **dict.fromkeys(("am", "ti"), frozenset({"ETHIOPIC"})),
    **dict.fromkeys(("sr", "uz"), frozenset({"CYRILLIC", "LATIN"})),
    "latn": frozenset({"LATIN"}),
    "cyrl": frozenset({"CYRILLIC"}),
    "arab": frozenset({"ARABIC"}),
    "deva": frozenset({"DEVANAGARI"}),
    "grek": frozenset({"GREEK"}),
    "hebr": frozenset({"HEBREW"}),
    "hang": frozenset({"HANGUL"}),
}

_WIDE = _HAN | {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "THAI"}


def scripts_of(tag: str) -> frozenset[str] | None:
    """The scripts of a language or script tag ("en", "pt-BR", "zh_Hant", "cyrl"); None for one that is not listed."""
    parts = tag.lower().replace("_", "-").split("-")
    return next((_SCRIPTS[part] for part in reversed(parts) if part in _SCRIPTS), None)


def fits_languages(text: str, languages: Iterable[str]) -> bool:
    """Whether at least half of the letters are of a script that `languages` use; digits and signs do not count."""
    allowed: set[str] = set()
    for language in languages:
        scripts = scripts_of(language)
        if scripts is None:
            return True
        allowed |= scripts
    letters = [script_of(letter) for letter in text if letter.isalpha()]
    return not allowed or 2 * sum(script in allowed for script in letters) >= len(letters)


def estimate_tokens(text: str) -> float:
    """Tokens that `text` will roughly cost: 1 a character where words are not spaced (Han, kana, Hangul, Thai), else 1
    for 4 characters, the usual figure for English word pieces."""
    wide = sum(script_of(letter) in _WIDE for letter in text if ord(letter) > 0xDFF)
    return wide + (len(text) - wide) / 4


@lru_cache(maxsize=4096)
def script_of(letter: str) -> str:
    """The script's Unicode name ("LATIN", "CJK"); full-width forms count as what they are forms of."""
    plain = unicodedata.normalize("NFKC", letter)[:1] or letter
    return unicodedata.name(plain, "").partition(" ")[0]
