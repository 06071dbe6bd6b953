"""Answer nothing.

Ends: stalled
With: wall.inference=0.5
"""

import time

from honest import run

run(reply=lambda model, part: time.sleep(60))
