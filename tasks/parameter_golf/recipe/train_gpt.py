"""Train a small language model and squeeze it into the artifact: fewest bits per byte win.

Phase `train`: training tokens appear at GO; until the deadline a decoder is trained, averaged,
quantised with the second moments of its inputs (GPTQ) and entropy-coded. Phase `infer`: from
code and artifact alone, held-out text is predicted in lanes, a chunk at a time: answer with
logits, then learn from what was right (score first, then train).

Sizes come from the profile (`job.sizes`); every other number is a plain literal below, valid
in all profiles. Code and artifact together must stay within `job.sizes["artifact_bytes"]`.
"""

import functools
import lzma
import os
import time

# On few cores OpenMP threads that spin for long keep the others from working.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import harness
import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

# --------------------------------------------------------------------- hyperparameters

# architecture
width_scale = 1.0  # times the profile's width
depth_extra = 0  # layers besides the profile's depth
query_share = 2  # query heads for each key and value head
mlp_ratio = 3.0
leak = 0.5  # slope of the MLP's activation below zero, before squaring
rope_share = 0.5  # of a head's dimensions
rope_base = 10000.0
query_gain = 2.0
softcap = 30.0

# embedding
embed_std = 0.05
embed_mix = 0.1  # of the previous token's embedding, mixed into each token's

# optimizer
matrix_lr = 0.03
embed_lr = 0.05
vector_lr = 0.04
momentum = 0.95
newton_steps = 5
beta1 = 0.85
beta2 = 0.95

# schedule
warmup = 0.02  # share of the time
warmdown = 0.65  # share of the time
final_lr = 0.02
batch_scale = 1.0  # times the profile's batch
reserve = 3.0  # times what quantising took on an untrained model is kept for it,
least_reserve = 0.08  # and at least this share of the time,
most_reserve = 0.5  # and at most this one, however slow the machine is

# curriculum
short_until = 0.6  # share of the time in which sequences are shorter
short_scale = 0.25  # their length

# loss
z_loss = 1e-4

# regularization
matrix_decay = 0.05
embed_decay = 0.02
clip_norm = 1.0
ema_decay = 0.99

# quantization
matrix_bits = 6
embed_bits = 7
clips = (2.5, 3.5, 5.0, 7.0, 9.0)  # how many deviations of a row are kept, of which the best
rate_weight = 0.004  # what a bit per weight is worth, in shares of a layer's output
damping = 0.01
calibration_batches = 8

# test-time training
ttt_lr = 0.05
ttt_epochs = 1
ttt_momentum = 0.9
ttt_rows = 32  # lanes in one step
ttt_context = 64  # tokens before those that were told
ttt_columns = 32  # so many new tokens of each lane at least

# evaluation
window_scale = 1.0  # context at inference, times the training length
temperature = 1.0

# ------------------------------------------------------------------------------- model


def rms(x):
    """Scaled to unit mean square."""
    return F.rms_norm(x, (x.size(-1),))


