"""`python -m ner_tasks <command>`: runs one step from the shell, as Airflow does."""

import sys

from ner_tasks.cli.app import main

sys.exit(main())
