"""`python -m ner_tasks <verb>`: every step from the shell, as Airflow runs it."""

import sys

from ner_tasks.cli import main

sys.exit(main())
