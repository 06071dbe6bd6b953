"""How long training lasts, how large a batch is, and how rates move in the course of it."""

import math
from dataclasses import dataclass

ratio = 12.0  # tokens per scaling parameter, times the profile's ratio_scale
batch_exponent = 0.383  # of the batch in the number of tokens
warmup_steps = 40  # and at most `warmup_share` of all
warmup_share = 0.10
warmdown = 0.65  # share of all steps in which the rate falls
final_factor = 0.05
momentum_first, momentum_peak, momentum_last = 0.85, 0.97, 0.90
momentum_steps = 400  # from first to peak, and at most `momentum_share` of all
momentum_share = 0.20


@dataclass(frozen=True)
class Horizon:
    """Steps and batch of one training, and what follows from them for the rates."""

    steps: int
    batch: int  # tokens, a power of two
    rate_factor: float
    decay_factor: float

    @classmethod
    def of(cls, sizes, scaling_parameters):
        """The reference is the net of the profile at its own batch: all factors are 1 there."""
        reference_batch, reference = sizes["reference_batch"], sizes["reference_scaling"]
        share = scaling_parameters / reference  # of tokens, since the ratio is the same
        wanted = reference_batch * share**batch_exponent
        batch = 2 ** round(math.log2(wanted))
        tokens = ratio * sizes["ratio_scale"] * scaling_parameters
        rate_factor = math.sqrt(batch / reference_batch)
        return cls(int(tokens // batch), batch, rate_factor, rate_factor / share)

    def rate(self, step):
        """The factor of all rates: rise, stay, fall."""
        rise = min(warmup_steps, warmup_share * self.steps)
        if step < rise:
            return min(1.0, (step + 1) / rise)
        left = min(1.0, (self.steps - step) / (round(warmdown * self.steps) or 1))
        return left + (1 - left) * final_factor

    def momentum(self, step):
        """Muon's momentum: rises at the beginning, falls with the rate."""
        fall = round(warmdown * self.steps) or 1
        left = (self.steps - step) / fall
        if left < 1:
            return momentum_last + (momentum_peak - momentum_last) * left
        risen = min(1.0, step / (min(momentum_steps, momentum_share * self.steps) or 1))
        return momentum_first + (momentum_peak - momentum_first) * risen

    def decay(self, step):
        """The factor of Muon's decay: along a cosine to 0."""
        return (1 + math.cos(math.pi * step / self.steps)) / 2
