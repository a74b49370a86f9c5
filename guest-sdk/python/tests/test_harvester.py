"""What a harvester can rely on."""

import datetime
import logging
import unittest

import loglite
from loglite import _bindings
from loglite.testing import FakeHost


def exported(run):
    """Return the exported class of a harvester that does `run`."""

    class Plugin(loglite.Harvester):
        def run(self, config):
            run(config)

    return loglite.export_harvester(Plugin)()


class Ingest(unittest.TestCase):
    def test_a_list_within_the_limits_is_one_call_with_its_checkpoint(self):
        with FakeHost() as host:
            receipt = loglite.ingest([{"n": 1}, {"n": 2}], checkpoint={"offset": 2})
        self.assertEqual((receipt.stored, host.calls, host.checkpoint), (2, [2], b'{"offset":2}'))

    def test_too_many_entries_are_cut_and_keep_their_order(self):
        with FakeHost(max_entries=2) as host:
            receipt = loglite.ingest([{"n": n} for n in range(5)], checkpoint=5)
        self.assertEqual(host.calls, [2, 2, 1])
        self.assertEqual([entry["n"] for entry in host.stored], [0, 1, 2, 3, 4])
        self.assertEqual((receipt.stored, host.checkpoint), (5, b"5"))

    def test_too_many_bytes_are_cut_by_their_size_in_utf_8(self):
        with FakeHost(max_bytes=40) as host:
            loglite.ingest([{"m": "ü" * 10}] * 3, checkpoint=b"12345")
        self.assertEqual((host.calls, host.checkpoint), ([1, 1, 1], b"12345"))

    def test_nothing_is_stored_twice_when_a_later_call_is_too_large(self):
        entries = [{"n": 0}, {"n": 1}, {"m": "x" * 40}, {"m": "y" * 40}]
        with FakeHost(max_entries=2, max_bytes=60) as host:
            loglite.ingest(entries)
        self.assertEqual(host.stored, entries)

    def test_the_checkpoint_goes_with_the_last_call_only(self):
        seen = []
        with FakeHost(max_entries=1) as host:
            original = host.ingest
            host.ingest = lambda entries, checkpoint: seen.append(checkpoint) or original(entries, checkpoint)
            loglite.ingest([{}, {}], checkpoint=7)
        self.assertEqual(seen[-2:], [None, b"7"])

    def test_refused_entries_are_named_by_their_place_in_the_whole_list(self):
        with FakeHost(max_entries=2, refuse=lambda entry: "odd" if entry["n"] % 2 else None):
            receipt = loglite.ingest([{"n": n} for n in range(4)])
        self.assertEqual([(r.index, r.reason) for r in receipt.refused], [(1, "odd"), (3, "odd")])

    def test_an_entry_that_no_call_can_carry_is_an_error_that_names_it(self):
        with FakeHost(max_bytes=20), self.assertRaisesRegex(loglite.EntryTooLarge, "entry 1 .* raise `bytes_per_call`"):
            loglite.ingest([{}, {"m": "x" * 30}])

    def test_an_empty_list_stores_the_checkpoint_alone(self):
        with FakeHost() as host:
            loglite.ingest([], checkpoint="here")
        self.assertEqual((host.stored, host.checkpoint), ([], b'"here"'))

    def test_times_and_the_like_become_text(self):
        with FakeHost() as host:
            loglite.ingest([{"at": datetime.date(2026, 1, 2), "tags": {"a"}}])
        self.assertEqual(host.stored, [{"at": "2026-01-02", "tags": ["a"]}])

    def test_a_checkpoint_of_bytes_comes_back_as_it_was(self):
        with FakeHost():
            loglite.ingest([], checkpoint=b"\xff\x00")
            self.assertEqual(loglite.last_checkpoint_bytes(), b"\xff\x00")


class Run(unittest.TestCase):
    def test_the_configuration_is_handed_over_as_a_dict(self):
        seen = []
        exported(seen.append).run('{"interval": 5}')
        self.assertEqual(seen, [{"interval": 5}])

    def test_being_told_to_stop_is_a_normal_end(self):
        with FakeHost() as host:
            host.cut_off = True
            exported(lambda _: loglite.ingest([{}])).run("{}")
        self.assertEqual(host.stored, [])

    def test_an_invalid_configuration_is_told_apart_from_other_failures(self):
        def fail_with(error):
            def run(_):
                raise error

            with FakeHost(), self.assertRaises(_bindings.PluginFailure) as caught:
                exported(run).run("{}")
            return str(caught.exception), caught.exception.invalid_config

        self.assertEqual(fail_with(loglite.InvalidConfig("`a` is wrong")), ("`a` is wrong", True))
        self.assertEqual(fail_with(loglite.Failure("away")), ("away", False))

    def test_any_other_exception_is_a_failure_with_its_place(self):
        with FakeHost() as host, self.assertRaisesRegex(_bindings.PluginFailure, r"ZeroDivisionError: division by zero \(test_harvester.py, line \d+\)"):
            exported(lambda _: 1 / 0).run("{}")
        self.assertIn("Traceback", host.messages[0][1])

    def test_only_a_harvester_can_be_exported(self):
        with self.assertRaisesRegex(TypeError, "derived from loglite.Harvester"):
            loglite.export_harvester(dict)


class Log(unittest.TestCase):
    def test_the_standard_library_logs_through_the_handler(self):
        logger = logging.Logger("plugin")
        logger.addHandler(loglite.log.Handler())
        with FakeHost() as host:
            logger.warning("%d retries", 3)
            logger.critical("gone")
        self.assertEqual(host.messages, [("warn", "3 retries"), ("error", "gone")])


class Http(unittest.TestCase):
    def test_a_request_reaches_the_host_as_it_was_made(self):
        answer = loglite.http.Response(200, [("content-type", "text/plain")], b"ok")
        with FakeHost(respond=lambda request: answer) as host:
            response = loglite.http.request("POST", "https://a/", headers={"X": "1"}, body="ä", timeout=1.5)
        sent = host.requests[0]
        self.assertEqual((sent.method, sent.headers, sent.body), ("POST", [("X", "1")], "ä".encode()))
        self.assertEqual(sent.timeout_ms, 1500)
        self.assertEqual((response.ok, response.text(), response.header("Content-Type")), (True, "ok", "text/plain"))

    def test_a_server_that_is_not_granted_is_an_http_error(self):
        with FakeHost(), self.assertRaises(loglite.http.HttpError):
            loglite.http.get("https://a/")


if __name__ == "__main__":
    unittest.main()
