"""Ask NVIDIA Nemotron from a notebook cell."""
