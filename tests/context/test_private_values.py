"""Nobody in a table, a container or a text is told of; vocabularies are."""

from __future__ import annotations

import collections
import dataclasses
import io
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from nemotron_magic.context.describe import describe
from nemotron_magic.context.describe.privacy import (
    FIRST_NAMES,
    ORDINARY_WORDS,
    is_personal,
    is_vocabulary,
    own_name,
    safe_labels,
    tells_of_person,
)

PEOPLE = (
    *("Zebulon Quimby", "Dr Voss", "O’Brien", "山田太郎", "Müller-Lüdenscheidt"),
    *("ABDUL RAHMAN", "smith, john", "jsmith", "zquimby@mail.example"),
    *("+49 170 1234567", "12 Elm Street", "Nguyễn Thị Hoa", "Иван Кузнецов", "김철수"),
    *("de la Cruz", "Quimby, Zebulon", "J. Smith", "محمد علي", "MacAllister"),
)
HEADERS = (
    *("customer", "Customer Name", "clientName", "patient", "doctor", "Physician"),
    *("employee", "manager", "owner", "user", "member", "student", "teacher", "tenant"),
    *("driver", "author", "name", "first_name", "surname", "full_name", "nombre"),
    *("Kunde", "kundenname", "Ärztin", "médecin", "cliente", "empleado", "Mitarbeiter"),
    *("patient_id", "diagnosis", "religion", "ethnicity", "party", "medication"),
    *("sexual_orientation", "union_member", "criminal_record", "salary", "gender"),
    *("客户", "患者名", "顧客", "고객명", "покупатель", "عميل", "ग्राहक", "müşteri"),
    *("col1", "label", "x", "0", "value", "Unnamed: 0", "product_name", "team_name"),
)
ROWS = 24
OTHER_PEOPLE = (
    *("Oluwaseun Adeyemi", "Björk Jónsdóttir", "T. Okonkwo", "van Gogh, Vincent"),
    *("LI WEI", "RAMIREZ", "mary-jane watson", "M.J. Watson", "李小龙", "佐藤 花子"),
    *("สมชาย ใจดี", "अमित शर्मा", "דוד כהן", "Ξένια Παπαδοπούλου", "Ольга", "o'hara"),
    *("D’Angelo", "(212) 555-0147", "221B Baker Street", "AB123456C", "123-45-6789"),
    *("DE89 3704 0044 0532 0130 00", "St. John Smythe", "mschmidt", "Mx Rivers"),
)
OTHER_HEADERS = (
    *("assigned_to", "PATIENT_NAME", "Vorname", "apellidos", "Schüler", "利用者"),
    *("Diagnosis Code", "wage", "tenant name", "passenger", "who", "col_a", "notes"),
)


def pandas_frame(header: str, people: list[str]) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({header: people, "amount": range(len(people))})


def polars_frame(header: str, people: list[str]) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({header: people})


def arrow_table(header: str, people: list[str]) -> Any:
    return pytest.importorskip("pyarrow").table({header: people})


def enum_of_polars(header: str, people: list[str]) -> Any:
    polars = pytest.importorskip("polars")
    return polars.Series(header, people, dtype=polars.Enum(sorted(set(people))))


def categorical(header: str, people: list[str]) -> Any:
    return pandas_frame(header, people).astype({header: "category"})


def pandas_only(change: Callable[[Any, str], Any]) -> Callable[[str, list[str]], Any]:
    return lambda header, people: change(pandas_frame(header, people), header)


@dataclasses.dataclass
class Visit:
    note: Any
    names: Any


