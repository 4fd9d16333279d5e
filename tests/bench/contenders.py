"""What is compared: how each package is loaded and asked, as its own manual says.

Each reads the same reply from the same server and shows it in a cell of its own. What
has no magic is asked as its README does it in a notebook.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

QUESTION = "Why does this merge lose rows?"


@dataclass(frozen=True)
class Contender:
    """One package.

    Attributes
    ----------
    name : str
        As the table names it.
    package : str
        As it is installed.
    load : str
        A cell that makes it ready to ask.
    point : str
        A cell that points it at a base URL, which is written URL there.
    ask : str
        A cell that asks and shows the reply.
    streams : bool
        Whether the reply is shown while it grows.
    """

    name: str
    package: str
    load: str
    point: str
    ask: str
    streams: bool = True

    @property
    def version(self) -> str:
        """The version that is installed; empty if it is not."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""


OURS = Contender(
    name="nemotron_magic",
    package="nemotron-magic",
    load="%load_ext nemotron_magic",
    point='%config Nemotron.base_url = "URL"',
    ask=f"%nemotron --fresh {QUESTION}",
)
JUPYTER_AI = Contender(
    name="jupyter_ai_magics",
    package="jupyter-ai-magics",
    load="%load_ext jupyter_ai_magics",
    point="import os; os.environ['OPENAI_API_BASE'] = 'URL'",
    ask=f"%%ai openai-chat-custom:any\n{QUESTION}",
    streams=False,
)
CHATLAS = Contender(
    name="chatlas",
    package="chatlas",
    load="from chatlas import ChatOpenAICompletions",
    point="chat = ChatOpenAICompletions(base_url='URL', api_key='none', model='any')",
    ask=f"chat.set_turns([]); _ = chat.chat({QUESTION!r})",
)
OPENAI = Contender(
    name="openai",
    package="openai",
    load="from openai import OpenAI",
    point="client = OpenAI(base_url='URL', api_key='none')\n"
    "from IPython.display import Markdown, display",
    ask=f"""
handle, text = display(Markdown(""), display_id=True), ""
for chunk in client.chat.completions.create(
    model="any", stream=True, messages=[{{"role": "user", "content": {QUESTION!r}}}]
):
    text += chunk.choices[0].delta.content or ""
    handle.update(Markdown(text))
""".strip(),
)
BARE = Contender(
    name="bare httpx",
    package="httpx",
    load="""
import httpx, json
from IPython.display import Markdown, display
client = httpx.Client()

def ask(question):
    asked = {"model": "any", "messages": [{"role": "user", "content": question}]}
    said = client.post(url, json={"stream": True, **asked}).content.decode()
    events = [json.loads(one[6:]) for one in said.split("\\n\\n") if "{" in one]
    deltas = [event["choices"][0]["delta"] for event in events]
    return "".join(delta.get("content") or "" for delta in deltas)
""".strip(),
    point="url = 'URL/chat/completions'",
    ask=f"display(Markdown(ask({QUESTION!r})))",
    streams=False,
)
"""No peer but the least that there can be: no key, no settings, no books, no errors."""

ALL = (OURS, JUPYTER_AI, CHATLAS, OPENAI, BARE)
