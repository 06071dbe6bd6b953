"""Say DONE before there is data.

Ends: protocol
"""

import harness
from honest import run

run(prepare=lambda job: harness.done(b"weights"))
