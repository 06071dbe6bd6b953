"""Small named program edits of the recipe, for agents that search without a model.

A move replaces exact pieces of text. It applies only where each piece stands exactly once, so
a recipe that has moved on is left alone rather than broken. None of them is known to help:
they are the ordinary ideas of the literature, at ordinary strengths.
"""

from __future__ import annotations

from autores.moves import Move
from autores.tasks.parameter_golf.packing import ENTRY


def _edit(name: str, surface: str, title: str, *pieces: tuple[str, str]) -> Move:
    return Move(name=name, surface=surface, title=title, path=ENTRY, pieces=pieces)


_BLOCK = """        x = x + self.scales[0] * self.attention(rms(x) * self.damp, cos, sin)
        return x + self.scales[1] * self.mlp(rms(x) * self.damp)"""
_ACTIVATION = "self.down(F.leaky_relu(self.up(x), leak).square())"
_UPDATE = "update = orthogonal(g.lerp(moment, momentum))"
_LOSS = "    return (normaliser - own + z_loss * normaliser.square()).mean()"
_SPINS = "from torch import nn\n"
_ADAPTED = "        params = [p for n, p in model.named_parameters() if is_coded(n)]\n"

ARCHITECTURE = (
    _edit(
        "parallel_blocks",
        "architecture",
        "Let attention and MLP of a block read the same input",
        (
            _BLOCK,
            """        y = rms(x) * self.damp
        return (
            x + self.scales[0] * self.attention(y, cos, sin) + self.scales[1] * self.mlp(y)
        )""",
        ),
    ),
    _edit(
        "without_own_value",
        "architecture",
        "Subtract from each head's output its part along the position's own value",
        (
            "        y = attend(q, k.to(q), v.to(q))\n",
            (
                "        y = attend(q, k.to(q), v.to(q))\n"
                "        own = F.normalize(v.to(y), dim=-1)\n"
                "        y = y - (y * own).sum(-1, keepdim=True) * own\n"
            ),
        ),
    ),
    _edit(
        "loop_the_middle",
        "architecture",
        "Run the middle block a second time with the same weights",
        (
            "            x = block(x, x0, cos, sin)\n",
            (
                "            x = block(x, x0, cos, sin)\n"
                "            if i == half:\n"
                "                x = block(x, x0, cos, sin)\n"
            ),
        ),
    ),
    _edit(
        "gelu",
        "architecture",
        "GELU instead of a squared leaky ReLU in the MLP",
        (_ACTIVATION, "self.down(F.gelu(self.up(x)))"),
    ),
    _edit(
        "squared_relu",
        "architecture",
        "Nothing below zero: squared ReLU in the MLP",
        (_ACTIVATION, "self.down(F.relu(self.up(x)).square())"),
    ),
    _edit(
        "no_damping",
        "architecture",
        "The same scale for the inputs of all blocks",
        ("        self.damp = (layer + 1) ** -0.5\n", "        self.damp = 1.0\n"),
    ),
)

EMBEDDING = (
    _edit(
        "two_before",
        "embedding",
        "Mix in the embeddings of the two previous tokens",
        (
            "        return rms(x + self.before * F.pad(x, (0, 0, 1, 0))[:, :-1])",
            (
                "        one, two = (F.pad(x, (0, 0, n, 0))[:, :-n] for n in (1, 2))\n"
                "        return rms(x + self.before * (one + two / 2))"
            ),
        ),
    ),
    _edit(
        "output_bias",
        "embedding",
        "A bias for each token that is named",
        (
            "        self.before = nn.Parameter(torch.full((width,), embed_mix))\n",
            (
                "        self.before = nn.Parameter(torch.full((width,), embed_mix))\n"
                "        self.bias = nn.Parameter(torch.zeros(vocabulary))\n"
            ),
        ),
        (
            "F.linear(x, self.table.to(x)).float() / softcap",
            "(F.linear(x, self.table.to(x)).float() + self.bias) / softcap",
        ),
    ),
    _edit(
        "uncapped",
        "embedding",
        "Name tokens by plain products, without a cap",
        (
            "        return softcap * torch.tanh(F.linear(x, self.table.to(x)).float() / softcap)\n",
            "        return F.linear(x, self.table.to(x)).float()\n",
        ),
    ),
)

OPTIMIZER = (
    _edit(
        "no_nesterov",
        "optimizer",
        "Orthogonalise the momentum alone, without a look ahead",
        (_UPDATE, "update = orthogonal(moment)"),
    ),
    _edit(
        "even_entries",
        "optimizer",
        "Give every row of an orthogonalised update the same size",
        (
            _UPDATE,
            (
                f"{_UPDATE}\n            update = rms(update) * update.norm(dim=(-2, -1), keepdim=True)"
                " / update[0].numel() ** 0.5"
            ),
        ),
    ),
    _edit(
        "rows_as_they_are",
        "optimizer",
        "Orthogonalise without giving rows the same length first",
        ("    x = g / (g.norm(dim=-1, keepdim=True) + 1e-7)\n", "    x = g\n"),
    ),
)

