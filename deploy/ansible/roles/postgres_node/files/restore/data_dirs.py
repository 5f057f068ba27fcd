"""The data directory, and what a restore keeps beside it, on the same file system: a rename is all that it takes."""

import json
import os
import re
import shutil
import time


# See follow_leader/archive_marks.py.
ARCHIVE_MARK = "/var/lib/pgfleet/pooler/next-timeline"


# In the data directory of what a restore has made: the lineage that it belongs to. Replicas copy it with the data, also when they rewind.
# Data that no restore made have none.
LINEAGE_MARK = "pgfleet.lineage"


class Refused(Exception):
    """Says in one line why nothing was done."""


class DataDirs:
    def __init__(self, current, operation):
        if not re.fullmatch(r"op_[0-9a-f-]{36}", operation):
            raise Refused("%r is no operation" % operation)
        self.current = current
        self.beside = "%s.restoring-%s" % (current, operation)
        self.before = "%s.before-%s" % (current, operation)
        self._undone = "%s.undone-%s" % (current, operation)
        self._notes = "%s.restore-%s.json" % (current, operation)
        # Statements that give roles the passwords in force before; see passwords.py.
        self.passwords = "%s.passwords-%s.sql" % (current, operation)

    # How far the restore has come --------------------------------------------------------------------------------------

    def notes(self):
        """What was written down of this restore: {} before it began; state: restoring, restored, promoted, recovered."""
        try:
            with open(self._notes, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}

    def note(self, **facts):
        new = self._notes + ".new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump({**self.notes(), **facts}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._notes)
        self._settle()

    # There and back ----------------------------------------------------------------------------------------------------

    def restored(self):
        """Where the restored data are."""
        return self.beside if os.path.exists(self.beside) else self.current

    def set_aside(self):
        """What is recovered already takes the place that was made."""
        if os.path.exists(self.before):
            print("%s stands already." % self.before)
        elif self.notes().get("placed"):
            print("There were no data to set aside.")
        elif self.notes() and not os.path.exists(self.beside):
            raise Refused("What was restored is in its place already, and nothing was set aside.")
        elif not os.path.exists(self.current):
            print("There are no data to set aside.")
        else:
            refuse_running(self.current)
            os.rename(self.current, self.before)
            self._settle()
            print("What was there is %s now." % self.before)
        if self.notes().get("state") == "recovered":
            self.note(placed=True)
            self.place()
            begin_lineage()

    def place(self):
        """What was restored beside the data directory becomes it."""
        if not os.path.exists(self.beside):
            return
        if os.path.exists(self.current) and os.listdir(self.current):
            raise Refused("%s is not empty, and not of this restore." % self.current)
        refuse_running(self.beside)
        os.rename(self.beside, self.current)
        self._settle()

    def put_back(self):
        # Their lineage has an archive, which is to be asked.
        if os.path.exists(ARCHIVE_MARK):
            os.unlink(ARCHIVE_MARK)
        if os.path.exists(self.before):
            if os.path.exists(self.current):
                wait_until_ended(self.current)
                os.rename(self.current, self._undone)
            os.rename(self.before, self.current)
            self._settle()
            print("The data of before the restore are back.")
        elif not self.is_back():
            raise Refused("Nothing of before the restore is kept here: %s is gone." % self.before)
        else:
            print("The data of before the restore are in their place.")

    def is_back(self):
        """What was set aside, if anything was, is in its place."""
        return os.path.exists(self._undone) or os.path.exists(self.beside) or not self.notes()

    def discard(self):
        for path in (self.beside, self.before, self._undone):
            delete(path)
        for path in (self._notes, self.passwords):
            if os.path.exists(path):
                os.unlink(path)
        print("Nothing is kept beside the data directory any more.")

    def others(self):
        """What other restores keep."""
        return self._of_others(".before-", self.before)

    def delete_given_up(self):
        """What other restores had brought here before they were given up."""
        for entry in self._of_others(".restoring-", self.beside):
            delete(os.path.join(os.path.dirname(self.current), entry))

    def _of_others(self, kind, own):
        parent, name = os.path.split(self.current)
        return [entry for entry in os.listdir(parent) if entry.startswith(name + kind) and os.path.join(parent, entry) != own]

    def _settle(self):
        """A rename is there after a power cut."""
        parent = os.open(os.path.dirname(self.current), os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)


def begin_lineage():
    """Patroni is to lead with the restored data next, and nothing is archived of theirs yet: it need not ask, while customers wait."""
    if os.path.isdir(os.path.dirname(ARCHIVE_MARK)):
        with open("/proc/uptime", encoding="ascii") as uptime, open(ARCHIVE_MARK, "w", encoding="ascii") as mark:
            mark.write(uptime.read().split(".")[0] + "\n")


def delete(path):
    if os.path.exists(path):
        refuse_running(path)
        shutil.rmtree(path)
        print("%s is deleted." % path)


def delete_beside(data):
    """What any restore keeps beside the data directory."""
    parent, name = os.path.split(data)
    for entry in os.listdir(parent):
        if re.match(r"%s\.(restoring|before|undone|restore|passwords)-op_" % re.escape(name), entry):
            path = os.path.join(parent, entry)
            if os.path.isdir(path):
                delete(path)
            else:
                os.unlink(path)


def wait_until_ended(data):
    """A recovery that was cancelled a moment ago may still be ending."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return refuse_running(data)
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def refuse_running(data):
    """Never move or delete the data of a server that runs."""
    try:
        with open(data + "/postmaster.pid", encoding="ascii") as file:
            pid = int(file.readline())
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    except PermissionError:
        return  # the number belongs to another user's process by now
    if is_postgres(pid):
        raise Refused("PostgreSQL runs in %s: stop Patroni first." % data)


def is_postgres(pid):
    try:
        with open("/proc/%d/comm" % pid, encoding="ascii") as file:
            return file.read().strip() == "postgres"
    except FileNotFoundError:
        return False


def programs_for(data):
    """The folder of PostgreSQL's programs of the version that the data are of. FileNotFoundError: there are no data."""
    with open(data + "/PG_VERSION", encoding="ascii") as file:
        return "/usr/lib/postgresql/%s/bin/" % file.read().strip()
