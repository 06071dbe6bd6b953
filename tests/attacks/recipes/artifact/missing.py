"""Hand in nothing.

Ends: artifact missing
"""

from __future__ import annotations

import harness
from honest import run

run(finish=lambda artifact: harness.done())
