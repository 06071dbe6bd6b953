"""The network: a decoder whose matrices have no biases and whose norms have no weights.

Depth, width, heads, vocabulary and sequence come from the profile and cannot be edited; every
other number here is a plain literal, valid at every depth. At depth 12 and width 768 it has
286,261,730 parameters, of which 110,100,912 count for the length of training.
"""

import math
from dataclasses import dataclass

import kernels
import torch
import torch.nn.functional as F
from torch import nn

window_pattern = "SSSL"  # tiled over the blocks: S short, L the whole sequence; the last is L
short_share = 4  # a short window is the sequence over this, in whole tiles of 128
rope_base = 100_000
qk_scale = 1.2  # of normed queries and keys
mlp_ratio = 4
softcap = 15.0  # logits stay within
value_channels = 12  # of the residual stream, which open the gate of the value embedding
value_scale = 3.0
smear_channels = 24
residual_first, residual_last = 1.15, 1.05  # of what a block adds to, over depth
input_first, input_last = 0.20, 0.05  # of the embedding that each block adds again
backout = 0.2  # of the middle of the net, taken away before the last norm
embedding_std, head_std = 0.8, 0.001
mlp_std = 0.4  # relative to the attention's


@dataclass(frozen=True)
class Shape:
    """What the profile fixes."""

    depth: int
    width: int
    heads: int
    vocabulary: int
    sequence: int

    @classmethod
    def of(cls, sizes):
        return cls(**{name: sizes[name] for name in cls.__dataclass_fields__})

    @property
    def windows(self):
        """For each block how many positions it looks back; None for all."""
        short = math.ceil(self.sequence / short_share / 128) * 128
        pattern = [window_pattern[i % len(window_pattern)] for i in range(self.depth - 1)] + ["L"]
        return [short if kind == "S" and short < self.sequence else None for kind in pattern]


def norm(x):
    return F.rms_norm(x, (x.size(-1),))


class Matrix(nn.Linear):
    """A linear map without bias, computed in the precision of its input."""

    def __init__(self, width_in, width_out):
        super().__init__(width_in, width_out, bias=False)

    def forward(self, x):
        return F.linear(x, self.weight.to(x.dtype))


def rotary(length, size, device):
    """Cosines and sines for each position: 1×length×1×size/2."""
    places = torch.arange(0, size, 2, device=device, dtype=torch.float32)
    angles = torch.outer(torch.arange(length, device=device), rope_base ** (-places / size))
    return angles.cos()[None, :, None], angles.sin()[None, :, None]


def rotate(x, turn):
    cos, sin = (part.to(x.dtype) for part in turn)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos + b * sin, b * cos - a * sin), -1)


class Attention(nn.Module):
    """Causal attention; in every second block the values also know their token."""

    def __init__(self, shape, has_values):
        super().__init__()
        self.heads, self.size = shape.heads, shape.width // shape.heads
        self.query, self.key, self.value, self.out = (
            Matrix(shape.width, shape.width) for _ in range(4)
        )
        self.gate = Matrix(value_channels, shape.heads) if has_values else None

    def forward(self, x, values, turn, window):
        split = (*x.shape[:2], self.heads, self.size)
        q, k, v = (part(x).view(split) for part in (self.query, self.key, self.value))
        if self.gate is not None:
            share = value_scale * self.gate(x[..., :value_channels]).sigmoid()
            v = v + share[..., None] * values.view(split)
        q, k = (norm(rotate(part, turn)) * qk_scale for part in (q, k))
        return self.out(kernels.attention(q, k, v, window).reshape(x.shape))


class Block(nn.Module):
    """Attention, then two matrices around a squared ReLU."""

    def __init__(self, shape, has_values):
        super().__init__()
        self.attention = Attention(shape, has_values)
        self.up = Matrix(shape.width, mlp_ratio * shape.width)
        self.down = Matrix(mlp_ratio * shape.width, shape.width)

    def forward(self, x, values, turn, window):
        x = x + self.attention(norm(x), values, turn, window)
        return x + self.down(F.relu(self.up(norm(x))).square())


class Model(nn.Module):
    """Tokens in, logits out."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        # counted so that the last block has value embeddings
        self.valued = [i for i in range(shape.depth) if i % 2 == (shape.depth - 1) % 2]
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.values = nn.ModuleDict(
            {str(i): nn.Embedding(shape.vocabulary, shape.width) for i in self.valued}
        )
        self.blocks = nn.ModuleList(Block(shape, i in self.valued) for i in range(shape.depth))
        self.head = Matrix(shape.width, shape.vocabulary)
        self.residual = nn.Parameter(torch.empty(shape.depth))
        self.input = nn.Parameter(torch.empty(shape.depth))
        self.smear_gate = Matrix(smear_channels, 1)
        self.smear = nn.Parameter(torch.empty(1))
        self.backout = nn.Parameter(torch.empty(1))

    @torch.no_grad()
    def reset(self):
        """Start anew, in place, so that what was compiled stays so."""
        reach = math.sqrt(3 / self.shape.width)
        self.embedding.weight.normal_(0, embedding_std)
        self.head.weight.normal_(0, head_std)
        for table in self.values.values():
            table.weight.uniform_(-reach, reach)
        for block in self.blocks:
            attention = block.attention
            for part in (attention.query, attention.key, attention.value):
                part.weight.uniform_(-reach, reach)
            block.up.weight.uniform_(-mlp_std * reach, mlp_std * reach)
            attention.out.weight.zero_()
            block.down.weight.zero_()
            if attention.gate is not None:
                attention.gate.weight.uniform_(0, 0.02)
        depth = self.shape.depth
        self.residual.copy_(torch.linspace(residual_first, residual_last, depth))
        self.input.copy_(torch.linspace(input_first, input_last, depth))
        self.smear_gate.weight.uniform_(0, 0.02)
        self.smear.zero_()
        self.backout.fill_(backout)

    def features(self, tokens):
        """What the head reads: batch × length × width."""
        dtype = kernels.precision(tokens.device)
        x = norm(self.embedding(tokens).to(dtype))
        share = self.smear.to(dtype) * self.smear_gate(x[:, 1:, :smear_channels]).sigmoid()
        x = torch.cat((x[:, :1], x[:, 1:] + share * x[:, :-1]), 1)
        turn = rotary(tokens.size(1), self.shape.width // self.shape.heads, tokens.device)
        first, middle = x, x
        for i, (block, window) in enumerate(zip(self.blocks, self.shape.windows)):
            values = self.values[str(i)](tokens).to(dtype) if i in self.valued else None
            x = self.residual[i].to(dtype) * x + self.input[i].to(dtype) * first
            x = block(x, values, turn, window)
            if i == self.shape.depth // 2:
                middle = x
        return norm(x - self.backout.to(dtype) * middle)

    def logits(self, features):
        return softcap * torch.tanh(self.head(features).float() / softcap)

    def forward(self, tokens, targets):
        """The mean loss in nats."""
        logits = self.logits(self.features(tokens))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def scaling_parameters(self):
        """Matrices of the blocks and the head: what the length of training goes by."""
        counted = [*self.blocks.parameters(), *self.head.parameters()]
        return sum(p.numel() for p in counted)
