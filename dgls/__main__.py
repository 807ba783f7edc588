"""`python -m dgls` is `dgls`."""

import sys

from dgls.cli.main import main

sys.exit(main())
