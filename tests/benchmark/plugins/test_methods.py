"""Methods by name: what is found, and how what is not found or broken is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest
from cadbench.benchmark.plugins import methods as registry
from cadbench.results.errors import CadbenchError, UsageError


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Offer entry points (name=target) instead of the installed ones."""

    def offer(**targets: str) -> None:
        points = {n: (EntryPoint(n, t, registry.METHODS),) for n, t in targets.items()}
        monkeypatch.setattr(registry, "providers", lambda group: points)

    registry.load_method.cache_clear()
    yield offer
    registry.load_method.cache_clear()


def test_the_built_in_methods_are_installed_and_listed_in_order():
    names = registry.method_names()
    assert set(names) >= {"finetune", "joint", "mecad", "patchcore", "per_category", "replay"}
    assert list(names) == sorted(names)


def test_a_name_loads_the_class_of_its_entry_point():
    from cadbench.methods.banks.finetune import FineTune

    assert registry.load_method("finetune") is FineTune


def test_a_misspelled_name_gets_a_suggestion_and_the_known_names(offered):
    offered(mecad="mecad.method:Mecad", replay="cadbench.methods.banks.replay:Replay")
    with pytest.raises(UsageError) as refused:
        registry.load_method("mecda")
    assert str(refused.value) == (
        "unknown method 'mecda' (did you mean mecad?); available: mecad, replay; for a class that "
        "is not installed, write package.module:Class"
    )


def test_strategies_are_listed_for_the_detector_that_was_named_only(offered):
    names = ("rd4ad+naive", "rd4ad+ewc", "vae+naive", "vae+ewc")
    offered(**dict.fromkeys(names, "cadbench.methods.banks.replay:Replay"))
    with pytest.raises(UsageError, match=r"available: rd4ad\+ewc, rd4ad\+naive, vae\+STRATEGY; "):
        registry.load_method("rd4ad+x")


def test_without_any_method_the_error_asks_whether_cadbench_is_installed(offered):
    offered()
    with pytest.raises(UsageError, match="is cadbench installed"):
        registry.load_method("mecad")


def test_a_plugin_that_cannot_be_imported_is_one_line_with_name_target_and_reason(
    offered, tmp_path, monkeypatch
):
    (tmp_path / "broken_plugin.py").write_text('raise RuntimeError("first\\nsecond")\n')
    monkeypatch.syspath_prepend(tmp_path)
    offered(mine="broken_plugin:Mine", gone="no_such_plugin:Gone", named="json:Nothing")
    with pytest.raises(CadbenchError) as refused:
        registry.load_method("mine")
    assert str(refused.value) == (
        "method 'mine' (broken_plugin:Mine) cannot be imported: RuntimeError: first second; fix "
        "or uninstall the package"
    )
    with pytest.raises(CadbenchError, match=r"'gone' .* ModuleNotFoundError: No module named"):
        registry.load_method("gone")
    with pytest.raises(CadbenchError, match=r"'named' \(json:Nothing\) cannot .* AttributeError"):
        registry.load_method("named")


@pytest.mark.parametrize("target", ["json:dumps", "json:JSONDecoder"])
def test_an_entry_point_that_is_no_method_is_refused(offered, target):
    offered(mine=target)
    with pytest.raises(CadbenchError, match=f"'mine' \\({target}\\) is not a subclass of"):
        registry.load_method("mine")


def test_a_family_of_installed_methods_is_never_read_as_a_module_and_a_class(offered):
    from cadbench.methods.banks.finetune import FineTune

    offered(
        **{
            "json:Bank": "cadbench.methods.banks.finetune:FineTune",
            "json:Other": "cadbench.methods.banks.joint:Joint",
        }
    )
    assert registry.load_method("json:Bank") is FineTune
    assert not registry.is_reference("json:JSONDecoder")
    with pytest.raises(UsageError) as refused:
        registry.load_method("json:Bnak")
    assert str(refused.value) == (
        "unknown method 'json:Bnak' (did you mean json:Bank?); available: json:Bank, json:Other"
    )
    with pytest.raises(UsageError, match="unknown method 'json:Quite'; available:"):
        registry.load_method("json:Quite")
    assert registry.is_reference("json.decoder:JSONDecoder")
    assert registry.method_of_record("json:Other").__name__ == "Joint"


def test_a_detector_of_a_module_has_every_strategy(tmp_path, monkeypatch):
    (tmp_path / "own_detector.py").write_text(
        "from cadbench import Method\n"
        "from cadbench.methods.trained.feature_ae import FeatureAE\n"
        "class Own(FeatureAE):\n    'A detector.'\n"
        "class Plain(Method):\n    'No detector.'\n"
        "    observe = score = memory = state_dict = load_state_dict = None\n"
    )
    monkeypatch.chdir(tmp_path)
    kind = registry.load_method("own_detector:Own+ewc")
    assert issubclass(kind, registry.load_method("own_detector:Own"))
    assert {"epochs", "ewc_lambda"} <= kind.Params().as_dict().keys()
    assert registry.name_of_class(kind) == "own_detector:OwnEWC"
    with pytest.raises(UsageError, match=r"unknown strategy 'ewk' \(did you mean ewc\?\)"):
        registry.load_method("own_detector:Own+ewk")
    with pytest.raises(UsageError, match="Plain has no continual strategies"):
        registry.load_method("own_detector:Plain+ewc")
