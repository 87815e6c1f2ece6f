"""Whether a model was made for a text: by the scripts of its letters, and by its length.

Scripts are read from the Unicode names of letters, which begin with the script. A tag that is not listed allows any
text: a guard must not forbid what it does not know. Settings refuse what is no tag, and a start says which tags are not
listed (`connector.settings`).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_TAG = re.compile(r"[a-z]{2,4}([-_][a-z0-9]{1,8})*", re.I)

_LATIN = (
    "aa af ak an ay az bi bm br bs ca ch co cs cy da de ee en eo es et eu ff fi fj fo fr fy ga gd gl gn gv ha ho hr ht "
    "hu hz ia id ie ig ik io is it jv kg ki kj kl kr kw la lb lg li ln lt lu lv mg mh mi ms mt na nb nd ng nl nn no "
    "nr nv ny oc om pl pt qu rm rn ro rw sc se sg sk sl sm sn so sq ss st su sv sw tk tl tn to tr ts tw ty ve vi vo "
    "wa wo xh yo za zu eng deu fra spa ita por nld pol tur vie ind msa fil ces swe dan fin nor ron hun ceb war"
)
_CYRILLIC = "ab av ba be bg ce cu cv kk kv ky mk mn os ru tg tt uk rus ukr bul"
_ARABIC = "ar fa ps ug ur ara ckb fas pnb pus urd"
_DEVANAGARI = "bh hi mr ne sa hin mar mai bho"
_HAN = frozenset({"CJK", "BOPOMOFO", "IDEOGRAPHIC"})
_KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})

_ISO_15924 = {  # and how Unicode names begin in that script
    "latn": "LATIN",
    "cyrl": "CYRILLIC",
    "arab": "ARABIC",
    "deva": "DEVANAGARI",
    "grek": "GREEK",
    "hebr": "HEBREW",
    "hang": "HANGUL",
    "thai": "THAI",
    "beng": "BENGALI",
    "taml": "TAMIL",
    "telu": "TELUGU",
    "geor": "GEORGIAN",
    "armn": "ARMENIAN",
    "gujr": "GUJARATI",
    "guru": "GURMUKHI",
    "knda": "KANNADA",
    "mlym": "MALAYALAM",
    "sinh": "SINHALA",
    "khmr": "KHMER",
    "laoo": "LAO",
    "mymr": "MYANMAR",
    "ethi": "ETHIOPIC",
    "orya": "ORIYA",
    "tibt": "TIBETAN",
    "mong": "MONGOLIAN",
    "thaa": "THAANA",
    "syrc": "SYRIAC",
    "cher": "CHEROKEE",
    "cans": "CANADIAN",
    "nkoo": "NKO",
    "tfng": "TIFINAGH",
    "yiii": "YI",
    "olck": "OL",
    "java": "JAVANESE",
    "bali": "BALINESE",
    "sund": "SUNDANESE",
    "vaii": "VAI",
    "copt": "COPTIC",
    "adlm": "ADLAM",
    "avst": "AVESTAN",
}

_SCRIPTS: dict[str, frozenset[str]] = {
    **{code: frozenset({name}) for code, name in _ISO_15924.items()},
    **dict.fromkeys(_LATIN.split(), frozenset({"LATIN"})),
    **dict.fromkeys(_CYRILLIC.split(), frozenset({"CYRILLIC"})),
    **dict.fromkeys(_ARABIC.split(), frozenset({"ARABIC"})),
    **dict.fromkeys(_DEVANAGARI.split(), frozenset({"DEVANAGARI"})),
    **dict.fromkeys(("zh", "yue", "zho", "cmn", "hani", "hans", "hant", "bopo"), _HAN),
    **dict.fromkeys(("ja", "jpn", "jpan"), _HAN | _KANA),
    **dict.fromkeys(("hira", "kana", "hrkt"), _KANA),
    **dict.fromkeys(("ko", "kor", "kore"), _HAN | {"HANGUL"}),
    **dict.fromkeys(("el", "ell"), frozenset({"GREEK"})),
    **dict.fromkeys(("he", "yi", "heb"), frozenset({"HEBREW"})),
    **dict.fromkeys(("th", "tha"), frozenset({"THAI"})),
    **dict.fromkeys(("bn", "as", "ben"), frozenset({"BENGALI"})),
    **dict.fromkeys(("ta", "tam"), frozenset({"TAMIL"})),
    **dict.fromkeys(("te", "tel"), frozenset({"TELUGU"})),
    **dict.fromkeys(("ka", "kat"), frozenset({"GEORGIAN"})),
    **dict.fromkeys(("hy", "hye"), frozenset({"ARMENIAN"})),
    **dict.fromkeys(("bo", "dz"), frozenset({"TIBETAN"})),
    **dict.fromkeys(("am", "ti"), frozenset({"ETHIOPIC"})),
    "gu": frozenset({"GUJARATI"}),
    "pa": frozenset({"GURMUKHI"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "si": frozenset({"SINHALA"}),
    "km": frozenset({"KHMER"}),
    "lo": frozenset({"LAO"}),
    "my": frozenset({"MYANMAR"}),
    "or": frozenset({"ORIYA"}),
    "dv": frozenset({"THAANA"}),
    "ii": frozenset({"YI"}),
    "ae": frozenset({"AVESTAN"}),
    **dict.fromkeys(("sr", "uz", "sh"), frozenset({"CYRILLIC", "LATIN"})),
    **dict.fromkeys(("ks", "sd"), frozenset({"ARABIC", "DEVANAGARI"})),
    "ku": frozenset({"ARABIC", "LATIN"}),
    **dict.fromkeys(("cr", "iu", "oj"), frozenset({"CANADIAN", "LATIN"})),
    "pi": frozenset({"DEVANAGARI", "LATIN", "SINHALA", "THAI", "MYANMAR", "KHMER"}),
}

_WIDE = _HAN | {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "THAI"}


def is_tag(text: str) -> bool:
    """Whether it has the form of a language tag (BCP 47: "en", "zh-Hant-TW", "fil") or of a script's code ("Thai")."""
    return _TAG.fullmatch(text) is not None


def scripts_of(tag: str) -> frozenset[str] | None:
    """The scripts of a language or script tag ("en", "pt-BR", "zh_Hant", "cyrl"); None for one that is not listed.

    Only a script beside the language changes anything: the SA of ar-SA is a country, not Sanskrit.
    """
    language, *more = tag.lower().replace("_", "-").split("-")
    script = next((part for part in more if len(part) == 4 and part.isalpha()), None)
    return _SCRIPTS.get(script or language)


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
