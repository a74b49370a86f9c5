"""What componentize-py generates is translated into the package's own values. Stubs of its shape stand in for it."""

import importlib
import subprocess
import sys
import types
import unittest
from dataclasses import make_dataclass
from enum import Enum

import loglite
from loglite import _bindings, _host
from loglite.errors import TooManyBytes, TooManyEntries


def case(name, *fields):
    return make_dataclass(name, fields)


class Err(Exception):
    def __init__(self, value):
        self.value = value


def stubs(ingest, send, logged):
    """Return modules as componentize-py makes them for a world with everything."""
    verdicts = {f"Verdict_{name}": case(f"Verdict_{name}", "value") for name in ("Replace", "Split", "Refuse")}
    http_errors = {name: case(name, "value") for name in ("HttpError_Denied", "HttpError_InvalidRequest", "HttpError_TooLarge")}
    modules = {
        "componentize_py_types": {"Err": Err},
        "wit_world": {},
        "wit_world.imports": {},
        "wit_world.exports": {},
        "wit_world.imports.logging": {
            "Level": Enum("Level", ["DEBUG", "INFO", "WARN", "ERROR"]),
            "log": lambda level, message: logged.append((level.name, message)),
        },
        "wit_world.imports.types": {
            name: case(name, "value") for name in ("Failure_InvalidConfig", "Failure_Failed")
        },
        "wit_world.imports.lifecycle": {"stopping": lambda: False, "sleep": lambda milliseconds: milliseconds == 1500},
        "wit_world.imports.ingestor": {
            "IngestError_TooManyEntries": case("IngestError_TooManyEntries", "value"),
            "IngestError_TooManyBytes": case("IngestError_TooManyBytes", "value"),
            "ingest": ingest,
            "last_checkpoint": lambda: b"7",
        },
        "wit_world.imports.http": {
            **http_errors,
            "HttpError_Timeout": case("HttpError_Timeout"),
            "Request": case("Request", "method", "url", "headers", "body", "timeout_ms"),
            "send": send,
        },
        "wit_world.exports.transform": {"Verdict_Keep": case("Keep"), "Verdict_Drop": case("Drop"), **verdicts},
    }
    made = {}
    for name, members in modules.items():
        made[name] = types.ModuleType(name)
        vars(made[name]).update(members)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, made[name])
    return made


class InComponent(unittest.TestCase):
    def setUp(self):
        self.logged = []
        self.answer = None
        self.modules = stubs(self.respond, self.respond, self.logged)
        sys.modules.update(self.modules)
        importlib.reload(_bindings)
        self.addCleanup(self.leave)

    def leave(self):
        for name in self.modules:
            del sys.modules[name]
        _host.install(None)
        importlib.reload(_bindings)

    def respond(self, *_):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def error(self, module, name, *values):
        return Err(getattr(self.modules[f"wit_world.imports.{module}"], name)(*values))

    def test_each_verdict_becomes_its_case(self):
        verdicts = [loglite.keep(), loglite.drop(), loglite.replace("{}"), loglite.split(["{}"]), loglite.refuse("no")]
        made = [_bindings.verdict(verdict) for verdict in verdicts]
        names = ["Keep", "Drop", "Verdict_Replace", "Verdict_Split", "Verdict_Refuse"]
        self.assertEqual([type(verdict).__name__ for verdict in made], names)
        self.assertEqual([verdict.value for verdict in made[2:]], ["{}", ["{}"], "no"])

    def test_a_failure_is_the_err_that_the_bindings_raise(self):
        raised = _bindings.failure("`a` is wrong", invalid_config=True)
        self.assertEqual((type(raised.value).__name__, raised.value.value), ("Failure_InvalidConfig", "`a` is wrong"))

    def test_the_errors_of_ingest_are_told_apart(self):
        host = _bindings.ComponentHost()
        for name, expected in (("IngestError_TooManyEntries", TooManyEntries), ("IngestError_TooManyBytes", TooManyBytes)):
            self.answer = self.error("ingestor", name, 9)
            with self.assertRaises(expected) as caught:
                host.ingest([], None)
            self.assertEqual(caught.exception.limit, 9)
        self.answer = Err(object())
        with self.assertRaises(loglite.Stopping):
            host.ingest([], None)

    def test_a_receipt_is_taken_over(self):
        refusal = types.SimpleNamespace(index=1, reason="bad")
        self.answer = types.SimpleNamespace(stored=2, dropped=1, refused=[refusal])
        receipt = loglite.ingest([{}, {}])
        self.assertEqual((receipt.stored, receipt.dropped, receipt.refused[0].reason), (2, 1, "bad"))

    def test_the_errors_of_http_are_told_apart(self):
        for name, values, expected in (
            ("HttpError_Denied", ["no"], loglite.http.Denied),
            ("HttpError_InvalidRequest", ["no"], loglite.http.InvalidRequest),
            ("HttpError_Timeout", [], loglite.http.Timeout),
            ("HttpError_TooLarge", [9], loglite.http.TooLarge),
        ):
            self.answer = self.error("http", name, *values)
            with self.assertRaises(expected):
                loglite.http.get("https://a/")

    def test_time_log_and_checkpoint_reach_the_host(self):
        loglite.log.warning("careful")
        self.assertTrue(loglite.sleep(1.5))
        self.assertEqual((loglite.last_checkpoint(), self.logged), (7, [("WARN", "careful")]))


class Preload(unittest.TestCase):
    def test_what_python_would_import_too_late_is_there(self):
        wanted = "{'_strptime', 'encodings.idna', 'encodings.latin_1'}"
        subprocess.run([sys.executable, "-c", f"import loglite, sys; assert {wanted} <= sys.modules.keys()"], check=True)


if __name__ == "__main__":
    unittest.main()
