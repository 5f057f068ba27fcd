#!/usr/bin/python3
"""Brings a machine to the state that one manifest describes. Runs on the machine; standard library only.

The action plugin of the same name renders templates on the controller. It sends this file, followed by the manifest, over the SSH
connection's standard input to the machine's python. One round trip installs packages, writes every file, runs the commands that are
due and starts the units. None of it ever appears in an argument list or a temporary file.
"""

DOCUMENTATION = r"""
module: converge
short_description: Brings a machine to the state one manifest describes, in one round trip
description:
  - Order of work is users, files marked C(early), packages, directories, files, commands, units. What is already so is left alone.
  - Whether a unit must be restarted or reloaded, and whether a command with C(watches) is due, is decided by comparing
    the content of the watched files with what was recorded after the last successful (re)start. A run that dies between
    writing a file and restarting its reader is therefore made good by the next run, which handlers cannot do.
  - Supports check mode and diff mode. Content of files marked C(secret) is never shown.
options:
  users:
    description: System users to have. Each has C(name), and optionally C(groups) (list) and C(home).
    type: list
    elements: dict
  packages:
    description: Debian packages to have. apt runs only when one is missing, and starts no service.
    type: list
    elements: str
  directories:
    description: Each has C(path), C(owner), C(group), C(mode).
    type: list
    elements: dict
  files:
    description:
      - Each has C(path) and one of C(template) (looked up in the role; C(vars) are for it alone), C(content), C(folder) (of the
        role's files; each of them goes below C(path)) or C(link) (makes a symlink); optionally C(owner), C(group), C(mode) (root, root, 0644), C(secret), C(early) (before packages).
      - C(once) writes the file only where it is absent.
      - C(keep_if), an argv, leaves an existing file alone while the command succeeds (a certificate that still verifies).
      - C(measured) maps texts in the content to what they become on this machine. Each has C(disk_of) (a path), C(percent) and
        C(at_least); the result is that share of the file system's size in MiB, rounded down to three significant bits so that a file
        system whose size varies a little does not change the file.
    type: list
    elements: dict
  absent:
    description: Paths of files to remove.
    type: list
    elements: str
  commands:
    description:
      - Each has C(name), C(argv), and a condition, C(creates) (path), C(unless) (argv that succeeds when nothing is to be done)
        or C(watches) (paths). Optionally C(user), C(stdin), C(cwd).
    type: list
    elements: dict
  units:
    description:
      - systemd units to enable and start. Each has C(name), optionally C(restart_on) and C(reload_on) (paths watched),
        C(enabled) (true) and C(started) (true). C(only_start) starts a unit that does not run and leaves the restart of a running
        one to a later task, which may go from machine to machine.
      - A unit that cannot be started does not keep the others from being started, restarted or reloaded. The task fails at the end.
    type: list
    elements: dict
"""

import difflib
import glob
import grp
import hashlib
import json
import os
import pwd
import subprocess
import sys
import tempfile

APPLIED = "/var/lib/pgfleet/applied"  # what each unit and command last ran with
POLICY = "/usr/sbin/policy-rc.d"
# The comment distinguishes this policy from one that the machine's owner has installed.
NO_STARTS = b"#!/bin/sh\n# pgfleet: no service starts while packages are installed\nexit 101\n"


class Failed(Exception):
    """Describes in one line what failed; the rest goes to the detail."""

    def __init__(self, message, detail=""):
        super().__init__(message)
        self.detail = detail


