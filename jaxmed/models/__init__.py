"""Networks and the layers that they are made of: Flax Linen modules.

A network is called as `network(inputs, train=..., mask=...)`, rows first, and most return
[batch, outputs]. It keeps no state: `init` makes the variables, `apply` uses them. Attributes that
no network can have, such as a width of 0, are refused with a ValueError when it is made. This is
the only package that imports `flax.linen`.
"""

from jaxmed.models import crf, layers
from jaxmed.models.autoencoder import (
    Autoencoder,
    DenseDecoder,
    ImageEncoder,
    Sum,
    VariationalAutoencoder,
)
from jaxmed.models.bins_gru import BinsGRU
from jaxmed.models.cnn import ConvNet, SimpleCNN
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.dmpnn import DMPNN
from jaxmed.models.event_set import EventSet
from jaxmed.models.gru_d import GRUD
from jaxmed.models.hashed_ngrams import HashedNgrams
from jaxmed.models.heads import MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.models.hydra import hydra
from jaxmed.models.image_decoder import ImageDecoder
from jaxmed.models.inception_time import InceptionStages, InceptionTime
from jaxmed.models.intermediates import capture, intermediates
from jaxmed.models.layers import AttentionPooling
from jaxmed.models.minirocket import minirocket
from jaxmed.models.mixed_precision import in_dtype
from jaxmed.models.mlp import MLP
from jaxmed.models.network import Network
from jaxmed.models.recurrent import RecurrentEncoder
from jaxmed.models.resnet import ResNet, resnet18, resnet34, resnet50
from jaxmed.models.resnet1d import ResNet1d, ResNet1dStages
from jaxmed.models.resnet_stages import ResNetStages
from jaxmed.models.scattering import scattering
from jaxmed.models.sentence_tagger import SentenceTagger
from jaxmed.models.signal_classifier import SignalClassifier
from jaxmed.models.sparse_linear import SparseLinear
from jaxmed.models.summed_logits import SummedLogits
from jaxmed.models.tarnet import DragonNet, TARNet
from jaxmed.models.text import ConvEncoder, TextClassifier
from jaxmed.models.transformer import TransformerEncoder
from jaxmed.models.unet import UNet
from jaxmed.models.unet_plan import UNetPlan, unet_plan
from jaxmed.models.vit import ViT, vit_base, vit_small, vit_tiny
from jaxmed.models.word_predictor import WordPredictor

__all__ = [
    "DMPNN",
    "GRUD",
    "MLP",
    "AttentionPooling",
    "Autoencoder",
    "BinsGRU",
    "ConvEncoder",
    "ConvNet",
    "ConvStages",
    "DenseDecoder",
    "DragonNet",
    "EventSet",
    "HashedNgrams",
    "ImageDecoder",
    "ImageEncoder",
    "InceptionStages",
    "InceptionTime",
    "MaskedAutoencoder",
    "Network",
    "PooledClassifier",
    "Projector",
    "RecurrentEncoder",
    "ResNet",
    "ResNet1d",
    "ResNet1dStages",
    "ResNetStages",
    "SentenceTagger",
    "SignalClassifier",
    "SimpleCNN",
    "SparseLinear",
    "Sum",
    "SummedLogits",
    "TARNet",
    "TextClassifier",
    "TransformerEncoder",
    "UNet",
    "UNetPlan",
    "VariationalAutoencoder",
    "ViT",
    "WordPredictor",
    "capture",
    "crf",
    "hydra",
    "in_dtype",
    "intermediates",
    "layers",
    "minirocket",
    "resnet18",
    "resnet34",
    "resnet50",
    "scattering",
    "unet_plan",
    "vit_base",
    "vit_small",
    "vit_tiny",
]
