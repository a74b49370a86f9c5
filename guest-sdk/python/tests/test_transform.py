"""What a transform can rely on."""

import unittest

import loglite
from loglite import _bindings
from loglite.testing import FakeHost


class Echo(loglite.Transform):
    """Answers with the verdict that its configuration names."""

    def configure(self, config):
        if "answer" not in config:
            raise loglite.InvalidConfig("`answer` is missing")
        self.answer = config["answer"]

    def apply(self, entry):
        if self.answer == "source":
            return loglite.replace({**entry, "source": self.source})
        return {"keep": loglite.keep(), "none": None, "refuse": loglite.refuse("no")}[self.answer]


def apply(answer, *texts):
    transform = loglite.export_transform(Echo)()
    transform.configure(f'{{"answer": "{answer}"}}')
    return transform.apply("http", list(texts))


class Apply(unittest.TestCase):
    def test_each_entry_gets_its_verdict_in_order(self):
        self.assertEqual(apply("refuse", "{}", "{}"), [loglite.refuse("no")] * 2)

    def test_the_source_is_known(self):
        self.assertEqual(apply("source", '{"a":"ü"}'), [loglite.replace('{"a":"ü","source":"http"}')])

    def test_what_is_no_object_is_left_to_loglite(self):
        self.assertEqual(apply("refuse", "[1]"), [loglite.keep()])

    def test_a_forgotten_verdict_is_an_error_that_names_the_way_out(self):
        with self.assertRaisesRegex(TypeError, r"Echo.apply must return loglite.keep\(\)"):
            apply("none", "{}")

    def test_an_invalid_configuration_is_told(self):
        with FakeHost(), self.assertRaises(_bindings.PluginFailure) as caught:
            loglite.export_transform(Echo)().configure("{}")
        self.assertTrue(caught.exception.invalid_config)

    def test_the_exported_class_may_be_made_anew_between_calls(self):
        exported = loglite.export_transform(Echo)
        exported().configure('{"answer": "keep"}')
        self.assertEqual(exported().apply("http", ["{}"]), [loglite.keep()])


if __name__ == "__main__":
    unittest.main()
