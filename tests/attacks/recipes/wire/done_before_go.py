"""Say DONE before there is data.

Ends: protocol
"""

from __future__ import annotations

import harness
from honest import run

run(prepare=lambda job: harness.done(b"weights"))
