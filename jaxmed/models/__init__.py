"""Flax Linen modules. The only place that imports `flax.linen`.

Every network is called as `network(inputs, train=..., mask=...)` with rows first, returns
[batch, outputs], and keeps its variables outside: `init` makes them, `apply` takes them.
"""

from jaxmed.models.cnn import ConvNet, SimpleCNN
from jaxmed.models.sentence_tagger import SentenceTagger
from jaxmed.models.intermediates import intermediates, named
from jaxmed.models.mlp import MLP
from jaxmed.models.hashed_ngrams import PhraseBag
from jaxmed.models.recurrent import RecurrentEncoder
from jaxmed.models.resnet import ResNet, ResNetStages, resnet18, resnet34, resnet50
from jaxmed.models.sparse_linear import TermSum
from jaxmed.models.text import AttentionPooling, ConvEncoder, TextClassifier, WordPredictor
from jaxmed.models.transformer import TransformerEncoder
from jaxmed.models.vit import ViT, vit_base, vit_small, vit_tiny

__all__ = [
    "MLP",
    "AttentionPooling",
    "ConvEncoder",
    "ConvNet",
    "PhraseBag",
    "RecurrentEncoder",
    "ResNet",
    "ResNetStages",
    "SentenceTagger",
    "SimpleCNN",
    "TermSum",
    "TextClassifier",
    "TransformerEncoder",
    "ViT",
    "WordPredictor",
    "intermediates",
    "named",
    "resnet18",
    "resnet34",
    "resnet50",
    "vit_base",
    "vit_small",
    "vit_tiny",
]
