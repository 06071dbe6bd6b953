"""How weights move: Muon for the matrices of the blocks, AdamW for everything else.

A group is a rule, the parameters that follow it and its peak rates. The schedule says by
which factor rates are multiplied at each step, and gives Muon its momentum and decay.
"""

import math

import torch

# Muon, for all matrices in blocks
matrix_lr = 0.02  # times the root of rows over columns, where there are more rows
matrix_decay = 0.28
second_beta = 0.9  # of the running mean of squares along the longer side
polar_steps = (  # coefficients of X ← aX + (bA + cA²)X with A = XXᵀ
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)

# AdamW: rate, betas, decay
head_rule = (0.008, (0.8, 0.96), 0.01)
embedding_rule = (0.3, (0.8, 0.995), 0.001)
values_rule = (0.15, (0.8, 0.995), 0.01)
residual_rule = (0.005, (0.8, 0.95), 0.05)
input_rule = (0.5, (0.96, 0.95), 0.0)
smear_rule = (0.2, (0.8, 0.95), 0.0)  # and backout
adam_eps = 1e-10
tuned_width = 768  # rates of embeddings and head were found at this width


def build(model, horizon):
    """All groups of a model; `horizon` scales rates and decay to the batch and the length."""
    width_factor = (model.shape.width / tuned_width) ** -0.5
    rate, decay = horizon.rate_factor, horizon.decay_factor
    tables = [table.weight for table in model.values.values()]
    groups = [
        Muon(same, matrix_lr * rate, matrix_decay * decay)
        for same in by_shape(model.blocks.parameters())
    ]
    for parameters, (lr, betas, weight_decay), factor in (
        ([model.head.weight], head_rule, width_factor),
        ([model.embedding.weight], embedding_rule, width_factor),
        (tables, values_rule, width_factor),
        ([model.residual], residual_rule, 1.0),
        ([model.input], input_rule, 1.0),
        ([model.smear_gate.weight, model.smear, model.backout], smear_rule, 1.0),
    ):
        groups.append(AdamW(parameters, lr * factor * rate, betas, weight_decay))
    return groups


def by_shape(parameters):
    """Matrices in stacks of one shape."""
    stacks = {}
    for p in parameters:
        stacks.setdefault(p.shape, []).append(p)
    return stacks.values()


@torch.no_grad()
def step(groups, factor, momentum, decay_factor):
    """Move all parameters along their gradients, and drop those."""
    for group in groups:
        group.step(factor, momentum, decay_factor)
        for p in group.parameters:
            p.grad = None


class AdamW:
    """Decay before the step, apart from the gradient."""

    def __init__(self, parameters, lr, betas, decay):
        self.parameters, self.lr, self.betas, self.decay = parameters, lr, betas, decay
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    def step(self, factor, momentum, decay_factor):
        self.steps += 1
        lr, (fast, slow) = self.lr * factor, self.betas
        grads = [p.grad for p in self.parameters]
        torch._foreach_mul_(self.parameters, 1 - lr * self.decay)
        torch._foreach_lerp_(self.first, grads, 1 - fast)
        torch._foreach_mul_(self.second, slow)
        torch._foreach_addcmul_(self.second, grads, grads, 1 - slow)
        scale = torch._foreach_div(self.second, 1 - slow**self.steps)
        torch._foreach_sqrt_(scale)
        torch._foreach_add_(scale, adam_eps)
        torch._foreach_addcdiv_(
            self.parameters, self.first, scale, -lr / (1 - fast**self.steps)
        )


class Muon:
    """Momentum, made orthogonal, evened out along the longer side; cautious decay."""

    def __init__(self, parameters, lr, decay):
        rows, columns = parameters[0].shape
        self.parameters, self.decay = parameters, decay
        self.lr = lr * math.sqrt(max(1.0, rows / columns))
        self.short = -1 if rows >= columns else -2  # summed over; what stays is the longer side
        self.buffer = torch.zeros_like(torch.stack(list(parameters)))
        self.squares = torch.zeros_like(self.buffer.mean(self.short, keepdim=True))

    def step(self, factor, momentum, decay_factor):
        grads = torch.stack([p.grad for p in self.parameters])
        self.buffer.lerp_(grads, 1 - momentum)
        update = self.even(polar(grads.lerp(self.buffer, momentum)))
        weights = torch.stack(list(self.parameters))
        lr = self.lr * factor
        kept = (update * weights >= 0) * weights
        update = update + self.decay * decay_factor * kept
        torch._foreach_sub_(self.parameters, list((lr * update).unbind()))

    def even(self, update):
        """Divide by the root of the running mean of squares; each matrix keeps its norm."""
        before = update.norm(dim=(-2, -1), keepdim=True)
        squares = update.square().mean(self.short, keepdim=True)
        self.squares.lerp_(squares, 1 - second_beta)
        update = update * self.squares.clamp_min(1e-10).rsqrt()
        return update * (before / update.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-10))


def polar(x):
    """Nearly the nearest matrix with orthonormal rows or columns, for a stack of matrices."""
    dtype = x.dtype
    x = x.to(torch.bfloat16) if x.is_cuda else x
    x = x / (1.01 * x.norm(dim=(-2, -1), keepdim=True) + 1e-6)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    for a, b, c in polar_steps:
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(dtype)
