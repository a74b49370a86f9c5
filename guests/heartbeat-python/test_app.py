"""What the heartbeat does. Run by: PYTHONPATH=../../guest-sdk/python python3 -m unittest"""

import json
import unittest
from datetime import datetime

import loglite
from app import Heartbeat
from loglite.testing import FakeHost


class Beats(unittest.TestCase):
    def test_it_beats_once_per_interval_until_it_is_stopped(self):
        with FakeHost(stop_after_sleeps=3) as host:
            Heartbeat().run({"interval": 2, "service": "billing"})
        self.assertEqual([entry["message"] for entry in host.stored], ["heartbeat 1", "heartbeat 2", "heartbeat 3"])
        self.assertEqual({entry["service"] for entry in host.stored}, {"billing"})
        self.assertEqual(host.slept, 6.0)

    def test_counting_goes_on_after_a_restart(self):
        with FakeHost(checkpoint=b"41") as host:
            Heartbeat().run({})
        self.assertEqual((host.stored[0]["message"], json.loads(host.checkpoint)), ("heartbeat 42", 42))

    def test_the_timestamp_is_of_now_in_utc(self):
        with FakeHost() as host:
            Heartbeat().run({})
        self.assertEqual(datetime.fromisoformat(host.stored[0]["timestamp"]).utcoffset().total_seconds(), 0)

    def test_level_and_message_can_be_chosen(self):
        with FakeHost() as host:
            Heartbeat().run({"level": "DEBUG", "message": "alive"})
        self.assertEqual((host.stored[0]["level"], host.stored[0]["message"]), ("DEBUG", "alive"))

    def test_a_wrong_interval_is_named(self):
        for interval in (0, -1, "5", True, None, 1e9):
            with self.subTest(interval), FakeHost(), self.assertRaisesRegex(loglite.InvalidConfig, "`interval`"):
                Heartbeat().run({"interval": interval})

    def test_an_unknown_key_is_named(self):
        with FakeHost(), self.assertRaisesRegex(loglite.InvalidConfig, "`intervall`"):
            Heartbeat().run({"intervall": 1})


if __name__ == "__main__":
    unittest.main()
