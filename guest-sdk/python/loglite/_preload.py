"""Modules that Python itself imports only once they are needed. A component has only what was imported while it was
built, so without this `datetime.strptime`, connecting to a name, or decoding Latin-1 would fail in it.
"""

import _strptime  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.cp1252  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.utf_8_sig  # noqa: F401
import encodings.utf_16  # noqa: F401