def rotary(length, dims, device):
    """Cosines and sines, length × dims / 2."""
    rates = rope_base ** (-torch.arange(0, dims, 2, device=device) / dims)
    angles = torch.arange(length, device=device)[:, None] * rates
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Turn the first dimensions of each head by its position; the others stay."""
    dims = 2 * cos.size(-1)
    a, b = x[..., :dims].chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos, x[..., dims:]), -1)


def choose_threads(run, device):
    """One thread, unless all of them are clearly faster: they wait for each other all the time."""
    if device.type == "cuda":
        return
    seconds, everybody = {}, torch.get_num_threads()
    for count in (1, everybody) * 2:
        torch.set_num_threads(count)
        begin = time.perf_counter()
        run()
        seconds[count] = time.perf_counter() - begin
    torch.set_num_threads(everybody if seconds[everybody] < 0.85 * seconds[1] else 1)


def attend(q, k, v):
    """Causal attention; on a CPU and short sequences the plain way is the faster one."""
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    length = q.size(-2)
    future = torch.full((length, length), -torch.inf).triu(1)
    scores = (q @ k.mT).float() * q.size(-1) ** -0.5 + future
    return scores.softmax(-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Causal, with fewer heads for keys and values than for queries."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.groups, self.size = heads, max(1, heads // query_share), width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * self.groups * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gain = nn.Parameter(torch.full((heads, 1, 1), query_gain))

    def forward(self, x, cos, sin):
        n, length, width = x.shape
        q = self.q(x).view(n, length, self.heads, self.size).transpose(1, 2)
        k, v = self.kv(x).view(n, length, 2, self.groups, self.size).permute(2, 0, 3, 1, 4)
        q, k = rotate(rms(q), cos, sin) * self.gain, rotate(rms(k), cos, sin)
        k, v = (t.repeat_interleave(self.heads // self.groups, 1) for t in (k, v))
        y = attend(q, k.to(q), v.to(q))
        return self.out(y.transpose(1, 2).reshape(n, length, width))


class Mlp(nn.Module):
    """Two layers with a squared leaky activation between them."""

    def __init__(self, width):
        super().__init__()
        hidden = round(width * mlp_ratio / 16) * 16
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down(F.leaky_relu(self.up(x), leak).square())


class Block(nn.Module):
    """Attention and MLP on a mix of the stream and the embedding."""

    def __init__(self, width, heads, layer):
        super().__init__()
        self.attention, self.mlp = Attention(width, heads), Mlp(width)
        self.mix = nn.Parameter(torch.tensor([[1.0], [0.0]]).repeat(1, width))
        self.scales = nn.Parameter(torch.ones(2, width))
        self.damp = (layer + 1) ** -0.5

    def forward(self, x, x0, cos, sin):
        x = self.mix[0] * x + self.mix[1] * x0
        x = x + self.scales[0] * self.attention(rms(x) * self.damp, cos, sin)
        return x + self.scales[1] * self.mlp(rms(x) * self.damp)


class Embedding(nn.Module):
    """Tied: looks tokens up, and names them at the end."""

    def __init__(self, vocabulary, width):
        super().__init__()
        self.table = nn.Parameter(torch.empty(vocabulary, width))
        self.before = nn.Parameter(torch.full((width,), embed_mix))

    def forward(self, tokens):
        x = F.embedding(tokens, self.table)
        return rms(x + self.before * F.pad(x, (0, 0, 1, 0))[:, :-1])

    def logits(self, x):
        return softcap * torch.tanh(F.linear(x, self.table.to(x)).float() / softcap)


class Model(nn.Module):
    """A decoder whose second half adds what the first half gave, in reverse order."""

    def __init__(self, sizes):
        super().__init__()
        heads = sizes["heads"]
        width = round(sizes["width"] * width_scale / (8 * heads)) * 8 * heads
        depth = sizes["depth"] + depth_extra
        self.embedding = Embedding(sizes["vocabulary"], width)
        self.blocks = nn.ModuleList(Block(width, heads, i) for i in range(depth))
        self.skips = nn.Parameter(torch.full((depth // 2, width), 0.5))
        self.rope = int(width // heads * rope_share) // 2 * 2
        for name, p in self.named_parameters():
            if name.endswith("table"):
                nn.init.normal_(p, std=embed_std)
            elif p.dim() == 2 and name.endswith(".weight"):
                zero = "out.weight" in name or "down.weight" in name
                nn.init.zeros_(p) if zero else nn.init.orthogonal_(p)

    def forward(self, tokens):
        """Logits of the token after each."""
        x = x0 = self.embedding(tokens)
        cos, sin = rotary(tokens.size(1), self.rope, tokens.device)
        saved, half = [], len(self.blocks) // 2
        for i, block in enumerate(self.blocks):
            if i < half:
                saved.append(x)
            elif saved and i >= len(self.blocks) - half:
                x = x + self.skips[len(saved) - 1] * saved.pop()
            x = block(x, x0, cos, sin)
        return self.embedding.logits(rms(x))


# --------------------------------------------------------------------------- optimizer


def orthogonal(g):
    """The nearest orthogonal matrices, roughly: rows to unit length, then Newton and Schulz."""
    x = g / (g.norm(dim=-1, keepdim=True) + 1e-7)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(newton_steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon:
    """Orthogonalised momentum; matrices of one shape are moved together."""

    def __init__(self, params):
        self.groups = {}
        for p in params:
            self.groups.setdefault(p.shape, []).append(p)
        self.moments = {s: torch.zeros(len(g), *s, device=g[0].device) for s, g in self.groups.items()}

    @torch.no_grad()
    def step(self, factor):
        for shape, group in self.groups.items():
            moment = self.moments[shape]
            g = torch.stack([p.grad for p in group])
            moment.lerp_(g, 1 - momentum)
            update = orthogonal(g.lerp(moment, momentum))
            rate = matrix_lr * factor
            scale = rate * max(1, shape[0] / shape[1]) ** 0.5
            for p, u in zip(group, update):
                p.mul_(1 - rate * matrix_decay).sub_(u, alpha=scale)


class Optimizer:
    """Muon for the matrices of the blocks, AdamW for the rest."""

    def __init__(self, model):
        named = dict(model.named_parameters())
        matrices = [p for n, p in named.items() if is_matrix(n)]
        vectors = [p for n, p in named.items() if not is_matrix(n) and n != "embedding.table"]
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(
            [
                {"params": [named["embedding.table"]], "peak": embed_lr, "weight_decay": embed_decay},
                {"params": vectors, "peak": vector_lr, "weight_decay": 0.0},
            ],
            lr=1e-3,
            betas=(beta1, beta2),
            eps=1e-8,
        )

    def step(self, factor):
        for group in self.adam.param_groups:
            group["lr"] = group["peak"] * factor
        self.adam.step()
        self.muon.step(factor)
        self.adam.zero_grad(set_to_none=True)
        for group in self.muon.groups.values():
            for p in group:
                p.grad = None


def is_matrix(name):
    """Whether a parameter is a linear layer of a block."""
    return name.endswith(".weight")


def lr_factor(progress):
    """Up, along, and down; `progress` is the share of the time."""
    return min(1.0, (progress + 1e-3) / warmup, final_lr + (1 - final_lr) * (1 - progress) / warmdown)


# -------------------------------------------------------------------------------- data


def read_tokens(folder):
    """All training shards, one after the other."""
    names = sorted(n for n in os.listdir(folder) if n.startswith("fineweb_train_"))
    return [np.memmap(os.path.join(folder, n), "<u2", "r", 1024) for n in names]


def sequence_length(sizes, progress):
    """Shorter sequences at first."""
    return max(8, int(sizes["sequence"] * (short_scale if progress < short_until else 1.0)))


class Batches:
    """Sequences that begin anywhere, in an order that follows from the seed."""

    def __init__(self, parts, seed, rank, ranks):
        self.parts, self.rank, self.ranks = parts, rank, ranks
        self.random = np.random.default_rng(seed)
        self.weights = np.array([len(p) for p in parts]) / sum(len(p) for p in parts)

    def draw(self, count, length):
        """Tokens, count × (length + 1)."""
        rows = []
        for _ in range(count):
            part = self.parts[self.random.choice(len(self.parts), p=self.weights)]
            begin = self.random.integers(len(part) - length - 1)
            rows.append(part[begin : begin + length + 1])
        own = rows[self.rank :: self.ranks]
        return torch.from_numpy(np.stack(own).astype(np.int64))


# ---------------------------------------------------------------------------- training


def losses(logits, targets):
    """Cross-entropy, and a pull on the normaliser."""
    normaliser = logits.logsumexp(-1)
    own = logits.gather(-1, targets[..., None]).squeeze(-1)
    return (normaliser - own + z_loss * normaliser.square()).mean()


def precision(device, half=None):
    """Half precision where the machine is made for it; `half` as it was decided earlier."""
    half = device.type == "cuda" or (fast() if half is None else half)
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


@functools.cache
def fast():
    """Whether this CPU multiplies in half precision faster."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16) * 2:
        x, w = torch.ones(2048, 128, dtype=dtype), torch.ones(384, 128, dtype=dtype)
        begin = time.perf_counter()
        for _ in range(5):
            F.linear(x, w)
        seconds[dtype] = time.perf_counter() - begin
    return seconds[torch.bfloat16] < seconds[torch.float32]


