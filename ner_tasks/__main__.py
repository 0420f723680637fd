"""`python -m ner_tasks <verb>`: every step from the shell, as Airflow runs it."""

import sys

from ner_tasks.cli.app import main

sys.exit(main())
