"""How far the estimate of tokens is from what public vocabularies count.

    python -m pip install --group bench '.[demo]' && python tests/bench/tokens.py

The truth is the larger count of two vocabularies that come within packages and need no
network: Llama 3's (`llama-models`), which Llama Nemotron uses, and Mistral's Tekken
(`mistral-common`), which takes digits one by one as newer Nemotron models do. For each
kind of text: how the estimate compares with the truth, and how many of the texts it
takes for more than 2% shorter than they are. The goals: fewer than one in a hundred of
all texts, none of tables, numbers and logs, and a median of at most 1.25 for code,
prose, tables, numbers and Chinese, Japanese and Korean text.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median

from nemotron_magic.context.prompt import estimate_tokens

CHUNK_CHARS = (300, 1500, 6000)
MOST = 25
LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHINESE = (
    "这个数据框有三百行和十二列，其中两列含有缺失值。平均价格在三月份上升了百分之"
    "八，但是北方地区的销售量明显下降。请先检查日期列的格式，然后再按地区分组计算"
    "总和。模型在训练集上的准确率很高，在测试集上却只有百分之七十一，这说明它已经"
    "过拟合。我们可以减少特征的数量，或者使用交叉验证来选择更合适的参数。"
)
JAPANESE = (
    "このデータフレームには三百行と十二列があり、二つの列に欠損値があります。"
    "平均価格は三月に八パーセント上がりましたが、北部の売上は大きく減りました。"
    "まず日付の列の形式を確認してから、地域ごとに合計を計算してください。"
    "モデルは学習データでは精度が高いのに、テストでは低いので、過学習していると考"
    "えられます。"
)
KOREAN = (
    "이 데이터프레임에는 삼백 개의 행과 열두 개의 열이 있으며 두 열에 결측값이 "
    "있습니다. 평균 가격은 삼월에 팔 퍼센트 올랐지만 북부 지역의 판매량은 "
    "크게 줄었습니다. 먼저 날짜 열의 형식을 확인한 다음 지역별로 합계를 "
    "계산해 주세요. 모델은 학습 데이터에서는 정확도가 높지만 시험 데이터에서는 "
    "낮으므로 과적합으로 보입니다. "
)
GERMAN = (
    "Der Datensatz hat dreihundert Zeilen und zwölf Spalten, von denen "
    "zwei Lücken haben. Der Durchschnittspreis ist im März um acht Prozent "
    "gestiegen, während der Absatz in den nördlichen Bundesländern deutlich "
    "zurückging. Prüfen Sie zuerst das Format der Datumsspalte und bilden "
    "Sie danach die Summen je Region. "
)
RUSSIAN = (
    "В таблице триста строк и двенадцать столбцов, в двух из них есть пропуски. "
    "Средняя цена в марте выросла на восемь процентов, однако продажи на "
    "севере заметно упали. Сначала проверьте формат столбца с датами, а "
    "потом посчитайте суммы по регионам. "
)
EMOJI = "😀🚀🔥✨🎉📈📉✅❌🤖🌍🐍🧪👍🏽👩‍💻🇩🇪"


def written(lines: int, line: Callable[[random.Random, int], str]) -> str:
    """Write a text whose lines are made one by one, the same each time."""
    chance = random.Random(lines)
    return "\n".join(line(chance, number) for number in range(lines))


def shuffled(text: str, times: int) -> str:
    """Give a long text from the sentences of a short one."""
    marks = "。" if "。" in text else ". "
    sentences = [f"{one}{marks}" for one in text.split(marks) if one]
    chance = random.Random(len(text))
    return "".join(chance.choice(sentences) for _ in range(times))


def row(chance: random.Random, number: int) -> str:
    """Write a line of a frame as pandas prints it."""
    region = chance.choice(["North", "South", "East Anglia", "Wales"])
    price, sold = chance.gauss(90, 40), chance.randrange(10**6)
    return (
        f"{number:<6} 2024-03-{number % 28 + 1:02} {region:>12} {price:10.4f} {sold:8}"
    )


def cell(chance: random.Random, number: int) -> str:
    """Write a line of a Markdown table."""
    name = chance.choice(["logistic regression", "random forest", "gradient boosting"])
    return f"| {name} | {chance.random():.3f} | {chance.randrange(2000)} |"


def log(chance: random.Random, number: int) -> str:
    """Write a line of a training's log."""
    stamp = (
        f"2024-05-{number % 28 + 1:02} 12:{number % 60:02}:07,{chance.randrange(999)}"
    )
    return f"{stamp} INFO trainer: epoch={number} loss={chance.random():.5f} lr=3e-4"


def record(chance: random.Random, number: int) -> str:
    """Write one record as JSON."""
    value = {
        "id": number,
        "city": "Leeds",
        "score": chance.random(),
        "tags": ["a", "b"],
    }
    return json.dumps(value, indent=2)