def gradients(model, forward, batch, ranks):
    """The loss of a batch, with gradients averaged over ranks and clipped."""
    with precision(batch.device):
        logits = forward(batch[:, :-1])
    loss = losses(logits, batch[:, 1:])
    loss.backward()
    if ranks > 1:
        for p in model.parameters():
            dist.all_reduce(p.grad, op=dist.ReduceOp.AVG if batch.is_cuda else dist.ReduceOp.SUM)
            if not batch.is_cuda:
                p.grad /= ranks
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    return loss


class Average:
    """A slow copy of the weights, which is what is handed in."""

    def __init__(self, model):
        self.fast = list(model.parameters())
        self.slow = [p.detach().clone() for p in self.fast]
        self.steps = 0

    @torch.no_grad()
    def update(self):
        self.steps += 1
        decay = min(ema_decay, self.steps / (self.steps + 9))
        torch._foreach_lerp_(self.slow, self.fast, 1 - decay)

    @torch.no_grad()
    def apply(self):
        torch._foreach_copy_(self.fast, self.slow)


def train(model, forward, sizes, batches, begin, end, device, ranks=1, most=None):
    """Until the time is up; progress is a share of it."""
    optimizer, average, step = Optimizer(model), Average(model), 0
    while most is None or step < most:
        progress = shared_progress((time.monotonic() - begin) / (end - begin), device, ranks)
        if progress >= 1:
            break
        length = sequence_length(sizes, progress)
        rows = max(ranks, int(sizes["batch_tokens"] * batch_scale) // length // ranks * ranks)
        batch = batches.draw(rows, length).to(device, non_blocking=True)
        loss = gradients(model, forward, batch, ranks)
        optimizer.step(lr_factor(progress))
        average.update()
        step += 1
        if step % sizes["log_every"] == 0:
            harness.log(step, loss=loss.item())
    average.apply()
    return step


def shared_progress(progress, device, ranks):
    """The same on all ranks, or they would part at the end."""
    if ranks == 1:
        return progress
    told = torch.tensor([progress], device=device)
    dist.broadcast(told, 0)
    return told.item()


# ------------------------------------------------------------------------ quantization


@torch.no_grad()
def second_moments(model, batches, sizes, device):
    """For each linear layer the mean outer product of its inputs, on training tokens."""
    found, handles = {}, []

    def watch(name):
        def hook(module, inputs):
            x = inputs[0].flatten(0, -2).float()
            found[name] = found.get(name, 0) + x.T @ x / len(x)

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            handles.append(module.register_forward_pre_hook(watch(f"{name}.weight")))
    length = sizes["sequence"]
    for _ in range(calibration_batches):
        rows = max(1, sizes["batch_tokens"] // length // 2)
        model(batches.draw(batches.ranks * rows, length)[:, :-1].to(device))
    for handle in handles:
        handle.remove()
    return found


def largest(bits):
    """The largest integer of so many bits that the tables of symbols have."""
    return min(2 ** (bits - 1), SYMBOLS // 2) - 1


def row_scales(w, bits, clip):
    """One step for each row."""
    return (w.std(1, keepdim=True) * clip / largest(bits)).half().float().clamp_min(1e-6)


def rounded(w, scale, bits):
    """To the nearest step."""
    return (w / scale).round().clamp(-largest(bits), largest(bits))


def entropy(q):
    """Bits for each number, by how often each occurs."""
    counts = torch.unique(q, return_counts=True)[1].float()
    share = counts / counts.sum()
    return -(share * share.log2()).sum().item()


def best_scales(w, moment, bits):
    """The clipping that costs least: error in the layer's output, and bits."""
    energy = ((w @ moment) * w).sum()

    def cost(clip):
        scale = row_scales(w, bits, clip)
        q = rounded(w, scale, bits)
        error = w - q * scale
        return (((error @ moment) * error).sum() / energy).item() + rate_weight * entropy(q)

    return row_scales(w, bits, min(clips, key=cost))


def gptq(w, moment, scale, bits):
    """Round column by column; later columns make up for what earlier ones lost."""
    order = moment.diag().argsort(descending=True)
    w, moment = w[:, order].clone(), moment[order][:, order]
    moment = moment + damping * moment.diag().mean() * torch.eye(len(moment), device=w.device)
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(moment)), upper=True)
    q = torch.empty_like(w)
    for i in range(w.size(1)):
        q[:, i : i + 1] = rounded(w[:, i : i + 1], scale, bits)
        error = (w[:, i : i + 1] - q[:, i : i + 1] * scale) / upper[i, i]
        w[:, i + 1 :] -= error * upper[i, i + 1 :]
    return q[:, order.argsort()]


@torch.no_grad()
def quantise(model, moments):
    """For each tensor: integers and scales, or what is small as half precision."""
    coded, plain = {}, {}
    for name, p in model.named_parameters():
        w = p.detach().float()
        if name in moments:
            moment = moments[name] + 1e-6 * torch.eye(w.size(1), device=w.device)
            scale = best_scales(w, moment, matrix_bits)
            coded[name] = gptq(w, moment, scale, matrix_bits), scale
        elif name == "embedding.table":
            scale = best_scales(w, torch.eye(w.size(1), device=w.device), embed_bits)
            coded[name] = rounded(w, scale, embed_bits), scale
        else:
            plain[name] = w
    return coded, plain


# ---------------------------------------------------------------------- entropy coding

PRECISION = 12  # bits of a probability
SYMBOLS = 256  # of a table


def frequencies(q):
    """How often each symbol is expected, of 4,096; every one that occurs at least once."""
    counts = np.bincount(q, minlength=SYMBOLS).astype(np.float64)
    table = np.where(counts > 0, np.maximum(1, counts / counts.sum() * 2**PRECISION), 0).astype(int)
    table[table.argmax()] += 2**PRECISION - table.sum()
    return table.astype(np.uint16)


def encode(rows, tables):
    """Asymmetric numeral systems, many side by side: rows of symbols, each with its table."""
    shift, half = np.uint64(PRECISION), np.uint64(16)
    state, words = np.full(rows[0].size, 1 << 16, np.uint64), []
    for row, table in zip(rows[::-1], tables[::-1]):
        begin = np.cumsum(table, dtype=np.uint64) - table
        f = table[row].astype(np.uint64)
        full = state >= f << (np.uint64(32) - shift)
        words.append((state[full] & np.uint64(0xFFFF)).astype("<u2"))
        state[full] >>= half
        state = ((state // f) << shift) + state % f + begin[row]
    return state.astype("<u4").tobytes() + np.concatenate(words[::-1]).tobytes()


def decode(data, width, tables):
    """The rows again."""
    shift, mask = np.uint64(PRECISION), np.uint64(2**PRECISION - 1)
    state = np.frombuffer(data, "<u4", width).astype(np.uint64)
    words, place, rows = np.frombuffer(data, "<u2", offset=4 * width), 0, []
    known = {}
    for table in tables:
        if id(table) not in known:
            symbols = np.repeat(np.arange(SYMBOLS), table)
            known[id(table)] = symbols, np.cumsum(table, dtype=np.uint64) - table
        symbols, begin = known[id(table)]
        slot = state & mask
        row = symbols[slot]
        state = table[row].astype(np.uint64) * (state >> shift) + slot - begin[row]
        empty = np.flatnonzero(state < 1 << 16)
        state[empty] = (state[empty] << np.uint64(16)) | words[place : place + len(empty)]
        place += len(empty)
        rows.append(row)
    return rows


def width_for(count):
    """How many states run side by side."""
    return 32 if count < 1 << 20 else 1024


def rows_of(sizes, width):
    """How many rows each tensor fills."""
    return [-(-size // width) for size in sizes]


def pack(coded, plain):
    """Everything as bytes: halves and tables compressed, then the coded symbols."""
    names = list(coded)
    symbols = [(q.cpu().numpy().astype(np.int64).ravel() + SYMBOLS // 2) for q, _ in coded.values()]
    tables = [frequencies(s) for s in symbols]
    width = width_for(sum(map(len, symbols)))
    rows, own = [], []
    for s, table in zip(symbols, tables):
        filled = np.concatenate((s, np.full(-len(s) % width, table.argmax())))
        rows += list(filled.reshape(-1, width))
        own += [table] * (len(filled) // width)
    scales = [coded[n][1].half().cpu().numpy().ravel() for n in names]
    small = [plain[n].half().cpu().numpy().ravel() for n in plain]
    side = lzma.compress(np.concatenate(tables).tobytes(), lzma.FORMAT_ALONE, preset=2)
    halves = np.concatenate(scales + small).view(np.uint8).reshape(-1, 2).T.tobytes()
    halves = lzma.compress(halves, lzma.FORMAT_ALONE, preset=2)
    head = np.array([len(side), len(halves) * 2 + fast()], "<u4").tobytes()
    return head + side + halves + encode(rows, own)


def unpack(data, model):
    """Fill a model with what was packed; whether it was trained in half precision."""
    first, second = np.frombuffer(data, "<u4", 2)
    second, half_precision = second // 2, bool(second % 2)
    side = np.frombuffer(lzma.decompress(data[8 : 8 + first]), np.uint16)
    halves = lzma.decompress(data[8 + first : 8 + first + second])
    halves = np.frombuffer(np.frombuffer(halves, np.uint8).reshape(2, -1).T.tobytes(), np.float16)
    coded = {n: p for n, p in model.named_parameters() if is_coded(n)}
    plain = {n: p for n, p in model.named_parameters() if not is_coded(n)}
    counts = [p.numel() for p in coded.values()]
    width, tables = width_for(sum(counts)), list(side.reshape(-1, SYMBOLS))
    own = [t for t, n in zip(tables, rows_of(counts, width)) for _ in range(n)]
    rows = decode(data[8 + first + second :], width, own)
    symbols, place, half = np.concatenate(rows) - SYMBOLS // 2, 0, 0
    for p, n in zip(coded.values(), rows_of(counts, width)):
        q = torch.from_numpy(symbols[place : place + p.numel()]).view_as(p)
        scale = torch.from_numpy(halves[half : half + len(p)].astype(np.float32))
        p.data.copy_(q * scale[:, None])
        place, half = place + n * width, half + len(p)
    for p in plain.values():
        p.data.copy_(torch.from_numpy(halves[half : half + p.numel()].astype(np.float32)).view_as(p))
        half += p.numel()
    return half_precision


def account(coded, plain):
    """Bytes by part, for people and agents: an estimate from the entropy of the symbols."""
    parts = {}
    for name, (q, scale) in coded.items():
        part = "embedding" if "embedding" in name else "attention" if "attention" in name else "mlp"
        size = q.numel() * entropy(q) / 8 + 2 * scale.numel()
        parts[f"bytes_{part}"] = parts.get(f"bytes_{part}", 0) + size
    return parts | {"bytes_rest": 2 * sum(w.numel() for w in plain.values())}


def is_coded(name):
    """Whether a parameter is handed in as integers."""
    return is_matrix(name) or name == "embedding.table"


# --------------------------------------------------------------------------- inference


class Adapter:
    """Predicts the next chunk of all lanes, then trains on what it was told."""

    def __init__(self, model, sizes, half):
        self.model, self.sizes, self.half = model, sizes, half
        self.window = int(sizes["sequence"] * window_scale)
        self.seen = None  # of each lane the latest inputs, as many as the window holds
        self.told = None  # and what was right, not learned from yet
        params = [p for n, p in model.named_parameters() if is_coded(n)]
        self.optimizer = torch.optim.SGD(params, lr=ttt_lr, momentum=ttt_momentum)

    @torch.no_grad()
    def predict(self, inputs):
        """Logits of a chunk; each lane with what it showed before."""
        context = inputs if self.seen is None else torch.cat((self.seen, inputs), 1)
        keep = max(self.window, inputs.size(1), ttt_columns + ttt_context)
        self.seen = context[:, -keep:]
        context, out = self.seen[:, -max(self.window, inputs.size(1)) :], []
        for rows in context.split(self.sizes["infer_rows"]):
            with precision(rows.device, self.half):
                logits = self.model(rows)
            out.append((logits[:, -inputs.size(1) :] / temperature).half())
        return torch.cat(out)

    def learn(self, targets):
        """A few steps on text that has been scored, as soon as there is enough of it."""
        targets = targets if self.told is None else torch.cat((self.told, targets), 1)
        self.told, length = targets, targets.size(1)
        if length < ttt_columns:
            return
        self.told = None
        for _ in range(ttt_epochs):
            latest = self.seen[:, -length - ttt_context :]
            for rows, told in zip(latest.split(ttt_rows), targets.split(ttt_rows)):
                with precision(rows.device, self.half):
                    logits = self.model(rows)[:, -length:]
                F.cross_entropy(logits.flatten(0, 1), told.flatten()).backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), clip_norm)
                self.optimizer.step()
                self.model.zero_grad(set_to_none=True)


# ------------------------------------------------------------------------------ phases


def train_phase(job, device):
    sizes, smoke = job.sizes, job.phase == "smoke"
    torch.manual_seed(0)
    model = Model(sizes).to(device)
    forward = torch.compile(model) if device.type == "cuda" else model
    kept = reserve * warm(model, forward, sizes, job, device)
    go = harness.ready()

    begin, end = time.monotonic(), go.deadline
    torch.manual_seed(go.seed)
    model.load_state_dict(Model(sizes).state_dict())
    batches = Batches(read_tokens(go.data), go.seed, job.rank, job.ranks)
    whole = end - begin
    until = end - min(max(kept, least_reserve * whole), most_reserve * whole)
    most = 4 if smoke else None
    steps = train(model, forward, sizes, batches, begin, until, device, job.ranks, most)
    if job.rank == 0:
        batches.ranks = 1
        coded, plain = quantise(model, second_moments(model, batches, sizes, device))
        harness.log(steps, **account(coded, plain))
        harness.save(pack(coded, plain))
    harness.done()


def warm(model, forward, sizes, job, device):
    """Compile every shape on synthetic tokens; seconds that quantising takes."""
    for progress in (0.0, 1.0):
        length = sequence_length(sizes, progress)
        rows = max(job.ranks, int(sizes["batch_tokens"] * batch_scale) // length)
        tokens = torch.randint(sizes["vocabulary"], (rows // job.ranks, length + 1), device=device)
        gradients(model, forward, tokens, job.ranks)
    choose_threads(lambda: gradients(model, forward, tokens, job.ranks), device)
    model.zero_grad(set_to_none=True)
    begin = time.monotonic()
    noise = np.random.default_rng(0).integers(0, sizes["vocabulary"], 1 << 16, np.uint16)
    pack(*quantise(model, second_moments(model, Batches([noise], 0, 0, 1), sizes, device)))
    return time.monotonic() - begin


def infer_phase(job, device):
    model = Model(job.sizes).to(device)
    adapter = Adapter(model, job.sizes, unpack(job.artifact, model))
    noise = torch.randint(job.sizes["vocabulary"], (8, job.sizes["sequence"]), device=device)
    with torch.no_grad():
        choose_threads(lambda: model(noise), device)
    harness.ready()
    for part in harness.stream():
        inputs = torch.from_numpy(part.array).to(device)
        part.answer(adapter.predict(inputs).cpu().numpy())
        if ttt_lr and ttt_epochs:
            adapter.learn(torch.from_numpy(part.truth()).to(device))


def main():
    job = harness.job()
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", job.rank if job.ranks > 1 else 0) if cuda else torch.device("cpu")
    if job.ranks > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    torch.set_float32_matmul_precision("high")
    (infer_phase if job.phase == "infer" else train_phase)(job, device)


if __name__ == "__main__":
    main()
