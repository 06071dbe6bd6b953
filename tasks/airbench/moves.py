"""Small named program edits of the recipe, for agents that search without a model.

A move replaces exact pieces of text. It applies only where each piece stands exactly once, so
a recipe that has moved on is left alone rather than broken. None of them is known to help:
they are the ordinary ideas of the literature, at ordinary strengths.
"""

from __future__ import annotations

from autores.moves import Move

SURFACES = (
    "architecture",
    "optimizer",
    "schedule",
    "augmentation",
    "loss",
    "regularization",
    "inference",
)


_POOL = "return self.head(x.amax((2, 3))) * logit_scale"
_MOVE = "torch._foreach_add_(params, grads, alpha=-peak * factor)"
_GRADS = "grads = [p.grad for p in params]"
_LAST = "return 1 + (end_factor - 1) * (step - rise) / max(1, steps - rise)"
_NEXT = "    for step in range(steps):\n        x, y = next(stream)\n        if chosen:"
_YIELD = "            yield batch.contiguous("
_CE = (
    "    return F.cross_entropy(logits.float(), y, label_smoothing=label_smoothing, "
    'reduction="none")'
)
_UPDATE_LOSS = "    loss = losses(forward, x, y, precision).sum()"
_LOOKAHEAD_END = "    lookahead.update(1.0)"
_RESIDUAL = "                x = x + skip"
_VIEWS = """        shifted = [mirrored(forward, padded[:, :, i : i + side, i : i + side]) for i in (0, 2)]
        return logits / 2 + (shifted[0].float() + shifted[1].float()) / 4"""


def _edit(name: str, surface: str, title: str, *pieces: tuple[str, str]) -> Move:
    return Move(name=name, surface=surface, title=title, path="train.py", pieces=pieces)


ARCHITECTURE = (
    _edit(
        "mean_pool",
        "architecture",
        "Pool by the mean instead of the maximum before the linear layer",
        (_POOL, "return self.head(x.mean((2, 3))) * logit_scale"),
    ),
    _edit(
        "both_pools",
        "architecture",
        "Give the linear layer the maximum and the mean",
        (_POOL, "return self.head(torch.cat((x.amax((2, 3)), x.mean((2, 3))), 1)) * logit_scale"),
        (
            "self.head = nn.Linear(widths[-1], 10, bias=False)",
            "self.head = nn.Linear(2 * widths[-1], 10, bias=False)",
        ),
    ),
    _edit(
        "relu",
        "architecture",
        "Cheaper activation inside the groups: ReLU instead of GELU",
        (
            "x = F.gelu(self.norms[0](F.max_pool2d(self.convs[0](x), 2)))",
            "x = F.relu(self.norms[0](F.max_pool2d(self.convs[0](x), 2)))",
        ),
        ("            x = F.gelu(x)\n", "            x = F.relu(x)\n"),
    ),
    _edit(
        "skip_in_every_convolution",
        "architecture",
        "A residual connection around each convolution after the first",
        (
            "            x = self.norms[i](self.convs[i](x))\n",
            "            x = x + self.norms[i](self.convs[i](x))\n",
        ),
        (
            "            if i == last and skip is not None:\n                x = x + skip\n",
            "",
        ),
        ("        skip = x if len(self.convs) > 2 else None\n", ""),
    ),
    _edit(
        "scaled_residual",
        "architecture",
        "Halve the variance that the residual connection adds",
        (_RESIDUAL, "                x = (x + skip) * 0.7"),
    ),
)

OPTIMIZER = (
    _edit(
        "centred_gradients",
        "optimizer",
        "Take the mean of each filter out of its gradient",
        (
            _GRADS,
            (
                "grads = [\n"
                "                p.grad - p.grad.mean((1, 2, 3), keepdim=True) if p.dim() == 4 else p.grad\n"
                "                for p in params\n"
                "            ]"
            ),
        ),
    ),
    _edit(
        "heavy_ball",
        "optimizer",
        "Plain momentum instead of Nesterov's",
        ("            torch._foreach_add_(grads, velocities, alpha=momentum)\n", ""),
        (_MOVE, "torch._foreach_add_(params, velocities, alpha=-peak * factor)"),
    ),
    _edit(
        "normalised_filters",
        "optimizer",
        "Bring every convolution back to its initial scale after each step",
        (
            _MOVE,
            _MOVE + "\n"
            "            for p in params:\n"
            "                if p.dim() == 4:\n"
            "                    p.mul_((p.size(0) / 3) ** 0.5 / (p.norm() + 1e-7))",
        ),
    ),
    _edit(
        "orthogonal_updates",
        "optimizer",
        "Orthogonalise the updates of the convolutions (Newton-Schulz, three rounds)",
        (
            "class SGD:\n",
            (
                "def orthogonal(update):\n"
                '    """The nearest half-orthogonal matrix, at the same size."""\n'
                "    a, b, c = 3.4445, -4.7750, 2.0315\n"
                "    x = update.flatten(1)\n"
                "    x = x / (x.norm() + 1e-7)\n"
                "    for _ in range(3):\n"
                "        square = x @ x.T\n"
                "        x = a * x + (b * square + c * square @ square) @ x\n"
                "    return (x * update.norm() / (x.norm() + 1e-7)).view_as(update)\n\n\n"
                "class SGD:\n"
            ),
        ),
        (
            _MOVE,
            "grads = [orthogonal(g) if g.dim() == 4 else g for g in grads]\n            " + _MOVE,
        ),
    ),
)

