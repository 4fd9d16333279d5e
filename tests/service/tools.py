"""Calls of the tools that a request offers, and values that fit a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nemotron_magic.rehearsal.replies import instance

STAND_IN_TOOLS = ("get_weather", "get_time")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function to call; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


def tool_calls(body: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Call the tools that the request demands to be called; else none."""
    tools = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        tools = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
    elif choice != "required":
        return ()
    most = len(tools) if body.get("parallel_tool_calls") else 1
    return tuple(_call(n, tool) for n, tool in enumerate(tools[:most]))


def stand_in_calls() -> tuple[ToolCall, ...]:
    """Give two calls that nobody asked for."""
    weather, time = STAND_IN_TOOLS
    return (
        ToolCall("call_a", weather, '{"city":"Oslo"}'),
        ToolCall("call_b", time, "{}"),
    )


def _call(number: int, tool: Mapping[str, Any]) -> ToolCall:
    arguments = json.dumps(instance(tool.get("parameters") or {"type": "object"}))
    return ToolCall(f"call_{number + 1}", tool["name"], arguments)
