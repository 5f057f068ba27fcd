"""The data directory, and what a restore keeps beside it on the same file system, so that a rename is enough."""

import json
import os
import re
import shutil
import time


# See follow_leader/archive_marks.py.
ARCHIVE_MARK = "/var/lib/pgfleet/pooler/next-timeline"


# A file in the data directory of restored data: the lineage that they belong to. Replicas copy it with the data, also when they
# rewind. Data that were never restored have none.
LINEAGE_MARK = "pgfleet.lineage"


class Refused(Exception):
    """Explains in one line why nothing was done."""


class DataDirs:
    def __init__(self, current, operation):
        if not re.fullmatch(r"op_[0-9a-f-]{36}", operation):
            raise Refused("%r is no operation" % operation)
        self.current = current
        self.beside = "%s.restoring-%s" % (current, operation)
        self.before = "%s.before-%s" % (current, operation)
        self._undone = "%s.undone-%s" % (current, operation)
        self._notes = "%s.restore-%s.json" % (current, operation)
        # Statements that give roles the passwords that were in force before; see passwords.py.
        self.passwords = "%s.passwords-%s.sql" % (current, operation)

    # How far the restore has come --------------------------------------------------------------------------------------

    def notes(self):
        """The recorded facts of this restore: {} before it began; state: restoring, restored, promoted, recovered."""
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
        """Sets the current data aside. Data that are already recovered take their place."""
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
        """Moves the restored data, which are beside the data directory, into its place."""
        if not os.path.exists(self.beside):
            return
        if os.path.exists(self.current) and os.listdir(self.current):
            raise Refused("%s is not empty, and not of this restore." % self.current)
        refuse_running(self.beside)
        os.rename(self.beside, self.current)
        self._settle()

    def put_back(self):
        # The previous data's lineage has an archive, which must be asked.
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
        """Whether what was set aside, if anything, is in its place."""
        return os.path.exists(self._undone) or os.path.exists(self.beside) or not self.notes()

    def discard(self):
        for path in (self.beside, self.before, self._undone):
            delete(path)
        for path in (self._notes, self.passwords):
            if os.path.exists(path):
                os.unlink(path)
        print("Nothing is kept beside the data directory any more.")

    def others(self):
        """What other restores have set aside."""
        return self._of_others(".before-", self.before)

    def delete_given_up(self):
        """Deletes what other, abandoned restores had brought here."""
        for entry in self._of_others(".restoring-", self.beside):
            delete(os.path.join(os.path.dirname(self.current), entry))

    def _of_others(self, kind, own):
        parent, name = os.path.split(self.current)
        return [entry for entry in os.listdir(parent) if entry.startswith(name + kind) and os.path.join(parent, entry) != own]

    def _settle(self):
        """Makes a rename survive a power cut."""
        parent = os.open(os.path.dirname(self.current), os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)


def begin_lineage():
    """Patroni leads with the restored data next, and their archive is still empty: PostgreSQL need not ask it while customers wait."""
    if os.path.isdir(os.path.dirname(ARCHIVE_MARK)):
        with open("/proc/uptime", encoding="ascii") as uptime, open(ARCHIVE_MARK, "w", encoding="ascii") as mark:
            mark.write(uptime.read().split(".")[0] + "\n")


def delete(path):
    if os.path.exists(path):
        refuse_running(path)
        shutil.rmtree(path)
        print("%s is deleted." % path)


def delete_beside(data):
    """Deletes what any restore keeps beside the data directory."""
    parent, name = os.path.split(data)
    for entry in os.listdir(parent):
        if re.match(r"%s\.(restoring|before|undone|restore|passwords)-op_" % re.escape(name), entry):
            path = os.path.join(parent, entry)
            if os.path.isdir(path):
                delete(path)
            else:
                os.unlink(path)


def wait_until_ended(data):
    """Waits for the end of a server: a recovery that was cancelled a moment ago may still be stopping."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return refuse_running(data)
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def refuse_running(data):
    """Protects the data of a running server from being moved or deleted."""
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
    """The folder with the programs of the PostgreSQL version that the data belong to. FileNotFoundError: there are no data."""
    with open(data + "/PG_VERSION", encoding="ascii") as file:
        return "/usr/lib/postgresql/%s/bin/" % file.read().strip()
