"""Tell by its name, or by its look, what is likely to be about a person."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["HIDDEN", "is_personal", "may_be_personal"]

HIDDEN = "looks personal: no values shown"

# Words of which the name of a column is made, in the languages of most notebooks.
_WORDS = frozenset(
    """
    account acct addr address anschrift bday bic birth birthdate birthday born card
    cc cpf cvv dob e_mail email fax firstname forename fullname gps guid iban id ids
    imei initials ip ipaddr lastname lat latitude lng lon longitude login mac mail
    maiden mobile msisdn name names nationality nhs nick nickname nin nino pan
    passport passwd password patient person phone pin plate plz postal postcode pwd
    secret sin ssn street surname swift tel telephone token uid user username uuid
    vat vin zip zipcode salary wage income license licence
    adresse apellido cognome correo courriel cpr direccion dni geburtsdatum indirizzo
    konto kunde kundennummer mitarbeiter nachname nif nom nombre nome prenom prénom
    rue siret strasse straße telefon telefono telefone téléphone vorname
    иин инн имя фамилия телефон почта адрес
    """.split()  # noqa: SIM905 - a list of a hundred words is read by nobody
)
_PARTS = re.compile(
    r"e-?mail|phone|address|passw|iban|surname|birth|passport|credit.?card|username"
    r"|(?:first|last|full|given|family|middle|customer|patient|employee|client)_?name"
    r"|(?:user|customer|client|patient|person|employee|member|account|order)_?id$"
    r"|姓名|名前|氏名|电话|電話|手机|邮箱|郵便|地址|住所|身份证|이름|전화|주소|이메일"
)
_VALUE = re.compile(
    r"[^\s@]+@[^\s@]+\.\w"
    r"|(?<![\d.-])(?!\d{4}-\d\d-\d\d)\+?\d[\d\s()./-]{7,}\d"
    r"|^[A-Z]{2}\d{2}[A-Z0-9 ]{10,}$"
)
_EDGES = re.compile(r"(?<=[a-zäöüé])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_\d]+")


def is_personal(label: str) -> bool:
    """Tell whether the name of a column or field speaks of a person or a secret.

    Examples
    --------
    >>> is_personal("customerId"), is_personal("E-Mail"), is_personal("width")
    (True, True, False)
    """
    words = {word.lower() for word in _EDGES.split(label)}
    return bool(words & _WORDS) or bool(_PARTS.search(label.lower()))


def may_be_personal(values: Iterable[str]) -> bool:
    """Tell whether a value looks like an e-mail address, or a number of a person's."""
    return any(_VALUE.search(value) for value in values)
