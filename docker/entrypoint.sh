#!/bin/sh
# Files are readable by their owner only: they include documents, answers and logs. NER_UMASK=0007 admits the group, for
# containers of one deployment that run as different users of group 0.
set -eu
umask "${NER_UMASK:-0077}"
exec "$@"
