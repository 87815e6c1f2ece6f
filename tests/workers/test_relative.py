import torch
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from workers.runtimes.relative import buckets


def test_buckets_are_those_of_transformers_at_any_distance() -> None:
    places = torch.arange(600)
    theirs = MPNetEncoder.relative_position_bucket(places[None, :] - places[:, None])
    assert (theirs.numpy() == buckets(600)).all()