SCHEDULE = (
    _edit(
        "cosine",
        "schedule",
        "Let the rate fall along a cosine over the whole time",
        (
            "final_lr + (1 - final_lr) * (1 - progress) / warmdown)",
            "final_lr + (1 - final_lr) * (1 + np.cos(np.pi * progress)) / 2)",
        ),
    ),
    _edit(
        "momentum_last",
        "schedule",
        "Let the rate fall with the square of what is left",
        (
            "final_lr + (1 - final_lr) * (1 - progress) / warmdown)",
            "final_lr + ((1 - progress) / warmdown) ** 2)",
        ),
    ),
    _edit(
        "root_cooldown",
        "schedule",
        "Let the rate fall as one less a square root: quickly at first, then ever more slowly",
        (
            "final_lr + (1 - final_lr) * (1 - progress) / warmdown)",
            "final_lr + 1 - max(0.0, 1 - (1 - progress) / warmdown) ** 0.5)",
        ),
    ),
)

CURRICULUM = (
    _edit(
        "from_beginnings",
        "curriculum",
        "Let half of the sequences begin where a document begins",
        (
            "            begin = self.random.integers(len(part) - length - 1)\n",
            (
                "            begin = self.random.integers(len(part) - length - 1)\n"
                "            ahead = np.flatnonzero(part[begin : begin + length] == 1)\n"
                "            if len(ahead) and begin + ahead[0] + length < len(part):\n"
                "                begin += int(ahead[0]) * int(self.random.integers(2))\n"
            ),
        ),
    ),
    _edit(
        "growing_length",
        "curriculum",
        "Let sequences grow little by little instead of at once",
        (
            '    return max(8, int(sizes["sequence"] * (short_scale if progress < short_until else 1.0)))\n',
            (
                "    share = min(1.0, short_scale + (1 - short_scale) * progress / short_until)\n"
                '    return max(8, int(sizes["sequence"] * share) // 8 * 8)\n'
            ),
        ),
    ),
    _edit(
        "spread_out",
        "curriculum",
        "Let the sequences of a batch begin in different parts of the text",
        ("        for _ in range(count):\n", "        for i in range(count):\n"),
        (
            "            begin = self.random.integers(len(part) - length - 1)\n",
            (
                "            begin = (i + self.random.random()) / count * (len(part) - length - 1)\n"
                "            begin = int(begin)\n"
            ),
        ),
    ),
)

LOSS = (
    _edit(
        "late_tokens",
        "loss",
        "Weigh tokens with context more than those at the beginning of a sequence",
        (
            _LOSS,
            (
                "    weight = torch.linspace(0.7, 1.3, own.size(-1), device=own.device)\n"
                "    return ((normaliser - own + z_loss * normaliser.square()) * weight).mean()"
            ),
        ),
    ),
    _edit(
        "smoothed_labels",
        "loss",
        "Leave a twentieth of each label to all tokens alike",
        (_LOSS, _LOSS.replace("own", "0.95 * own - 0.05 * logits.mean(-1)")),
    ),
    _edit(
        "bounded_losses",
        "loss",
        "Let no token count for more than seven nats",
        (_LOSS, _LOSS.replace("normaliser - own", "(normaliser - own).clamp_max(7.0)")),
    ),
)

REGULARIZATION = (
    _edit(
        "average_of_the_end",
        "regularization",
        "Follow closely at first, and average ever longer",
        (
            "        decay = min(ema_decay, self.steps / (self.steps + 9))",
            "        decay = min(ema_decay, self.steps / (self.steps + 30))",
        ),
    ),
    _edit(
        "pull_back",
        "regularization",
        "Draw the weights a fifth of the way to their average every twentieth step",
        (
            "        torch._foreach_lerp_(self.slow, self.fast, 1 - decay)\n",
            (
                "        torch._foreach_lerp_(self.slow, self.fast, 1 - decay)\n"
                "        if self.steps % 20 == 0:\n"
                "            torch._foreach_lerp_(self.fast, self.slow, 0.2)\n"
            ),
        ),
    ),
    _edit(
        "between_both",
        "regularization",
        "Hand in the middle between the last weights and their average",
        (
            "        torch._foreach_copy_(self.fast, self.slow)\n",
            "        torch._foreach_lerp_(self.fast, self.slow, 0.5)\n",
        ),
    ),
)

