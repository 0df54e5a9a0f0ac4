"""Counts and lengths of what a text is made of; null of null.

Each function sees the different texts once, not the rows.
"""

import re
from collections.abc import Callable, Mapping
from statistics import median
from string import punctuation
from types import MappingProxyType
from typing import Any

import numpy as np

from features.engine.graph import ValueType
from features.engine.primitives.kinds import Arguments, Array, MapPrimitive, anything

_SPACES = "[ \n\t]"
_OTHER_THAN_AT = re.escape("".join(sorted(set(punctuation) - {"@"})))
_SENTENCE_ENDS = re.compile(r"[!,.:;?]+$|[!,.:;?]+ |[!,.:;?]+\n")
_HASHTAG = re.compile(r"((^#)|\s#)(\w*([^\W\d])+\w*)(?![#\w])")
_MENTION = re.compile(rf"((^@)|(\s+@))(\w+)(?=\s|$|[{_OTHER_THAN_AT}])")
_TITLE_WORD = re.compile(r"([A-Z][^\s]*)")
_IN_DOUBLE = r'((^|\W)"(.)*?"(?!\w))'
_IN_SINGLE = r"((^|\W)'(.)*?'(?!\w))"
_QUOTES: Mapping[str, str] = MappingProxyType(
    {"double": _IN_DOUBLE, "single": _IN_SINGLE, "both": f"({_IN_SINGLE}|{_IN_DOUBLE})"}
)

Measure = Callable[[str, Arguments], float | None]


def _words(text: str) -> list[str]:
    """Split at spaces, tabs and line ends; drop what is punctuation only."""
    return [word for word in re.split(_SPACES, text) if word.strip(punctuation)]


def _count_string(text: str, arguments: Arguments) -> float:
    pattern = arguments["string"]
    if not arguments["is_regex"]:
        pattern = re.escape(_plain(pattern, arguments))
    elif arguments["ignore_case"]:
        pattern = pattern.lower()
    if arguments["match_whole_words_only"]:
        pattern = rf"\b{pattern}\b"
    return len(re.findall(pattern, _plain(text, arguments)))


def _plain(text: str, arguments: Arguments) -> str:
    if arguments["ignore_non_alphanumeric"]:
        text = re.sub("[^0-9a-zA-Z ]+", "", text)
    return text.lower() if arguments["ignore_case"] else text


def _mean_characters(text: str, arguments: Arguments) -> float:
    lengths = [len(word) for word in _SENTENCE_ENDS.sub(" ", text).split()]
    return sum(lengths) / len(lengths) if lengths else 0


def _median_length(text: str, arguments: Arguments) -> float | None:
    lengths = [len(word) for word in re.split(arguments["delimiters_regex"], text) if word]
    return median(lengths) if lengths else None


def _unique_words(text: str, arguments: Arguments) -> float:
    text = text.lower() if arguments["case_insensitive"] else text
    return len({word.strip(punctuation) for word in _words(text)})


def _words_in_quotes(text: str, arguments: Arguments) -> float:
    quotes = re.findall(_QUOTES[arguments["quote_type"]], text, re.DOTALL)
    words = [word for quote in quotes for word in re.split(_SPACES, quote[0])]
    return sum(1 for word in words if word.strip(punctuation + " "))


def _letters(text: str, arguments: Arguments) -> float:
    """Count the characters that are neither punctuation nor space."""
    return len(text) - len(re.findall(arguments["do_not_count"], text))


def _upper_case_words(text: str, arguments: Arguments) -> float:
    return sum(1 for word in _words(text) if word.upper() == word)


def _matches(pattern: str | re.Pattern[str]) -> Measure:
    return lambda text, arguments: len(re.findall(pattern, text))


def _text(measure: Measure, **defaults: Any) -> MapPrimitive:
    def compute(categories: Array, arguments: Arguments) -> Array:
        return np.array([measure(text, arguments) for text in categories], dtype=np.float64)

    return MapPrimitive(
        compute=compute,
        takes=((ValueType.CODE,),),
        per_category=True,
        defaults=defaults,
        accepts=anything,
    )


TEXTS: Mapping[str, MapPrimitive] = MappingProxyType(
    {
        "NumCharacters": _text(lambda text, _: len(text)),
        "NumWords": _text(lambda text, _: len(_words(text))),
        "NumberOfUniqueWords": _text(_unique_words, case_insensitive=False),
        "NumberOfWordsInQuotes": _text(_words_in_quotes, quote_type="both"),
        "MeanCharactersPerWord": _text(_mean_characters),
        "MedianWordLength": _text(_median_length, delimiters_regex=_SPACES),
        "TotalWordLength": _text(_letters, do_not_count=f"[{punctuation}\n\t ]"),
        "UpperCaseCount": _text(_matches("[A-Z]")),
        "UpperCaseWordCount": _text(_upper_case_words),
        "TitleWordCount": _text(_matches(_TITLE_WORD)),
        "PunctuationCount": _text(_matches(f"[{re.escape(punctuation)}]")),
        "WhitespaceCount": _text(lambda text, _: text.count(" ")),
        "NumUniqueSeparators": _text(
            lambda text, arguments: len(set(arguments["separators"]) & set(text)),
            separators=[" ", ".", ",", "!", "?", ";", "\n"],
        ),
        "NumberOfHashtags": _text(_matches(_HASHTAG)),
        "NumberOfMentions": _text(_matches(_MENTION)),
        "CountString": _text(
            _count_string,
            string="the",
            ignore_case=True,
            ignore_non_alphanumeric=False,
            is_regex=False,
            match_whole_words_only=False,
        ),
    }
)
