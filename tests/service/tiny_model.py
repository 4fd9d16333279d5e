"""Write a llama of one layer with random weights: `python tiny_model.py FILE`.

It reads bytes and says nonsense, and takes 120 kB; it needs gguf and numpy.
"""

from __future__ import annotations

import sys

import gguf
import numpy as np

CONTEXT_TOKENS, WIDTH, HEADS, INNER = 256, 32, 4, 64
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TOKENS = ["<unk>", "<s>", "</s>", *BYTES]
KINDS = gguf.TokenType
TYPES = [KINDS.UNKNOWN, KINDS.CONTROL, KINDS.CONTROL, *[KINDS.BYTE] * len(BYTES)]
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
MATRICES = {
    "token_embd": (len(TOKENS), WIDTH),
    "output": (len(TOKENS), WIDTH),
    **{f"blk.0.attn_{n}": (WIDTH, WIDTH) for n in ("q", "k", "v", "output")},
    "blk.0.ffn_gate": (INNER, WIDTH),
    "blk.0.ffn_up": (INNER, WIDTH),
    "blk.0.ffn_down": (WIDTH, INNER),
}
NORMS = ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")


def write(path: str) -> None:
    random = np.random.default_rng(1)
    model = gguf.GGUFWriter(path, "llama")
    model.add_context_length(CONTEXT_TOKENS)
    model.add_embedding_length(WIDTH)
    model.add_block_count(1)
    model.add_feed_forward_length(INNER)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_vocab_size(len(TOKENS))
    model.add_tokenizer_model("llama")
    model.add_token_list(TOKENS)
    model.add_token_scores([0.0] * len(TOKENS))
    model.add_token_types(TYPES)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    model.add_chat_template(TEMPLATE)
    for name, shape in MATRICES.items():
        weights = random.standard_normal(shape).astype(np.float32)
        model.add_tensor(f"{name}.weight", weights)
    for name in NORMS:
        model.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


if __name__ == "__main__":
    write(sys.argv[1])
