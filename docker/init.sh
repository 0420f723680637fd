#!/bin/sh
# What has to be there before Airflow's processes start; may be run again at any time.
set -eu

airflow db migrate
airflow pools import "$NER_HOME/plugins/ner_airflow/pools.json"

# The one user of the web page. Only its owner may read the file.
umask 077
python -c 'import json, os; print(json.dumps({"admin": os.environ["NER_ADMIN_PASSWORD"]}))' > "$AIRFLOW_HOME/passwords.json"