def blank(chance: random.Random, number: int) -> str:
    """Write a line that is mostly blank."""
    return " " * chance.randrange(90) + chance.choice(["x", "}", "", "\t\t\tend"])


def emoji(chance: random.Random, number: int) -> str:
    """Write a line with emoji."""
    return "".join(chance.choice(["good ", "ok ", "", *EMOJI]) for _ in range(20))


def numbers(chance: random.Random, number: int) -> str:
    """Write a line of a NumPy array."""
    return f"[{' '.join(f'{chance.gauss(0, 1): .8f}' for _ in range(5))}]"


def digest(chance: random.Random, number: int) -> str:
    """Write a hash."""
    return chance.randbytes(32).hex()


def code() -> str:
    """Give modules of the standard library."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(folder.glob("[c-m]*.py"))[::3]
    return "\n".join(path.read_text("utf-8")[2000:8000] for path in paths)


def texts() -> dict[str, str]:
    """Give a long text of each kind."""
    return {
        "code": code(),
        "prose": "\n".join(topics[one] for one in sorted(topics)[::2]),
        "table": written(900, row),
        "Markdown table": written(900, cell),
        "JSON": written(400, record),
        "numbers": written(600, numbers),
        "log": written(600, log),
        "Chinese": shuffled(CHINESE, 400),
        "Japanese": shuffled(JAPANESE, 400),
        "Korean": shuffled(KOREAN, 400),
        "German": shuffled(GERMAN, 200),
        "Russian": shuffled(RUSSIAN, 200),
        "emoji": written(600, emoji),
        "blanks": written(900, blank),
        "hashes": written(600, digest),
        "base64": base64.encodebytes(random.Random(1).randbytes(30000)).decode(),
    }


def chunks(text: str) -> Iterator[str]:
    """Give pieces of three sizes, taken here and there."""
    for size in CHUNK_CHARS:
        starts = range(0, max(1, len(text) - size), size)
        yield from (
            text[at : at + size] for at in list(starts)[:: len(starts) // MOST + 1]
        )


def vocabularies() -> dict[str, Callable[[str], int]]:
    """Give the counts of the vocabularies at hand, by name."""
    from tiktoken import Encoding

    found = {}
    if (spec := find_spec("llama_models")) and spec.origin:
        path = Path(spec.origin).parent / "llama3" / "tokenizer.model"
        pairs = (line.split() for line in path.read_bytes().splitlines())
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
        found["Llama 3"] = (LLAMA, ranks)
    if (spec := find_spec("mistral_common")) and spec.origin:
        path = Path(spec.origin).parent / "data" / "tekken_240718.json"
        whole = json.loads(path.read_text("utf-8"))
        size = whole["config"]["default_vocab_size"]
        size -= whole["config"]["default_num_special_tokens"]
        vocabulary = whole["vocab"][:size]
        ranks = {
            base64.b64decode(one["token_bytes"]): one["rank"] for one in vocabulary
        }
        found["Tekken"] = (whole["config"]["pattern"], ranks)

    def counting(
        name: str, pattern: str, ranks: dict[bytes, int]
    ) -> Callable[[str], int]:
        encoding = Encoding(
            name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        return lambda text: len(encoding.encode_ordinary(text))

    return {name: counting(name, *one) for name, one in found.items()}


def shares(text: str, counts: list[Callable[[str], int]]) -> list[float]:
    """Give the estimate over the truth for each piece of a text."""
    return [
        estimate_tokens(piece) / max(count(piece) for count in counts)
        for piece in chunks(text)
    ]


def seconds(work: Callable[[str], object], text: str) -> float:
    """Give the least time that some work on a text takes."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        work(text)
        times.append(time.perf_counter() - start)
    return min(times)


def scan_ratio(text: str) -> float:
    """Give how many times as long the estimate takes as `str.split`."""
    return seconds(estimate_tokens, text) / seconds(str.split, text)


def main() -> int:
    """Print the errors; fail if a text is far off."""
    if not find_spec("tiktoken") or not (counts := vocabularies()):
        print("needs tiktoken with llama-models or mistral-common")
        return 2
    print(f"estimate / the larger count of {' and '.join(counts)}")
    print(f"{'text':<16}{'min':>6}{'median':>8}{'max':>6}{'under by > 2%':>15}{'n':>5}")
    every = []
    for kind, text in texts().items():
        found = shares(text, list(counts.values()))
        every += found
        under = sum(one < 0.98 for one in found) / len(found)
        middle = f"{min(found):6.2f}{median(found):8.2f}{max(found):6.2f}"
        print(f"{kind:<16}{middle}{under:15.1%}{len(found):5}")
    under = sum(one < 0.98 for one in every) / len(every)
    print(
        f"{'all':<16}{min(every):6.2f}{median(every):8.2f}{max(every):6.2f}{under:15.1%}"
    )
    print(f"time: {scan_ratio(code()[:100_000]):.0f} times str.split")
    return 0 if under < 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
