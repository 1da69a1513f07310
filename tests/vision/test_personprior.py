"""The prior of people: the shipped one fits the shipped models and is sane; broken ones are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.damaged import check_reader
from tests.vision.madeprior import made_prior
from vidface.errors import ModelError
from vidface.infer import weights
from vidface.vision.personprior import PersonPrior, terms


@pytest.fixture(scope="module")
def shipped() -> PersonPrior:
    return PersonPrior.load(weights.verify("vidface-person").path)


def test_the_shipped_prior_belongs_to_the_shipped_models(shipped: PersonPrior) -> None:
    """Whoever trains the embedder or the mesh model anew must measure the prior anew."""
    used = {
        name: f"{model}@{weights.verify(model).sha256[:12]}"
        for name, model in (("embedder", "vidface-embed"), ("mesh_model", "vidface-meshmodel"))
    }
    shipped.check(**used, prior="vidface-person")
    with pytest.raises(ModelError, match="measure anew"):
        shipped.check(embedder="other@1", mesh_model=used["mesh_model"], prior="vidface-person")


def test_the_shipped_prior_is_sane(shipped: PersonPrior) -> None:
    """More references and clearer looks mean more likeness; spreads are above 0; covariances are ones."""
    for usual in (shipped.whole, shipped.inner, shipped.outer):
        one, many, blurred = (usual @ terms(*given) for given in ((1, 0.95), (10, 0.95), (10, 0.5)))
        assert blurred[0] < many[0] > one[0]
        assert min(one[1], many[1], blurred[1]) > 0.03
    assert np.linalg.eigvalsh(shipped.shape_cov).min() > 0
    assert (shipped.shape_level[:, 1] > 0).all()
    assert shipped.manner_level[1] > 0
    assert shipped.drift_sd[0] > 0
    assert shipped.drift[2] > 0, "a head that turns more wanders more"


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    made_prior(8).save(tmp_path / "p.npz")
    assert PersonPrior.load(tmp_path / "p.npz").whole.tolist() == made_prior(8).whole.tolist()


def test_whatever_is_damaged_is_told(tmp_path: Path) -> None:
    made_prior(8).save(tmp_path / "p.npz")
    check_reader(tmp_path / "p.npz", PersonPrior.load, ModelError)


def test_broken_priors_are_told(tmp_path: Path) -> None:
    """Missing, text, half of one, one that lacks an array, NaN."""
    path = tmp_path / "p.npz"
    with pytest.raises(ModelError, match="no prior"):
        PersonPrior.load(path)
    path.write_text("no zip")
    with pytest.raises(ModelError, match="no prior"):
        PersonPrior.load(path)
    made_prior(8).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ModelError, match="no prior"):
        PersonPrior.load(path)
    np.savez(path, whole=np.zeros((2, 4)))
    with pytest.raises(ModelError, match="no prior"):
        PersonPrior.load(path)
    with pytest.raises(ValueError, match="finite"):
        made_prior(8, parted=np.array([np.nan, 1.0]))
