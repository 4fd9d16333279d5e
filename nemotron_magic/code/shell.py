"""Commands of a shell: known by their names; those that install become magics."""

from __future__ import annotations

import re

__all__ = ["is_line_magics", "is_shell", "pip_lines"]

_COMMAND = re.compile(
    r"(?:sudo |[A-Z_]+=\S+ )*(?:\./|\.venv/|\S+/bin/)?(?:apt|apt-get|awk|aws|bash|brew|"
    r"bun|cargo|cat|cd|chmod|chown|choco|code|conda|cp|curl|dbt|deactivate|df|docker|"
    r"docker-compose|du|dvc|echo|export|find|gcloud|gh|git|grep|gunzip|gzip|head|"
    r"huggingface-cli|ipython|jupyter|jupyter-lab|kaggle|kill|kubectl|ln|ls|make|mamba|"
    r"micromamba|mkdir|mv|mypy|node|npm|npx|nvidia-smi|ollama|openssl|pip|pip3|pipenv|"
    r"pipx|poetry|pre-commit|psql|pwd|pytest|python|python3|rm|rsync|ruff|scp|sed|"
    r"source|sqlite3|ssh|streamlit|tail|tar|terraform|touch|uname|unzip|uv|uvicorn|"
    r"uvx|virtualenv|wc|wget|which|yarn|yum|zip)(?:\s+(?![=(\[.,])\S.*|\s*)$"
)
_PIP = re.compile(r"!?\s*(?:python3? -m )?(pip|conda|mamba)3?( \w.*)$")
_LINE_MAGIC = re.compile(r"[%!][A-Za-z]")
_COMPOUND = re.compile(r"[|;&<>]|\$\(")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_shell(code: str) -> bool:
    """Tell whether every line of a text is a well-known command."""
    lines = [line for line in _whole_lines(code) if not line.startswith("#")]
    return bool(lines) and all(_COMMAND.match(line) for line in lines)


def is_line_magics(code: str) -> bool:
    """Tell whether every line of a text is for IPython, such as `%pip` or `!ls`."""
    lines = [line for line in _whole_lines(code) if not line.startswith("#")]
    return bool(lines) and all(_LINE_MAGIC.match(line) for line in lines)


def pip_lines(code: str) -> str:
    r"""Give commands that install packages as magics, which install into this kernel.

    Empty if there are other commands.

    >>> pip_lines("# first\npip install polars")
    '# first\n%pip install polars'
    """
    made: list[str] = []
    goes_on = False
    for line in code.strip("\n").split("\n"):
        command = _PIP.match(line)
        if goes_on or _is_comment(line):
            made.append(line)
        elif command and not _COMPOUND.search(_QUOTED.sub("", line)):
            made.append(f"%{command[1]}{command[2]}")
        else:
            return ""
        goes_on = line.endswith("\\")
    is_any = any(line.startswith("%") for line in made)
    return "\n".join(made) if is_any else ""


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _whole_lines(code: str) -> list[str]:
    """Give the lines that say something, those that a backslash joins as one."""
    joined = re.sub(r"\\\n\s*", "", code)
    return [line.strip() for line in joined.split("\n") if line.strip()]
