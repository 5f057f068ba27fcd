"""Renders a manifest's templates on the controller and has the machine apply it in one round trip.

See plugins/modules/converge.py for what a manifest holds. Templates are looked up in the role's templates folder.
"""

import json
import os

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

LISTS = ("users", "packages", "directories", "files", "absent", "commands", "units")
PROGRAM = os.path.join(os.path.dirname(__file__), "..", "modules", "converge.py")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        unknown = set(self._task.args) - set(LISTS)
        if unknown:
            raise AnsibleActionFail("converge does not know %s" % ", ".join(sorted(unknown)))
        manifest = {name: list(self._task.args.get(name) or []) for name in LISTS}
        files = [part for file in manifest["files"] for part in self._parts(dict(file))]
        manifest["files"] = [self._rendered(file, task_vars) for file in files]
        manifest["check"] = bool(self._task.check_mode)
        manifest["diff"] = bool(self._task.diff)
        result.update(self._apply(manifest, task_vars))
        return result

    def _parts(self, file):
        """Expands a folder of the role's files into its files."""
        folder = file.pop("folder", None)
        if not folder:
            return [file]
        source = self._find_needle("files", folder)
        parts = []
        for name in sorted(os.listdir(source)):
            if os.path.isfile(os.path.join(source, name)):
                content = self._loader.get_text_file_contents(os.path.join(source, name))
                parts.append({**file, "path": os.path.join(file["path"], name), "content": content})
        return parts

    def _rendered(self, file, task_vars):
        template = file.pop("template", None)
        variables = {**task_vars, **(file.pop("vars", None) or {})}
        if template:
            source = self._find_needle("templates", template)
            text = trust_as_template(self._loader.get_text_file_contents(source))
            templar = self._templar.copy_with_new_env(searchpath=[os.path.dirname(source)], available_variables=variables)
            file["content"] = templar.template(
                text, escape_backslashes=False, overrides={"trim_blocks": True, "lstrip_blocks": True}
            )
        if not isinstance(file.get("content", file.get("link")), str):
            raise AnsibleActionFail("%s needs one of template, content (text) or link" % file.get("path"))
        return file

    def _apply(self, manifest, task_vars):
        with open(PROGRAM, encoding="utf-8") as program:
            source = program.read()
        sent = "%s\nmain(json.loads(%r))\n" % (source, json.dumps(manifest))
        # -I -S: neither the user's site packages nor the environment can change what runs, and python starts faster
        interpreter = task_vars.get("ansible_python_interpreter", "/usr/bin/python3")
        answer = self._low_level_execute_command("%s -I -S -" % interpreter, in_data=sent.encode())
        try:
            return json.loads(answer["stdout"])
        except ValueError:
            # A traceback shows lines of the program but not the manifest's content, except in the source of its last line.
            errors = [line for line in answer["stderr"].strip().splitlines() if "main(json.loads" not in line]
            return {"failed": True, "msg": "converge could not run on the machine (exit %s)" % answer["rc"], "detail": "\n".join(errors[-5:])}
