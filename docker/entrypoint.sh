#!/bin/sh
# Whatever a container runs writes files for its own user alone: documents, answers and logs are among them.
# NER_UMASK=0007 lets the group in as well, where containers of one deployment run as different users of group 0.
set -eu
umask "${NER_UMASK:-0077}"
exec "$@"
