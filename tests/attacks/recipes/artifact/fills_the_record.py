"""Hand in the largest artifact that is allowed, beside code of the largest size.

Ends: honest
"""

from __future__ import annotations

from honest import learn, load, run

PAD = 30_000
run(train=lambda data: bytes(PAD) + learn(data), load=lambda artifact: load(artifact[PAD:]))
