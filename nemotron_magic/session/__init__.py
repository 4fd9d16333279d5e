"""One conversation: prompt, budget, call, reply, cost."""