class Machine:
    def __init__(self, manifest):
        self.manifest = manifest
        self.check = manifest["check"]
        self.done = []  # what was changed, in words
        self.diff = []

    def converge(self):
        early = [f for f in self.manifest["files"] if f.get("early")]
        late = [f for f in self.manifest["files"] if not f.get("early")]
        for user in self.manifest["users"]:
            self.have_user(user)
        for file in early:
            self.have_file(file)
        self.have_packages(self.manifest["packages"])
        for directory in self.manifest["directories"]:
            self.have_directory(directory)
        for file in late:
            self.have_file(file)
        for path in self.manifest["absent"]:
            self.have_not(path)
        for command in self.manifest["commands"]:
            self.have_run(command)
        if self.manifest["units"]:
            self.have_units(self.manifest["units"])

    # users and packages -------------------------------------------------------------------------------------------

    def have_user(self, user):
        try:
            pwd.getpwnam(user["name"])
            return
        except KeyError:
            self.done.append("user " + user["name"])
        if not self.check:
            argv = ["useradd", "--system", "--user-group", "--shell", "/usr/sbin/nologin", "--no-create-home"]
            argv += ["--home-dir", user.get("home", "/nonexistent")]
            if user.get("groups"):
                argv += ["--groups", ",".join(user["groups"])]
            run(argv + [user["name"]])

    def have_packages(self, wanted):
        if not wanted:
            return
        interrupted = read(POLICY) == NO_STARTS  # an earlier run was killed while installing packages
        query = run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n"] + wanted, check=False)
        installed = {line.split(" ", 1)[1] for line in query.stdout.splitlines() if line.startswith("installed ")}
        missing = [package for package in wanted if package not in installed]
        if missing:
            self.done.append("packages " + " ".join(missing))
        elif interrupted:
            self.done.append(POLICY + " (removed)")
        if self.check or not (missing or interrupted):
            return
        # Debian starts a service as soon as it is installed, with a configuration that is not ours yet.
        ours = interrupted or not os.path.exists(POLICY)
        try:
            if ours:
                write_atomically(POLICY, NO_STARTS, 0o755, 0, 0)
            environment = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
            if interrupted:
                run(["dpkg", "--force-confold", "--configure", "-a"], env=environment)
            if missing:
                apt = ["apt-get", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
                run(apt + ["update"], env=environment)
                run(apt + ["-o", "Dpkg::Options::=--force-confold", "install"] + missing, env=environment)
        finally:
            if ours and os.path.exists(POLICY):
                remove(POLICY)

    # files ----------------------------------------------------------------------------------------------------------

    def have_directory(self, directory):
        path, (uid, gid, mode) = directory["path"], self.ownership(directory, "0755")
        if not os.path.isdir(path):
            self.done.append(path)
            if not self.check:
                os.makedirs(path, 0o755, exist_ok=True)
        if self.owned(path, uid, gid, mode):
            self.done.append(path + " (ownership)")

    def have_file(self, file):
        path = file["path"]
        if "link" in file:
            return self.have_link(path, file["link"])
        content = measured(file["content"], file.get("measured") or {}).encode()
        before = read(path)
        if before is not None:
            kept = file.get("once") or (file.get("keep_if") and succeeds(file["keep_if"]))
            if kept:
                content = before
        if before != content:
            self.done.append(path)
            self.show(file, before, content)
            if not self.check:
                uid, gid, mode = self.ownership(file, "0644")
                os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
                write_atomically(path, content, mode, uid, gid)
        elif self.owned(path, *self.ownership(file, "0644")):
            self.done.append(path + " (ownership)")

    def have_link(self, path, target):
        if os.path.islink(path) and os.readlink(path) == target:
            return
        self.done.append(path)
        if not self.check:
            temporary = path + ".new"
            if os.path.lexists(temporary):
                os.unlink(temporary)
            os.symlink(target, temporary)
            os.replace(temporary, path)
            sync_folder(path)

    def have_not(self, path):
        if os.path.lexists(path):
            self.done.append(path + " (removed)")
            if not self.check:
                remove(path)

    def ownership(self, entry, mode):
        try:
            uid = pwd.getpwnam(entry.get("owner", "root")).pw_uid
            gid = grp.getgrnam(entry.get("group", "root")).gr_gid
        except KeyError as error:
            if self.check:  # created by a package or a user that check mode did not install
                return 0, 0, int(entry.get("mode", mode), 8)
            raise Failed("%s: %s" % (entry["path"], error.args[0]))
        return uid, gid, int(entry.get("mode", mode), 8)

    def owned(self, path, uid, gid, mode):
        """Gives the path its owner and mode; returns whether they differed."""
        try:
            now = os.stat(path)
        except FileNotFoundError:
            return False
        if (now.st_uid, now.st_gid, now.st_mode & 0o7777) == (uid, gid, mode):
            return False
        if not self.check:
            os.chown(path, uid, gid)
            os.chmod(path, mode)
        return True

    def show(self, file, before, after):
        if not self.manifest["diff"]:
            return
        if file.get("secret"):
            text = "(secret: content differs)\n"
        else:
            lines = difflib.unified_diff(
                (before or b"").decode("utf-8", "replace").splitlines(True),
                after.decode("utf-8", "replace").splitlines(True),
                file["path"],
                file["path"],
            )
            text = "".join(lines)
        self.diff.append({"prepared": "%s\n%s" % (file["path"], text)})

    # commands -------------------------------------------------------------------------------------------------------

    def have_run(self, command):
        name = command["name"]
        if command.get("creates") and os.path.exists(command["creates"]):
            return
        if command.get("unless") and succeeds(command["unless"], command.get("user")):
            return
        watched = digest(command["watches"]) if command.get("watches") else None
        stamp = "command-" + hashlib.sha256(name.encode()).hexdigest()[:16]
        if watched and recorded(stamp).get("watches") == watched:
            return
        self.done.append(name)
        if self.check:
            return
        ended = run(command["argv"], user=command.get("user"), stdin=command.get("stdin"), cwd=command.get("cwd"), check=False)
        if ended.returncode != 0:
            raise Failed("%s: exit %d" % (name, ended.returncode), tail(ended.stderr or ended.stdout))
        if watched:
            record(stamp, {"name": name, "watches": watched})

    # units ----------------------------------------------------------------------------------------------------------

    def have_units(self, units):
        state = self.unit_states([unit["name"] for unit in units])
        enable = [u["name"] for u in units if u.get("enabled", True) and not starts_at_boot(u["name"])]
        # systemd itself knows whether a unit or drop-in changed since it was loaded. A unit that is not loaded needs no reload.
        stale = any(s["NeedDaemonReload"] == "yes" for s in state.values())
        start, restart, reload = [], [], []
        wanted = {u["name"]: self.watched(u) for u in units}
        for unit in units:
            name = unit["name"]
            if not unit.get("started", True):
                continue
            last = recorded("unit-" + name)
            if state[name]["ActiveState"] not in ("active", "activating", "reloading"):
                start.append(name)
            elif unit.get("only_start"):
                continue
            elif last.get("restart_on") != wanted[name]["restart_on"]:
                restart.append(name)
            elif last.get("reload_on") != wanted[name]["reload_on"]:
                reload.append(name)
        for verb, names in (("enabled", enable), ("started", start), ("restarted", restart), ("reloaded", reload)):
            self.done += ["%s %s" % (name, verb) for name in names]
        if self.check:
            return
        if enable:
            # When given paths, systemctl does not call Debian's bridge to SysV scripts, which takes 0.1 s per unit.
            paths = [name if "@" in name else state[name]["FragmentPath"] or name for name in enable]
            run(["systemctl", "--no-reload", "enable"] + paths)
        if stale:
            run(["systemctl", "daemon-reload"])
        dead = [name for name in start if state[name]["ActiveState"] == "failed"]
        if dead:  # systemd refuses a unit that has failed too often
            run(["systemctl", "reset-failed"] + dead)
        failed = {}
        for verb, names in (("start", start), ("restart", restart), ("reload", reload)):
            failed.update({name: verb for name in self.drive(verb, names)})
        for name in start + restart + reload:
            if name not in failed:
                record("unit-" + name, wanted[name])
        if failed:
            first = next(iter(failed))
            journal = run(["journalctl", "--no-pager", "-q", "-n", "15", "-o", "cat", "-u", first], check=False).stdout
            raise Failed("could not " + ", ".join("%s %s" % (verb, name) for name, verb in failed.items()), tail(journal))

    def unit_states(self, names):
        fields = "ActiveState,NeedDaemonReload,FragmentPath"
        shown = run(["systemctl", "show", "--property=" + fields] + names).stdout.strip().split("\n\n")
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown]
        return dict(zip(names, blocks))  # systemctl answers in the order of its arguments

    def watched(self, unit):
        return {key: digest(unit.get(key, [])) for key in ("restart_on", "reload_on")}

    def drive(self, verb, names):
        """Returns the names of the units that failed; the others are done nevertheless."""
        if not names or run(["systemctl", verb] + names, check=False).returncode == 0:
            return []
        if verb == "reload":  # a unit that refuses to reload stays active: reload one by one to see which it was
            return [name for name in names if run(["systemctl", verb, name], check=False).returncode != 0]
        states = self.unit_states(names)
        return [name for name in names if states[name]["ActiveState"] != "active"] or names


