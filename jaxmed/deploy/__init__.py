"""A finished model as files, and what it says where its code is gone."""

from jaxmed.deploy.answers import answers, answers_of_texts
from jaxmed.deploy.card import Card
from jaxmed.deploy.export import export
from jaxmed.deploy.load import Loaded, load

__all__ = ["Card", "Loaded", "answers", "answers_of_texts", "export", "load"]
