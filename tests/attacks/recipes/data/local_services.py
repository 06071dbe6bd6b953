"""Connect to sockets of this machine's services, by path and by abstract name.

Ends: honest
Needs: sockets
"""

from __future__ import annotations

import socket

from facts import ABSTRACT, SOCKET
from honest import run, through


def call(job):
    for address in (SOCKET, "\0" + ABSTRACT, "/var/run/docker.sock", "/run/dbus/system_bus_socket"):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(address)
        except OSError:
            continue
        through("connect to a socket of the host")


run(prepare=call)