SCHEDULE = (
    _edit(
        "cosine_decay",
        "schedule",
        "Let the learning rate fall along a cosine",
        (
            _LAST,
            (
                "done = (step - rise) / max(1, steps - rise)\n"
                "    return end_factor + (1 - end_factor) * (1 + np.cos(np.pi * done)) / 2"
            ),
        ),
    ),
    _edit(
        "hold_then_decay",
        "schedule",
        "Hold the peak for a fifth of the decay, then fall linearly",
        (
            _LAST,
            (
                "done = max(0.0, (step - rise) / max(1, steps - rise) - 0.2) / 0.8\n"
                "    return 1 + (end_factor - 1) * done"
            ),
        ),
    ),
    _edit(
        "small_pictures_first",
        "schedule",
        "Train the first third on the inner 24×24 pixels, at little more than half the cost",
        (
            _NEXT,
            (
                "    for step in range(steps):\n        x, y = next(stream)\n"
                "        if step < steps // 3:\n"
                "            x = x[:, :, 4:28, 4:28].contiguous(memory_format=torch.channels_last)\n"
                "        if chosen:"
            ),
        ),
    ),
    _edit(
        "freeze_whitening_bias",
        "schedule",
        "Stop training the bias of the first layer after a tenth of the steps",
        (
            _NEXT,
            (
                "    for step in range(steps):\n        x, y = next(stream)\n"
                "        if step == steps // 10:\n"
                "            bias = net.whiten.bias.detach().clone()\n"
                "        if step > steps // 10:\n"
                "            net.whiten.bias.data.copy_(bias)\n"
                "        if chosen:"
            ),
        ),
    ),
)

AUGMENTATION = (
    _edit(
        "brightness",
        "augmentation",
        "Change the brightness of each picture a little",
        (
            _YIELD,
            "            light = torch.randn(size, 1, 1, 1, generator=generator, device=x.device)\n"
            "            batch = batch + (0.15 * light).to(batch.dtype)\n" + _YIELD,
        ),
    ),
    _edit(
        "noise_cutout",
        "augmentation",
        "Fill the cut-out square with noise",
        (
            "    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)",
            (
                "    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], "
                "torch.randn_like(x), x)"
            ),
        ),
    ),
    _edit(
        "zero_padding",
        "augmentation",
        "Pad with the mean colour instead of the reflection",
        (
            'padded = F.pad(x, (translate,) * 4, mode="reflect")\n    windows',
            "padded = F.pad(x, (translate,) * 4)\n    windows",
        ),
    ),
    _edit(
        "patch_of_another",
        "augmentation",
        "Fill the cut-out square from another picture of the batch",
        (
            "    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)",
            (
                "    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], "
                "x.roll(1, 0), x)"
            ),
        ),
    ),
)

LOSS = (
    _edit(
        "focal",
        "loss",
        "Weigh down the examples that are already right",
        (
            _CE,
            (
                "    logits = logits.float()\n"
                "    sure = F.softmax(logits, 1).gather(1, y[:, None])[:, 0]\n"
                "    plain = F.cross_entropy("
                'logits, y, label_smoothing=label_smoothing, reduction="none")\n'
                "    return plain * (1 - sure.detach())"
            ),
        ),
    ),
    _edit(
        "poly",
        "loss",
        "Add the first term of the polynomial expansion to the cross-entropy",
        (
            _CE,
            (
                "    logits = logits.float()\n"
                "    sure = F.softmax(logits, 1).gather(1, y[:, None])[:, 0]\n"
                "    plain = F.cross_entropy("
                'logits, y, label_smoothing=label_smoothing, reduction="none")\n'
                "    return plain + (1 - sure)"
            ),
        ),
    ),
    _edit(
        "hardest_three_quarters",
        "loss",
        "Learn from the hardest three quarters of each batch",
        (
            _UPDATE_LOSS,
            "    loss = losses(forward, x, y, precision).topk(3 * len(y) // 4).values.sum()",
        ),
    ),
    _edit(
        "mixed_labels",
        "loss",
        "Blend pairs of examples and their losses",
        (
            _UPDATE_LOSS,
            (
                "    share = 0.5 + 0.5 * torch.rand(()).item()\n"
                "    mixed = share * x + (1 - share) * x.flip(0)\n"
                "    loss = share * losses(forward, mixed, y, precision).sum()\n"
                "    loss = loss + (1 - share) * losses(forward, mixed, y.flip(0), precision).sum()"
            ),
        ),
    ),
)

