"""What would be sent is shown to the letter."""

from nemotron_magic.display.reports import preview_messages


def test_a_preview_is_a_table_and_each_message_in_a_fence() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "why\n```x```"},
    ]

    assert preview_messages(
        {"model": "m", "stop": ["é"], "messages": messages},
        [("cells | more", "3")],
        "What was sent",
    ) == "\n".join(
        [
            "| What was sent | |",
            "|:--|:--|",
            "| 1. system | about 4 tokens |",
            "| 2. user | about 6 tokens |",
            "| all messages | about 10 tokens |",
            "| all other fields | about 8 tokens |",
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