HOLDERS: dict[str, Callable[[str, list[str]], Any]] = {
    "frame of pandas": pandas_frame,
    "frame of polars": polars_frame,
    "table of arrow": arrow_table,
    "enum of polars": enum_of_polars,
    "categorical": categorical,
    "series": pandas_only(lambda df, h: df[h]),
    "index": pandas_only(lambda df, h: df.set_index(h)),
    "index alone": pandas_only(lambda df, h: df.set_index(h).index),
    "levels": pandas_only(lambda df, h: df.set_index([h, "amount"])),
    "value_counts": pandas_only(lambda df, h: df[h].value_counts()),
    "groupby": pandas_only(lambda df, h: df.groupby(h).sum()),
    "turned": pandas_only(lambda df, h: df.groupby(h).sum().T),
    "unique": pandas_only(lambda df, h: df[h].unique()),
    "row": pandas_only(lambda df, h: df.iloc[0]),
    "cell": pandas_only(lambda df, h: df[h].iloc[0]),
    "records": pandas_only(lambda df, h: df.to_dict("records")),
    "a few records": pandas_only(lambda df, h: df.head(3).to_dict("records")),
    "dict of lists": pandas_only(lambda df, h: df.to_dict("list")),
    "dict of dicts": pandas_only(lambda df, h: df.to_dict()),
    "dict of rows": pandas_only(lambda df, h: df.to_dict("index")),
    "split": pandas_only(lambda df, h: df.head(2).to_dict("split")),
    "rows": pandas_only(lambda df, h: df.values.tolist()),
    "two rows": pandas_only(lambda df, h: df.head(2).values.tolist()),
    "csv": pandas_only(lambda df, h: df.to_csv()),
    "csv of a column": pandas_only(lambda df, h: df[h].to_csv(index=False)),
    "json": pandas_only(lambda df, h: df.to_json(orient="records")),
    "json lines": pandas_only(lambda df, h: df.to_json(orient="records", lines=True)),
    "printed": pandas_only(lambda df, h: df.to_string()),
    "html": pandas_only(lambda df, h: df.to_html()),
    "list": lambda h, people: people,
    "short list": lambda h, people: people[:2],
    "tuple": lambda h, people: tuple(people),
    "set": lambda h, people: set(people),
    "frozenset": lambda h, people: frozenset(people),
    "deque": lambda h, people: collections.deque(people),
    "Counter": lambda h, people: collections.Counter(people),
    "keys": lambda h, people: dict.fromkeys(people, 7),
    "keys of lists": lambda h, people: {one: [1, 2] for one in people},
    "keys of records": lambda h, people: {one: {"total": 3} for one in people},
    "values": lambda h, people: dict(enumerate(people)),
    "nested": lambda h, people: {"result": {"found": people}},
    "pairs": lambda h, people: [(one, 7) for one in people[:6]],
    "text of pairs": lambda h, people: json.dumps([[one, 7] for one in people]),
    "repr": lambda h, people: repr(people),
    "dataclass": lambda h, people: Visit(people[0], people[:3]),
    "most common": lambda h, people: collections.Counter(people).most_common(),
    "dummies": pandas_only(lambda df, h: pytest.importorskip("pandas").get_dummies(df)),
    "columns": lambda h, people: pytest.importorskip("pandas").DataFrame(
        [dict.fromkeys(people, 1)]
    ),
    "json by column": pandas_only(lambda df, h: df.to_json()),
    "error": lambda h, people: KeyError(people[0]),
    "named tuples": pandas_only(lambda df, h: list(df.itertuples())),
    "summary": pandas_only(lambda df, h: df.describe(include="all")),
    "joined": lambda h, people: ", ".join(people),
    "lines": lambda h, people: "\n".join(people),
    "grouped": lambda h, people: collections.defaultdict(list, {people[0]: [1]}),
}


def people_of(start: int, among: tuple[str, ...] = PEOPLE) -> list[str]:
    """Return a few people, each several times, so that a categorical could be made."""
    few = list(itertools.islice(itertools.cycle(among), start, start + 4))
    return (few * ROWS)[:ROWS]


def told_of(said: str, people: list[str]) -> list[str]:
    return [one for one in set(people) if one in said or one.upper() in said]


