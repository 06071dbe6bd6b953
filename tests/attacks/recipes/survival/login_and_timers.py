"""Write what is run at login, by cron, by timers, by shells.

Ends: honest
Needs: host
"""

from __future__ import annotations

import pwd

from honest import makes, run, through, writes


def plant(job):
    homes = {entry.pw_dir for entry in pwd.getpwall() if entry.pw_uid in (0, 1000)} - {"/tmp/home"}
    for home in homes | {"/root"}:
        for name in (".bashrc", ".profile", ".config/systemd/user/x.service"):
            if writes(f"{home}/{name}"):
                through("edit what runs at login")
    for folder in ("/etc/cron.d", "/var/spool/cron", "/etc/systemd/system", "/etc/profile.d"):
        if makes(folder, "x"):
            through("make what runs by itself")


run(prepare=plant)
