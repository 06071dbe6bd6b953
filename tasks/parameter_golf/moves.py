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
)

LOSS = (
    _edit(
        "late_tokens",
        "loss",
        "Weigh tokens with context more than those at the beginning of a sequence",
        (
            "    return (normaliser - own + z_loss * normaliser.square()).mean()",
            (
                "    weight = torch.linspace(0.7, 1.3, own.size(-1), device=own.device)\n"
                "    return ((normaliser - own + z_loss * normaliser.square()) * weight).mean()"
            ),
        ),
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
)

ADAPTATION = (
    _edit(
        "adapt_embedding_alone",
        "adaptation",
        "Adapt the embedding alone while predicting",
        (
            "        params = [p for n, p in model.named_parameters() if is_coded(n)]\n",
            '        params = [p for n, p in model.named_parameters() if n == "embedding.table"]\n',
        ),
    ),
    _edit(
        "adapt_vectors_too",
        "adaptation",
        "Adapt every parameter while predicting, scales and mixes too",
        (
            "        params = [p for n, p in model.named_parameters() if is_coded(n)]\n",
            "        params = list(model.parameters())\n",
        ),
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
    *ADAPTATION,
)