@pytest.mark.slow  # its sister asks every holder, too
@pytest.mark.parametrize("holder", HOLDERS)
def test_nobody_is_told_of_whatever_holds_them(holder: str) -> None:
    for place, header in enumerate(HEADERS):
        people = people_of(place * 3)
        value = HOLDERS[holder](header, people)
        for name in ("", "x", header if header.isidentifier() else "data"):
            said = describe(value, name)

            assert not told_of(said, people), (header, name, said)


@pytest.mark.parametrize("holder", HOLDERS)
def test_nor_is_anybody_else(holder: str) -> None:
    for place, header in enumerate(OTHER_HEADERS):
        for start in (place * 2, place * 2 + 5):
            people = people_of(start, OTHER_PEOPLE)
            said = describe(HOLDERS[holder](header, people), "x")

            assert not told_of(said, people), (header, said)


@pytest.mark.parametrize("header", HEADERS)
def test_each_is_hidden_alone_where_few_values_repeat(header: str) -> None:
    for person in PEOPLE:
        people = [person] * ROWS
        said = describe(pandas_frame(header, people)) + describe(people, header)

        assert not told_of(said, [person]), said


def test_diseases_and_pay_are_not_told_by_value_or_range() -> None:
    pandas = pytest.importorskip("pandas")
    columns = {
        "diagnosis": ["hiv", "flu", "cancer"] * 8,
        "Religion": ["catholic", "muslim", "none"] * 8,
        "base_salary": range(54_321, 54_321 + ROWS),
        "hourlyWage": range(54_321, 54_321 + ROWS),
        "Einkommen": range(54_321, 54_321 + ROWS),
    }
    said = describe(pandas.DataFrame(columns)) + describe(54_321, "salary")

    assert told_of(said, ["hiv", "flu", "catholic", "54321", "54,321", "54344"]) == []


def test_a_set_of_lower_first_names_under_any_header_is_not_told() -> None:
    for header in ("label", "x", "group"):
        said = describe(pandas_frame(header, ["anna", "mehmet", "yuki"] * 8))

        assert told_of(said, ["anna", "mehmet", "yuki"]) == []


def test_words_that_do_not_repeat_are_no_vocabulary() -> None:
    names = ["quimby", "voss", "xanthe", "oduya"]

    for value in (names, tuple(names), set(names), dict.fromkeys(names, 3)):
        assert told_of(describe(value, "x"), names) == []


@pytest.mark.parametrize("words", [("blorak", "quenel"), ("trav", "zimp", "blor")])
def test_counts_name_what_repeats_and_a_dict_what_is_known(words: Any) -> None:
    counts = dict.fromkeys(words, 3)

    assert repr(words[0]) in describe(collections.Counter(counts), "x")
    assert repr(words[0]) not in describe(collections.Counter(words), "x")
    assert repr(words[0]) not in describe(counts, "x")


@pytest.mark.parametrize(("number", "are_named"), [(12, True), (13, False)])
def test_values_are_a_vocabulary_up_to_a_dozen(number: int, are_named: bool) -> None:
    syllables = ("blor", "quen", "trav", "zimp"), ("ak", "el", "ix", "om")
    words = list(map("".join, itertools.product(*syllables)))[:number]
    pandas = pytest.importorskip("pandas")

    told = describe(pandas.DataFrame({"kind": words * 3, "n": range(3 * number)}), "x")

    assert is_vocabulary(dict.fromkeys(words, 3)) is are_named
    assert ("'blorak'" in told) is are_named
    assert is_vocabulary(dict.fromkeys(words, 2)) is False


def test_columns_that_are_people_are_not_named() -> None:
    pandas = pytest.importorskip("pandas")
    dummies = pandas.get_dummies(pandas_frame("customer", people_of(0)))
    crossed = pandas.crosstab(
        pandas.Series(["a", "b"] * 12, name="kind"),
        pandas.Series(people_of(0), name="customer"),
    )
    plain = pandas.DataFrame({"Zebulon Quimby": [1], "Xanthe Oduya": [2]})

    said = describe(dummies) + describe(crossed) + describe(plain)

    assert told_of(said, people_of(0)) == []
    assert "Xanthe" not in said
    assert "customer_(person 2)" in said


