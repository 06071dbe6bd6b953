"""Hand in nothing.

Ends: artifact missing
"""

import harness
from honest import run

run(finish=lambda artifact: harness.done())
