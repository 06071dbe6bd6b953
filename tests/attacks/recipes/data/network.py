"""Call other machines and this one: TCP, UDP, names, raw, the hypervisor.

Ends: honest
Needs: network
"""

from __future__ import annotations

import socket

from facts import TCP, UDP
from honest import run, through

PACKET, VSOCK = 17, 40


def call(job):
    for host in ("127.0.0.1", "localhost", "::1"):
        try:
            socket.create_connection((host, TCP), timeout=0.5).close()
        except OSError:
            pass
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"data", ("127.0.0.1", UDP))
    except OSError:
        pass
    for family, kind in ((PACKET, socket.SOCK_RAW), (VSOCK, socket.SOCK_STREAM), (16, 3)):
        try:
            socket.socket(family, kind, 9 if family == 16 else 0).close()
        except OSError:
            continue
        through(f"open a socket of family {family}")
    for name, family in (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6)):
        try:
            socket.socket(family, socket.SOCK_DGRAM).connect((name, 9))
        except OSError:
            continue
        through(f"find a way to {name}")


run(prepare=call)