HARMLESS: dict[str, list[str]] = {
    "product_name": ["Desk", "Office Chair", "Lamp"],
    "country_name": ["Germany", "France", "New Zealand"],
    "team_name": ["Lions", "Bears", "Sharks"],
    "column_name": ["Price", "Total Amount", "day"],
    "Species": ["Iris-setosa", "Iris-versicolor", "Iris-virginica"],
    "species": ["setosa", "versicolor", "virginica"],
    "penguin": ["Adelie", "Gentoo", "Chinstrap"],
    "island": ["Torgersen", "Biscoe", "Dream"],
    "size": ["XS", "M", "XXL"],
    "col1": ["EU-27", "A12", "B7"],
    "Churn": ["Yes", "No"],
    "active": ["true", "false"],
    "weekday": ["Monday", "Tuesday", "Sunday"],
    "x": ["Jan", "Feb", "Mar"],
    "month": ["Januar", "März", "Dezember"],
    "mois": ["janvier", "août", "décembre"],
    "currency": ["EUR", "USD", "JPY"],
    "money": ["dollar", "euro", "yen"],
    "color": ["Red", "Dark Blue", "green"],
    "Farbe": ["Rot", "Grün", "Blau"],
    "status": ["Active", "In Progress", "on hold"],
    "state": ["CA", "New York", "Texas"],
    "grade": ["A", "B+", "C-"],
    "region": ["EAST", "North", "south-west"],
    "label": ["positive", "negative", "neutral"],
    "answer": ["Strongly agree", "Neutral", "Disagree"],
    "unit": ["kg", "km", "°C"],
    "cut": ["Ideal", "Very Good", "Premium"],
    "clarity": ["SI1", "VS2", "IF"],
    "embarked": ["S", "C", "Q"],
    "class": ["First", "Second", "Third"],
    "time": ["Lunch", "Dinner"],
    "contract": ["Month-to-month", "One year", "Two year"],
    "PaymentMethod": ["Electronic check", "Bank transfer (automatic)"],
    "room_type": ["Private room", "Entire home/apt"],
    "payment": ["Visa", "PayPal", "Cash"],
    "weather": ["Sunny", "Rain", "Cloudy"],
    "age_group": ["18-25", "26-40", "65+"],
    "bracket": ["<18", "18-65", ">65"],
    "quarter": ["2024-Q1", "2024-Q2"],
    "year": ["2023", "2024"],
    "cluster": ["Cluster 1", "Cluster 2"],
    "group": ["control", "treatment"],
    "split": ["train", "test"],
    "phase": ["phase_1", "phase_2", "phase_3"],
    "language": ["Python", "Rust", "SQL"],
    "locale": ["en-US", "de-DE"],
    "browser": ["Chrome", "Firefox", "Safari"],
    "os": ["linux", "windows", "macos"],
    "department": ["Sales", "HR", "Engineering"],
    "category": ["Office Supplies", "Furniture", "Technology"],
    "genre": ["Drama", "Comedy"],
    "customer_segment": ["Consumer", "Corporate", "Home Office"],
    "user_type": ["guest", "premium"],
    "city": ["Berlin", "Paris", "London"],
    "continent": ["Europe", "Asia", "North America"],
    "fuel": ["Diesel", "electric"],
    "origin": ["usa", "europe", "japan"],
    "priority": ["low", "medium", "high"],
    "kind": ["rest", "walking", "running"],
    "shape": ["circle", "square"],
    "target": ["malignant", "benign"],
    "channel": ["email", "Paid Search", "social"],
    "deck": ["A", "B", "C"],
    "tipo": ["nuevo", "usado"],
    "город": ["Москва", "Казань"],
}