def starts_at_boot(unit):
    """Whether the unit starts at boot. `systemctl is-enabled` is also true for a mere alias (Debian's etcd2.service)."""
    return any(glob.glob("/etc/systemd/system/*.%s/%s" % (kind, unit)) for kind in ("wants", "requires"))


def run(argv, check=True, user=None, stdin=None, cwd=None, env=None):
    if user:
        argv = ["runuser", "-u", user, "--"] + argv
    ended = subprocess.run(
        argv,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        errors="replace",
        cwd=cwd or "/",
        env=dict(os.environ, LC_ALL="C.UTF-8", **(env or {})),
    )
    if check and ended.returncode != 0:
        raise Failed("%s: exit %d" % (" ".join(argv[:3]), ended.returncode), tail(ended.stderr or ended.stdout))
    return ended


def succeeds(argv, user=None):
    try:
        return run(argv, check=False, user=user).returncode == 0
    except FileNotFoundError:  # the program comes with a package that is not installed yet
        return False


def tail(text):
    return "\n".join(text.strip().splitlines()[-15:])


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_atomically(path, content, mode, uid, gid):
    """A reader sees either the old file or the new one, with its final owner and mode. A crash leaves one of them."""
    descriptor, temporary = tempfile.mkstemp(prefix=".converge-", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(path)


def remove(path):
    os.unlink(path)
    sync_folder(path)


def sync_folder(path):
    """Without this, a machine that loses power may come back without the rename or the removal."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def measured(content, measures):
    for text, measure in measures.items():
        folder = measure["disk_of"]
        while not os.path.isdir(folder):  # check mode has not created it
            folder = os.path.dirname(folder)
        disk = os.statvfs(folder)
        share = disk.f_blocks * disk.f_frsize * measure["percent"] // 100 // 1048576
        spare = max(share.bit_length() - 3, 0)
        content = content.replace(text, str(max(share >> spare << spare, measure.get("at_least", 0))))
    return content


def digest(paths):
    total = hashlib.sha256()
    inside = {path: glob.glob(path + "/*.*") if os.path.isdir(path) and not os.path.islink(path) else [path] for path in paths}
    for path in sorted(sum(inside.values(), [])):
        content = os.readlink(path).encode() if os.path.islink(path) else read(path)
        total.update(path.encode() + b"\0" + (b"-" if content is None else b"+" + content) + b"\0")
    return total.hexdigest()


def recorded(stamp):
    content = read(os.path.join(APPLIED, stamp + ".json"))
    return json.loads(content) if content else {}


def record(stamp, state):
    os.makedirs(APPLIED, 0o700, exist_ok=True)
    write_atomically(os.path.join(APPLIED, stamp + ".json"), json.dumps(state).encode(), 0o600, 0, 0)


def main(manifest):
    os.umask(0o022)
    machine = Machine(manifest)
    answer = {}
    try:
        machine.converge()
    except Failed as failure:
        answer = {"failed": True, "msg": str(failure), "detail": failure.detail}
    except OSError as error:
        answer = {"failed": True, "msg": "%s: %s" % (error.filename, error.strerror), "detail": ""}
    answer.update(changed=bool(machine.done), done=machine.done, diff=machine.diff)
    answer.setdefault("msg", ", ".join(machine.done) or "nothing to do")
    json.dump(answer, sys.stdout)
