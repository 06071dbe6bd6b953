"""Send descriptors until the evaluator has no more.

Ends: protocol
"""

from __future__ import annotations

import array
import os
import socket

import harness
from honest import run


def reply(model, part):
    files = array.array("i", [os.memfd_create("x") for _ in range(100)])
    channel = harness._link()._socket
    for _ in range(50):
        channel.sendmsg([b"\x14"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])


run(reply=reply)
