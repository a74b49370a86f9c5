"""The examples in the documentation do what they say."""

import doctest
import importlib
import pkgutil
import unittest

import loglite


def load_tests(_loader, tests, _pattern):
    for module in pkgutil.iter_modules(loglite.__path__, "loglite."):
        tests.addTests(
            doctest.DocTestSuite(
                importlib.import_module(module.name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL
            )
        )
    return tests


if __name__ == "__main__":
    unittest.main()
