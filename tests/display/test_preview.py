"""What would be sent is shown to the letter."""

from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens
from nemotron_magic.display.reports import preview_messages


def test_a_preview_is_a_table_and_each_message_in_a_fence() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "why\n```x```"},
    ]

    body = {"model": "m", "stop": ["é"], "messages": messages}
    system, user = (estimate_tokens(one["content"]) for one in messages)

    assert preview_messages(
        body,
        [("cells | more", "3")],
        "What was sent",
    ) == "\n".join(
        [
            "| What was sent | |",
            "|:--|:--|",
            f"| 1. system | about {system} tokens |",
            f"| 2. user | about {user} tokens |",
            f"| all messages | about {system + user} tokens |",
            f"| all other fields | about {estimate_field_tokens(body)} tokens |",
            "| cells \\| more | 3 |",
            "",
            "**1. system**",
            "",
            "```prompt",
            "Be brief.",
            "```",
            "",
            "**2. user**",
            "",
            "````prompt",
            "why",
            "```x```",
            "````",
            "",
            "**All other fields**",
            "",
            "```json",
            '{"model": "m",\n "stop": ["é"]}',
            "```",
        ]
    )
