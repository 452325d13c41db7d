"""`python -m jaxmed.cli`."""

import sys

from jaxmed.cli.main import main

sys.exit(main())
