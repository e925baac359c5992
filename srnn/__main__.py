"""``python -m srnn``: see :mod:`srnn.cli`."""

import sys

from srnn.cli import main

sys.exit(main())
