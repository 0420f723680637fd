#!/bin/sh
# What has to be there before Airflow's processes start; may be run again at any time.
set -eu

airflow db migrate
airflow pools set ner_cpu "$NER_POOL_SLOTS" 'Heavy steps at one time, on all workers; each uses NER_THREADS threads'

# The one user of the web page. Only its owner may read the file.
umask 077
python -c 'import json, pathlib; print(json.dumps({"admin": pathlib.Path("/run/secrets/admin_password").read_text()}))' \
    > "$AIRFLOW_HOME/passwords.json"

# A bucket of one's own server is made here; Amazon's is made by whoever writes its policy, docs/deployment.md.
[ -n "${AWS_ENDPOINT_URL:-}" ] || exit 0
python - <<'END'
import os

import boto3
from botocore.exceptions import ClientError

bucket = os.environ["NER_STORE"].removeprefix("s3://").partition("/")[0]
try:
    boto3.client("s3").create_bucket(Bucket=bucket)
except ClientError as error:
    if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
        raise
print(f"the bucket {bucket} is there")
END
