"""`python -m rlhp_ray.cli` is `rlhp`."""

import sys

from rlhp_ray.cli.main import main

sys.exit(main())
