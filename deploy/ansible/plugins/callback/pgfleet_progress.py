"""Writes a playbook's progress, one JSON object per line, to the file or FIFO that PGFLEET_PROGRESS names.

    {"event": "play",  "time": …, "play": …}
    {"event": "task",  "time": …, "play": …, "task": …}
    {"event": "host",  "time": …, "play": …, "task": …, "host": …, "status": "ok|changed|failed|unreachable|skipped",
     "message": …, "duration": …}                                  duration in seconds, of this task on this host
    {"event": "stats", "time": …, "duration": …, "hosts": {host: {"ok", "changed", "failures", "unreachable", "skipped"}}}

time is seconds since the epoch. message is the module's `msg`, followed by `detail` or stderr if the task failed. A task with
no_log has no message. Without PGFLEET_PROGRESS the plugin is silent. A reader that goes away never fails a run.
"""

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: pgfleet_progress
type: notification
short_description: one JSON object per line about plays, tasks, hosts and the end
description: Writes to the file or FIFO named by the environment variable PGFLEET_PROGRESS.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "pgfleet_progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        path = os.environ.get("PGFLEET_PROGRESS")
        if not path:
            self.disabled = True
            return
        self._out = open(path, "a", buffering=1, encoding="utf-8")
        self._play = ""
        self._began = time.time()
        self._task_began = {}  # (task uuid, host) → when the task started there

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_name().strip()
        self._emit("play", play=self._play)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._emit("task", play=self._play, task=task.get_name().strip())

    v2_playbook_on_handler_task_start = lambda self, task: self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host, task):
        self._task_began[(task._uuid, host.get_name())] = time.time()

    def v2_runner_on_ok(self, result):
        self._host(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._host(result, "ok" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result):
        self._host(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        self._host(result, "skipped")

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._emit("stats", duration=round(time.time() - self._began, 3), hosts=hosts)

    def _host(self, result, status):
        host = result._host.get_name()
        began = self._task_began.pop((result._task._uuid, host), None)
        self._emit(
            "host",
            play=self._play,
            task=result._task.get_name().strip(),
            host=host,
            status=status,
            message=self._message(result, status),
            duration=round(time.time() - began, 3) if began else None,
        )

    def _message(self, result, status):
        if result._task.no_log or result._result.get("_ansible_no_log"):
            return ""
        said = result._result
        parts = [said.get("msg") or ""]
        if status in ("failed", "unreachable"):
            parts.append(said.get("detail") or said.get("stderr") or said.get("module_stderr") or "")
        return "\n".join(str(part) for part in parts if part)[:4000]

    def _emit(self, event, **fields):
        try:
            self._out.write(json.dumps({"event": event, "time": round(time.time(), 3), **fields}) + "\n")
        except OSError:
            self.disabled = True
