"""Small named program edits of the recipe, for agents that search without a model.

A move replaces exact pieces of text. It applies only where each piece stands exactly once, so
a recipe that has moved on is left alone rather than broken. None of them is known to help:
they are the ordinary ideas of the literature, at ordinary strengths.
"""

from __future__ import annotations

from autores.moves import Move

_RELU = "self.down(F.relu(self.up(norm(x))).square())"
_CAP = "return softcap * torch.tanh(self.head(features).float() / softcap)"
_HEAD = "        self.head = Matrix(shape.width, shape.vocabulary)\n"
_START = "        self.embedding.weight.normal_(0, embedding_std)\n"
_RATE = "        left = min(1.0, (self.steps - step) / (round(warmdown * self.steps) or 1))\n"
_STEP = (
    "        optim.step(groups, horizon.rate(step), horizon.momentum(step), horizon.decay(step))\n"
)
_ENCODED = "            tokens = [start, *encoded.ids]\n"


def _edit(name: str, surface: str, path: str, title: str, *pieces: tuple[str, str]) -> Move:
    return Move(name=name, surface=surface, title=title, path=path, pieces=pieces)


MOVES = (
    # ------------------------------------------------------------------------ architecture
    _edit(
        "gelu",
        "architecture",
        "model.py",
        "GELU instead of the squared ReLU",
        (_RELU, "self.down(F.gelu(self.up(norm(x))))"),
    ),
    _edit(
        "no_softcap",
        "architecture",
        "model.py",
        "Leave the logits uncapped",
        (_CAP, "return self.head(features).float()"),
    ),
    _edit(
        "logit_bias",
        "architecture",
        "model.py",
        "Learn a bias for each token of the vocabulary, before the cap",
        (
            _HEAD,
            _HEAD + "        self.logit_bias = nn.Parameter(torch.empty(shape.vocabulary))\n",
        ),
        (_START, "        self.logit_bias.zero_()\n" + _START),
        (
            _CAP,
            (
                "logits = self.head(features).float() + self.logit_bias\n"
                "        return softcap * torch.tanh(logits / softcap)"
            ),
        ),
    ),
    _edit(
        "residual_matrices_start_small",
        "architecture",
        "model.py",
        "Let the last matrix of each MLP start small instead of at zero",
        (
            "            block.down.weight.zero_()\n",
            "            block.down.weight.uniform_(-0.1 * reach, 0.1 * reach)\n",
        ),
    ),
    _edit(
        "plain_values",
        "architecture",
        "model.py",
        "Hold the gate of the value embeddings half open",
        (
            "            share = value_scale * self.gate(x[..., :value_channels]).sigmoid()\n",
            "            share = value_scale * (0 * self.gate(x[..., :value_channels])).sigmoid()\n",
        ),
    ),
    # --------------------------------------------------------------------------- optimizer
    _edit(
        "plain_muon",
        "optimizer",
        "optim.py",
        "Leave out the evening of updates along the longer side",
        (
            "        update = self.even(polar(grads.lerp(self.buffer, momentum)))\n",
            "        update = polar(grads.lerp(self.buffer, momentum))\n",
        ),
    ),
    _edit(
        "plain_decay",
        "optimizer",
        "optim.py",
        "Decay all weights, whichever way they move",
        ("        kept = (update * weights >= 0) * weights\n", "        kept = weights\n"),
    ),
    _edit(
        "heavy_ball",
        "optimizer",
        "optim.py",
        "Plain momentum instead of Nesterov's",
        ("polar(grads.lerp(self.buffer, momentum))", "polar(self.buffer)"),
    ),
    _edit(
        "three_polar_steps",
        "optimizer",
        "optim.py",
        "Stop making updates orthogonal after three rounds",
        ("    for a, b, c in polar_steps:\n", "    for a, b, c in polar_steps[:3]:\n"),
    ),
    _edit(
        "cautious_adam",
        "optimizer",
        "optim.py",
        "Let AdamW move only where the average and the gradient agree",
        (
            "        torch._foreach_sqrt_(scale)\n",
            (
                "        agreed = [a * (a * g > 0) for a, g in zip(self.first, grads)]\n"
                "        torch._foreach_sqrt_(scale)\n"
            ),
        ),
        (
            "            self.parameters, self.first, scale,",
            "            self.parameters, agreed, scale,",
        ),
    ),
    # ---------------------------------------------------------------------------- schedule
    _edit(
        "cosine",
        "schedule",
        "schedule.py",
        "Let the rate fall along a cosine over the warm-down",
        (_RATE, _RATE + "        left = (1 - math.cos(math.pi * left)) / 2\n"),
    ),
    _edit(
        "root_decay",
        "schedule",
        "schedule.py",
        "Let the rate fall quickly at first, as one minus the root",
        (_RATE, _RATE + "        left = 1 - math.sqrt(1 - left)\n"),
    ),
    _edit(
        "steady_decay",
        "schedule",
        "schedule.py",
        "Keep Muon's decay at its full strength",
        (
            "        return (1 + math.cos(math.pi * step / self.steps)) / 2\n",
            "        return 1.0\n",
        ),
    ),
    _edit(
        "half_the_batch",
        "schedule",
        "schedule.py",
        "Half as many tokens in a batch, and twice the steps",
        (
            "        batch = 2 ** round(math.log2(wanted))\n",
            "        batch = 2 ** round(math.log2(wanted) - 1)\n",
        ),
    ),
    _edit(
        "half_as_many_tokens_again",
        "schedule",
        "schedule.py",
        "Train on half as many tokens again",
        (
            '        tokens = ratio * sizes["ratio_scale"] * scaling_parameters\n',
            '        tokens = 1.5 * ratio * sizes["ratio_scale"] * scaling_parameters\n',
        ),
    ),
    # -------------------------------------------------------------------------------- data
    _edit(
        "short_documents_dropped",
        "data",
        "data.py",
        "Leave out documents of fewer than sixteen tokens",
        (_ENCODED, "            if len(encoded.ids) < 16:\n                continue\n" + _ENCODED),
    ),
    _edit(
        "first_come",
        "data",
        "data.py",
        "Fill rows with documents in the order in which they come",
        (
            "            document = buffer.pop(max(0, place - 1))\n",
            "            document = buffer.pop(len(buffer) // 2)\n",
        ),
    ),
    _edit(
        "carry_on",
        "data",
        "data.py",
        "Give what was cut from a document back to those that wait",
        (
            "            row += document[:room]\n",
            (
                "            row += document[:room]\n"
                "            if len(document) > room + 16:\n"
                "                rest = [document[0], *document[room:]]\n"
                "                bisect.insort(buffer, rest, key=len)\n"
            ),
        ),
    ),
    _edit(
        "long_documents_cut",
        "data",
        "data.py",
        "Split documents into pieces of 128 tokens",
        (
            "            yield tokens[:longest_document] if longest_document else tokens\n",
            (
                "            for begin in range(1, len(tokens), 128):\n"
                "                yield [start, *tokens[begin : begin + 128]]\n"
            ),
        ),
    ),
    # ----------------------------------------------------------------------------- systems
    _edit(
        "whole_windows",
        "systems",
        "kernels.py",
        "Let every position look back over the whole sequence, in one causal kernel",
        ("    if window is None or window >= length - 1:\n", "    if True:\n"),
    ),
    _edit(
        "half_precision",
        "systems",
        "kernels.py",
        "Multiply in half precision on processors too",
        (
            '    return torch.bfloat16 if device.type == "cuda" else torch.float32\n',
            "    return torch.bfloat16\n",
        ),
    ),
    _edit(
        "rare_logs",
        "systems",
        "train.py",
        "Log a fifth as often, so that fewer steps wait for a number",
        ("log_every = 10", "log_every = 50"),
    ),
    _edit(
        "average_at_the_end",
        "systems",
        "train.py",
        "Hand in an average of the weights over the last part of training",
        (
            "    for step in range(steps):\n        loss",
            (
                "    slow = [p.detach().clone() for p in parameters]\n"
                "    for step in range(steps):\n        loss"
            ),
        ),
        (
            _STEP,
            _STEP + "        torch._foreach_lerp_(slow, [p.detach() for p in parameters], 0.1)\n"
            "        if step + 1 == steps:\n"
            "            torch._foreach_copy_([p.detach() for p in parameters], slow)\n",
        ),
    ),
    # --------------------------------------------------------------------------- inference
    _edit(
        "whole_weights",
        "inference",
        "serve.py",
        "Keep the small tables in full precision",
        (
            "        value = value.to(torch.bfloat16) if value.dim() > 1 else value\n",
            "        value = value.to(torch.bfloat16) if value.numel() > 4096 else value\n",
        ),
    ),
    _edit(
        "whole_head",
        "inference",
        "serve.py",
        "Keep the head in full precision",
        (
            "        value = value.to(torch.bfloat16) if value.dim() > 1 else value\n",
            (
                '        half = value.dim() > 1 and name != "head.weight"\n'
                "        value = value.to(torch.bfloat16) if half else value\n"
            ),
        ),
    ),
    _edit(
        "softer_answers",
        "inference",
        "serve.py",
        "Answer less surely: logits by a fifth smaller",
        (
            "    logits = model.logits(model.features(tokens)[rows, columns])\n",
            "    logits = 0.8 * model.logits(model.features(tokens)[rows, columns])\n",
        ),
    ),
)
