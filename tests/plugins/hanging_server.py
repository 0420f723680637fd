"""In the place of a warm server: one that never has loaded its libraries."""

import time

time.sleep(30)
