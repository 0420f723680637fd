"""The drawn pages of this server, all of whose requests share a cache."""

from functools import cache

from ner_tasks.dashboard.page_pictures import PagePictures
from ner_tasks.settings import Settings


@cache
def open_pictures() -> PagePictures | None:
    """Open them; None if the deployment shows no original pages."""
    settings = Settings.from_env()
    return PagePictures(settings.scratch, ocr=settings.ocr) if settings.original_pages else None
