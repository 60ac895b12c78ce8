"""`python -m tests.faults`: the campaign of faults."""

import sys

from tests.faults.campaign import main

sys.exit(main())