QUANTIZATION = (
    _edit(
        "weighted_embedding",
        "quantization",
        "Round the embedding row by row to its largest entry",
        (
            "            scale = best_scales(w, torch.eye(w.size(1), device=w.device), embed_bits)\n",
            (
                "            scale = w.abs().amax(1, keepdim=True) / (2 ** (embed_bits - 1) - 1)\n"
                "            scale = scale.half().float().clamp_min(1e-6)\n"
            ),
        ),
    ),
    _edit(
        "natural_order",
        "quantization",
        "Round columns in their own order",
        (
            "    order = moment.diag().argsort(descending=True)\n",
            "    order = torch.arange(len(moment), device=w.device)\n",
        ),
    ),
    _edit(
        "plain_rounding",
        "quantization",
        "Round each number by itself, without making up for what was lost",
        (
            "            coded[name] = gptq(w, moment, scale, matrix_bits), scale\n",
            "            coded[name] = rounded(w, scale, matrix_bits), scale\n",
        ),
    ),
)

CODING = (
    _edit(
        "shared_table",
        "coding",
        "One table of frequencies for all tensors",
        (
            "    tables = [frequencies(s) for s in symbols]\n",
            "    tables = [frequencies(np.concatenate(symbols))] * len(symbols)\n",
        ),
    ),
    _edit(
        "fewer_states",
        "coding",
        "A quarter of the states side by side, each of which costs bytes at the end",
        ("    return 32 if count", "    return 8 if count"),
    ),
    _edit(
        "thorough_compression",
        "coding",
        "Compress tables and halves as far as it goes",
        (
            "    side = lzma.compress(np.concatenate(tables).tobytes(), lzma.FORMAT_ALONE, preset=2)\n",
            "    side = lzma.compress(np.concatenate(tables).tobytes(), lzma.FORMAT_ALONE, preset=9)\n",
        ),
        (
            "    halves = lzma.compress(halves, lzma.FORMAT_ALONE, preset=2)\n",
            "    halves = lzma.compress(halves, lzma.FORMAT_ALONE, preset=9)\n",
        ),
    ),
)

ADAPTATION = (
    _edit(
        "new_tokens_alone",
        "adaptation",
        "Learn from the new tokens without those before them",
        (
            "            latest = self.seen[:, -length - ttt_context :]\n",
            "            latest = self.seen[:, -length:]\n",
        ),
    ),
    _edit(
        "latest_most",
        "adaptation",
        "Learn more from the latest of the new tokens than from the first",
        (
            "                F.cross_entropy(logits.flatten(0, 1), told.flatten()).backward()\n",
            (
                "                weight = torch.linspace(0.5, 1.5, length, device=told.device)\n"
                '                each = F.cross_entropy(logits.mT, told, reduction="none")\n'
                "                (each * weight).mean().backward()\n"
            ),
        ),
    ),
    _edit(
        "loose_clipping",
        "adaptation",
        "Clip gradients at ten times the length while adapting",
        (
            "clip_grad_norm_(self.model.parameters(), clip_norm)",
            "clip_grad_norm_(self.model.parameters(), 10 * clip_norm)",
        ),
    ),
)

INFERENCE = (
    _edit(
        "adapt_embedding_alone",
        "inference",
        "Adapt the embedding alone while predicting",
        (
            _ADAPTED,
            '        params = [p for n, p in model.named_parameters() if n == "embedding.table"]\n',
        ),
    ),
    _edit(
        "adapt_vectors_too",
        "inference",
        "Adapt every parameter while predicting, scales and mixes too",
        (_ADAPTED, "        params = list(model.parameters())\n"),
    ),
    _edit(
        "adapt_by_adam",
        "inference",
        "Adapt by Adam while predicting, at a hundredth of the rate",
        (
            "torch.optim.SGD(params, lr=ttt_lr, momentum=ttt_momentum)",
            "torch.optim.Adam(params, lr=ttt_lr / 100, betas=(ttt_momentum, 0.99))",
        ),
    ),
)

PROCESS = (
    _edit(
        "flush_denormals",
        "process",
        "Take numbers that are almost zero as zero",
        (_SPINS, f"{_SPINS}\ntorch.set_flush_denormal(True)\n"),
    ),
    _edit(
        "threads_that_sleep",
        "process",
        "Let threads that wait sleep at once",
        (
            'os.environ.setdefault("GOMP_SPINCOUNT", "10000")',
            'os.environ.setdefault("GOMP_SPINCOUNT", "0")',
        ),
    ),
    _edit(
        "without_onednn",
        "process",
        "Multiply with the plain library: small products wait less for a choice of kernel",
        (_SPINS, f"{_SPINS}\ntorch.backends.mkldnn.set_flags(False)\n"),
    ),
)

MOVES: tuple[Move, ...] = (
    *ARCHITECTURE,
    *EMBEDDING,
    *OPTIMIZER,
    *SCHEDULE,
    *CURRICULUM,
    *LOSS,
    *REGULARIZATION,
    *QUANTIZATION,
    *CODING,
    *ADAPTATION,
    *INFERENCE,
    *PROCESS,
)
