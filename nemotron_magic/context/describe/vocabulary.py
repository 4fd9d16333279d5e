"""Words that tell what a column holds.

All are small letters without accents, as `privacy` folds what it looks up.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = [
    "ALONE",
    "AVERAGES",
    "COUNTS",
    "COUNTS_OF_MANY",
    "FIRST_NAMES",
    "GENERIC",
    "IDENTITY",
    "KINDS_OF_PEOPLE",
    "KNOWN_PHRASES",
    "KNOWN_WORDS",
    "NAMES",
    "ORDINARY_WORDS",
    "PARTICLES",
    "PAY",
    "PEOPLE",
    "PEOPLE_STEMS",
    "SENSITIVE",
    "SENSITIVE_SIGNS",
    "SENSITIVE_STEMS",
    "STARTS",
    "THINGS",
    "THING_SIGNS",
    "TYPES",
]


def _texts() -> dict[str, str]:
    """Return the lists of words by their names in brackets."""
    text = files(__package__).joinpath("vocabulary.txt").read_text("utf-8")
    sections = (section.partition("]\n") for section in text.split("[")[1:])
    return {name: words for name, _, words in sections}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(one.split()) for one in text.split(","))


_TEXTS = _texts()


PEOPLE = _words(_TEXTS["people"])
"""Whoever a row may be about, one by one or many."""

PEOPLE_STEMS = (
    *("customer", "client", "patient", "doctor", "physician", "employee", "user"),
    *("student", "kund", "pacien", "pazien", "pacjent", "mitarbeiter", "arzt", "aerzt"),
    *("hausarzt", "benutzer", "mieter", "lehrer", "schueler", "klient", "cliente"),
    *("medico", "medica", "empleado", "empregad", "employe", "versichert", "clientele"),
    *("клиент", "покупател", "пациент", "врач", "доктор", "сотрудник", "работник"),
    *("владел", "пользовател", "студент", "ученик", "учител", "водител", "клієнт"),
    *("лікар", "заказчик", "арендатор", "πελατ", "ασθεν", "γιατρ", "υπαλληλ", "χρηστ"),
)
"""How words for such a person begin, in compounds and in every case."""

SENSITIVE = _words(_TEXTS["sensitive"])
"""What the law calls special, and a person's sex; no count opens it."""

SENSITIVE_STEMS = (
    *("diagnos", "diseas", "krank", "medikament", "medicament", "medicac", "symptom"),
    *("religi", "ethnic", "hospitali", "vaccin", "psychiatr", "disabilit", "allerg"),
    *("диагноз", "болезн", "симптом", "религи", "националь", "здоров", "лекарств"),
)

PAY = _words(_TEXTS["pay"])
"""What a person earns; only an average opens it."""

SENSITIVE_SIGNS = _words(_TEXTS["sensitive_signs"])
"""The same in scripts that part no words; found anywhere in a name."""

THINGS = _words(_TEXTS["things"])
"""What a column of a vocabulary is called; its last word, but for ``."""

THING_SIGNS = tuple(
    _words(
        """
    国家 地区 城市 产品 類別 类别 状态 状態 颜色 色 都市 部門 部门 月份
    商品 種類 种类 国 국가 도시 제품 상태 색 지역 类型 渠道 بلد
    مدينة اللون देश शहर रंग
    """
    )
)

IDENTITY = _words(_TEXTS["identity"])
"""What tells of one person, or leads to one."""

NAMES = _words(_TEXTS["names"])
"""What is a name; of whom or of what, the other words say."""

GENERIC = _words(_TEXTS["generic"])
"""Words that do not say of what something is a name."""

ALONE = _words(
    """
    born card cc mac pan pin pins plate race races party sin union
    """
)
"""Personal where nothing stands with them: `card`, but not `graphics_card`."""

COUNTS = _words(
    """
    count counts cnt total totals per rate rates ratio share shares percent percentage
    pct n anzahl cantidad quantity qty nunique length len cases deaths prevalence
    incidence
    """
)
"""With one of these, a name is that of a number of things."""

COUNTS_OF_MANY = _words(
    """
    num nb nr no number
    """
)
"""The same before a plural."""

TYPES = _words(
    """
    type types status kind category typ tipo
    """
)
"""What of a number or an address is none: `account_type`."""

AVERAGES = _words(
    """
    mean median avg average capita durchschnitt mittlere
    """
)
"""What tells of many what they earn."""

KINDS_OF_PEOPLE = _words(_TEXTS["kinds_of_people"])
"""What divides people into kinds; `customer_segment` is no customer."""

PARTICLES = _words(
    """
    van von der den de da del della di do dos das du la las los le bin ibn al el y e
    zu zum ter ten af
    """
)
"""Small words within names."""

STARTS = _words(_TEXTS["starts"])
"""Words of prose that often have a capital letter."""

_CALENDAR = _TEXTS["calendar"]
_PLACES = _TEXTS["places"]
_QUALITIES = _TEXTS["qualities"]
_GOODS = _TEXTS["goods"]
KNOWN_WORDS = _words(_CALENDAR + _PLACES + _QUALITIES + _GOODS) - _words(
    # Names of people first of all, wherever they stand.
    "lima"
)
"""Values that belong to a known vocabulary."""

KNOWN_PHRASES = _phrases(_TEXTS["known_phrases"])

_LABELS = _TEXTS["labels"]
ORDINARY_WORDS = (
    KNOWN_WORDS | THINGS | PEOPLE | SENSITIVE | PAY | IDENTITY | NAMES | _words(_LABELS)
    | frozenset(word for phrase in KNOWN_PHRASES for word in phrase.split())
) - _words(
    "jordan chad georgia virginia carolina israel florence nick rue swift vin"
)  # fmt: skip
"""Words of which names of columns, settings and titles are made."""

FIRST_NAMES = _words(_TEXTS["first_names"]) - KNOWN_WORDS
"""Common names of people, but for those that are ordinary words or places, too."""
