"""Runs moto's server. It gives the times of DMS as ISO text, where the protocol (JSON 1.1) has numbers and the Rust SDK
takes nothing else; boto3 takes both. So they are put right here. It ends when its standard input does."""

import os
import sys
import threading
from datetime import datetime

from moto.dms import models
from moto.server import main


def with_numbers(value):
    if isinstance(value, dict):
        return {k: number(v) if k.endswith(("Date", "Time")) else with_numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_numbers(v) for v in value]
    return value


def number(value):
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


for kind in (models.FakeReplicationTask, models.FakeReplicationInstance):
    kind.to_dict = lambda self, original=kind.to_dict: with_numbers(original(self))

threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
main(sys.argv[1:])