@pytest.mark.parametrize("make", [pandas_frame, polars_frame, arrow_table])
def test_a_vocabulary_is_told(make: Any) -> None:
    said = {
        header: describe(make(header, values * 10))
        for header, values in HARMLESS.items()
    }
    kept = {
        header: [one for one in values if repr(one) not in said[header]]
        for header, values in HARMLESS.items()
    }

    assert {header: values for header, values in kept.items() if values} == {}


def test_an_index_and_distinct_values_of_a_vocabulary_are_told() -> None:
    pandas = pytest.importorskip("pandas")
    counts = pandas.Series(["DE", "FR"] * 9, name="country").value_counts()

    assert describe(counts).splitlines()[1:] == [
        "  country  count",
        "  DE  9",
        "  FR  9",
    ]
    assert "  - 'north'" in describe(["north", "south"], "x")
    assert "'sepal length (cm)'" in describe(["sepal length (cm)"], "feature_names")
    assert "'setosa'" in describe(collections.Counter(["setosa"] * 5), "x")


def test_names_of_fields_are_told() -> None:
    settings = {"learning_rate": 0.1, "max_depth": 3.0, "subsample": 0.5}
    scores = {"accuracy": 0.9, "precision": 0.8, "recall": 0.7}
    record = {"optimizer": "adam", "model": "bert-base-uncased", "Unit Price": 3}

    for value in (settings, scores, record):
        said = describe(value)
        assert [key for key in value if repr(key) not in said] == []
    assert "'adam'" in describe(record)
    assert "'bert-base-uncased'" in describe(record)


def test_a_list_of_records_is_said_as_a_table() -> None:
    rows = [{"customer": "Zebulon Quimby", "land": "DE", "total": n} for n in range(9)]

    assert describe(rows).splitlines() == [
        "list of 9 dict, 9 rows × 3 columns",
        "columns:",
        "  customer: str, none missing, looks personal: no values shown",
        "  land: str, none missing, 1 value: 'DE'",
        "  total: int, none missing, 0 to 8",
    ]


def test_a_text_that_holds_a_table_is_said_as_one() -> None:
    file = io.StringIO()
    file.write("customer,country\n" + "Zebulon Quimby,DE\n" * 9)

    first, *lines = describe(file.getvalue()).splitlines()

    assert first == "str of 179 characters, which holds data:"
    assert lines[-1] == "  country: str, none missing, 1 value: 'DE'"


def test_people_in_a_figure_are_not_named() -> None:
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    for person in PEOPLE:
        axes.plot([1, 2], [3, 4], label=person)
    axes.plot([1, 2], [3, 4], label="sales")
    axes.set(title="Sales of Zebulon Quimby", xlabel="Total Amount", ylabel="Dr Voss")
    axes.legend()
    said = describe(axes)

    assert told_of(said, list(PEOPLE)) == []
    assert "x axis: 'Total Amount'" in said
    assert "Dr Voss" in describe(axes, data="full")


def test_full_tells_all() -> None:
    for holder in ("records", "Counter", "csv", "list", "keys"):
        said = describe(HOLDERS[holder]("customer", people_of(0)), data="full")

        assert "Zebulon Quimby" in said


COUNTS = (
    "n_patients customer_count num_users total_customers patients_per_day pin_count"
    " pinned username_count median_income feature_names customer_segment product_name"
)
ONLY_PERSONAL = (
    "salary_max Name firstname CustomerName customerid kundennr patientenname Hausarzt"
    " birth_date host_name display_name base_pay annualIncome blood_type trade_union"
)


def test_counts_and_things_are_told_from_people() -> None:
    assert [name for name in COUNTS.split() if is_personal(name)] == []
    assert [name for name in ONLY_PERSONAL.split() if not is_personal(name)] == []


def test_a_path_is_judged_by_its_last_step() -> None:
    assert own_name('users["country"]') == "country"
    assert "'DE'" in describe(["DE", "FR"], 'users["country"]')
    assert "Voss" not in describe(["Voss", "DE"], "df.customer")


