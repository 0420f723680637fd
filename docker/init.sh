#!/bin/sh
# Prepare database, pool and bucket before Airflow starts; safe to repeat.
set -eu

airflow db migrate
airflow pools set ner_cpu "$NER_POOL_SLOTS" 'Heavy steps at one time, on all workers; each uses NER_THREADS threads'

# The only user of the web page. Only its owner may read the file.
umask 077
python -c 'import json, pathlib; print(json.dumps({"admin": pathlib.Path("/run/secrets/admin_password").read_text()}))' \
    > "$AIRFLOW_HOME/passwords.json"

# Create the bucket on our own server; on Amazon S3, create it with its policy, see docs/deployment.md.
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
print(f"bucket {bucket}: exists")
END
