#!/usr/bin/env python3
"""Stands in for journalctl: its journal is a file of one record per line, in the order of their cursors.

It knows the options that loglite gives it: what it prints is JSON, after a cursor or from the begin, and it follows.
"""

import json
import os
import sys
import time

cursor, count, follows, matches = None, None, False, []
for option in sys.argv[1:]:
    name, _, value = option.partition("=")
    if name == "--after-cursor":
        cursor = value
    elif name == "--lines":
        count = int(value)
    elif name == "--follow":
        follows = True
    elif name == "--unit":
        matches.append(("_SYSTEMD_UNIT", value))
    elif not name.startswith("-"):
        matches.append((name, value))
    elif option not in ("--output=json", "--all", "--no-pager", "--no-tail"):
        sys.exit(f"journalctl: unrecognized option {option!r}")


def wanted(line):
    record = json.loads(line)
    return all(record.get(name) == value for name, value in matches)


with open(os.environ["JOURNAL"]) as journal:
    if cursor is not None:
        for line in journal:
            if json.loads(line)["__CURSOR"] == cursor:
                break
        else:
            sys.exit("Failed to seek to cursor: Invalid argument")
    if count is not None:
        sys.stdout.writelines([line for line in journal if wanted(line)][-count:])
    while count is None:
        line = journal.readline()
        if line.endswith("\n"):
            if wanted(line):
                sys.stdout.write(line)
            continue
        sys.stdout.flush()
        if not follows:
            break
        journal.seek(journal.tell() - len(line))
        time.sleep(0.01)