REGULARIZATION = (
    _edit(
        "drop_path",
        "regularization",
        "Leave out the residual branch of a tenth of the examples",
        (
            _RESIDUAL,
            "                if self.training:\n"
            "                    x = x * (torch.rand(len(x), 1, 1, 1, device=x.device) < 0.9) / 0.9\n"
            + _RESIDUAL,
        ),
    ),
    _edit(
        "clipped_gradients",
        "regularization",
        "Clip the norm of each tensor's gradient at four times its weight's",
        (
            _GRADS,
            _GRADS + "\n"
            "            sizes = torch.stack(torch._foreach_norm(params)) + 1.0\n"
            "            norms = torch.stack(torch._foreach_norm(grads)) + 1e-7\n"
            "            shrink = (sizes * 400 / norms).clamp(max=1.0)\n"
            "            torch._foreach_mul_(grads, list(shrink.unbind()))",
        ),
    ),
    _edit(
        "average_only",
        "regularization",
        "Average the weights without pulling the fast ones back before the end",
        (
            "    def update(self, decay):\n",
            "    def update(self, decay, back=True):\n",
        ),
        (
            "        torch._foreach_copy_(self.fast, self.slow)",
            "        if back:\n            torch._foreach_copy_(self.fast, self.slow)",
        ),
        (
            "            lookahead.update(lookahead_decay(step + 1, steps))",
            "            lookahead.update(lookahead_decay(step + 1, steps), back=False)",
        ),
    ),
    _edit(
        "dropout",
        "regularization",
        "Drop a tenth of the features before the linear layer",
        (
            _POOL,
            (
                "x = F.dropout(x.amax((2, 3)), 0.1, self.training)\n"
                "        return self.head(x) * logit_scale"
            ),
        ),
    ),
    _edit(
        "last_step_average",
        "regularization",
        "End on an even mean of the fast and the slow weights",
        (_LOOKAHEAD_END, "    lookahead.update(0.5)"),
    ),
)

INFERENCE = (
    _edit(
        "one_pass",
        "inference",
        "Compute all views of a picture in one pass",
        (
            (
                "        logits = mirrored(forward, x).float()\n        if tta < 2:\n"
                "            return logits\n"
            ),
            "        if tta < 2:\n            return mirrored(forward, x).float()\n",
        ),
        (
            _VIEWS,
            (
                "        views = [x, *(padded[:, :, i : i + side, i : i + side] for i in (0, 2))]\n"
                "        parts = mirrored(forward, torch.cat(views)).float().chunk(3)\n"
                "        return parts[0] / 2 + (parts[1] + parts[2]) / 4"
            ),
        ),
    ),
    _edit(
        "even_views",
        "inference",
        "Weigh the picture and its shifts alike",
        (
            "        return logits / 2 + (shifted[0].float() + shifted[1].float()) / 4",
            "        return (logits + shifted[0].float() + shifted[1].float()) / 3",
        ),
    ),
    _edit(
        "unsure_views",
        "inference",
        "Look again only at the half of the pictures that are least sure",
        (
            _VIEWS,
            (
                "        best = F.softmax(logits / logit_scale, 1).amax(1)\n"
                "        unsure = best.topk(max(1, len(x) // 2), largest=False).indices\n"
                "        part = padded[unsure]\n"
                "        shifted = [mirrored(forward, part[:, :, i : i + side, i : i + side]) "
                "for i in (0, 2)]\n"
                "        logits[unsure] = logits[unsure] / 2 + (shifted[0] + shifted[1]).float() / 4\n"
                "        return logits"
            ),
        ),
    ),
)

MOVES = (
    *ARCHITECTURE,
    *OPTIMIZER,
    *SCHEDULE,
    *AUGMENTATION,
    *LOSS,
    *REGULARIZATION,
    *INFERENCE,
)