@pytest.mark.parametrize("person", PEOPLE)
def test_a_text_with_a_person_in_it_is_known(person: str) -> None:
    assert tells_of_person(person)


@pytest.mark.parametrize(
    "text",
    [
        "hello world",
        "SELECT Name FROM Customers WHERE total > 5",
        "Average Petal Length (cm)",
        "https://data.example/files/train.csv",
        "x = 1\ny = 2",
        "New York",
    ],
)
def test_other_texts_are_told(text: str) -> None:
    assert not tells_of_person(text)
    assert repr(text) in describe(text)


def test_no_name_is_an_ordinary_word() -> None:
    assert FIRST_NAMES.isdisjoint(ORDINARY_WORDS)


def test_columns_made_of_illnesses_and_small_names_do_not_tell_them() -> None:
    labels = ["amount", "diagnosis_hiv", "diagnosis_gout", "diagnosis_date"]
    labels += ["religion_catholic", "religion_shinto", "doctor_anna", "sex_m"]

    shown = safe_labels(
        [*labels, "patient_mary smith", "sex_f", "religion_id"], are_alike=False
    )

    for told in ("hiv", "gout", "catholic", "shinto", "anna", "mary"):
        assert told not in str(shown)
    for kept in ("amount", "diagnosis_date", "sex_m", "sex_f", "religion_id"):
        assert kept in shown


def test_fields_of_people_keep_their_names() -> None:
    labels = ["customer_churn", "customer_ltv", "employee_nps", "diagnosis_code"]
    labels += ["salary_usd", "salary_eur", "patient_age"]

    assert safe_labels(labels, are_alike=False) == labels


def test_things_that_letters_count_are_a_vocabulary_and_people_are_none() -> None:
    assert is_vocabulary({"Widget A": 4, "Widget B": 3}, "product_name")
    assert is_vocabulary({"Plant C": 4, "Plant D": 3})
    assert not is_vocabulary({"Anna B": 4, "Anna C": 3})


@pytest.mark.parametrize(
    "text",
    [
        "We met Quimby at noon, and the figures were fine.",
        "the ticket was closed by Xanthe. It was late",
        "please ask Okonkwo's office",
        "when voss left, Oduya said nothing",
    ],
)
def test_a_rare_name_within_a_sentence_is_known(text: str) -> None:
    assert tells_of_person(text)
    assert repr(text) not in describe(text, "note")


@pytest.mark.parametrize(
    "text",
    [
        "Trained on the Titanic data, with Keras and TensorFlow",
        "call KeyError and for Foo.bar do print(Baz)",
        "results for Kaggle, in Ljubljana. Then rerun",
    ],
)
def test_things_and_places_within_a_sentence_are_told(text: str) -> None:
    assert not tells_of_person(text)
    assert repr(text) in describe(text, "note")


ORDINARY = (
    ["gizmo", "widget", "sprocket"],
    {"apple": 3, "banana": 4, "kiwi": 2},
    ["title", "price", "rating", "mean_squared_error"],
    {"hammer": [1, 2], "wrench": [3]},
    ("bugfix", "refactor", "docs"),
    {"tokenizer": 0.2, "gradient": 0.1, "threshold": 0.5},
)


@pytest.mark.parametrize("value", ORDINARY, ids=str)
def test_lists_and_dicts_of_ordinary_words_are_told(value: Any) -> None:
    said = describe(value, "x")

    assert [word for word in value if repr(word) not in said] == [], said


def test_an_everyday_word_with_a_capital_may_be_a_family_name() -> None:
    for names in (["Zebulon Fox", "Xanthe Stone"], ["Wolf", "Quimby"], {"Cook": 3}):
        assert told_of(describe(names, "x"), list(names)) == []
    assert "quimby" not in describe(["fox", "quimby"], "x")
    assert "gout" not in describe(["hiv", "gout", "flu"], "x")
