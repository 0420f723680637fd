from ner_tasks.entities import TextEntity as TextEntity
from ner_tasks.inference.tagger import Tagger as Tagger

__version__: str
