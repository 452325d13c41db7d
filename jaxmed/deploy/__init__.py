"""Deployment: a trained model as files, and its answers without the code that trained it."""

from jaxmed.deploy.answers import answers, answers_of_texts
from jaxmed.deploy.card import Card
from jaxmed.deploy.export import export
from jaxmed.deploy.load import Loaded, load

__all__ = ["Card", "Loaded", "answers", "answers_of_texts", "export", "load"]
