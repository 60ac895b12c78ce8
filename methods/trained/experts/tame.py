"""TAME: the stream's own losses decide which network learns; no boundary is given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....benchmark.interface.context import MethodContext
from ....benchmark.interface.experience import TrainExperience
from ....benchmark.interface.method import State
from ....benchmark.interface.params import param
from .expert_detector import ExpertDetector, ExpertParams
from .switching import SwitchingRule

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class TameParams(ExpertParams):
    """Chosen by the boundaries found on training images, see docs/boundaries.md."""

    window: int = param(3, "batches whose losses give the threshold of an expert", low=2)
    smoothing: float = param(0.5, "weight of the newest loss in the smoothed one", above=0, high=1)
    floor: float = param(0.01, "least deviation, as a share of the untrained loss", low=0)


class Tame(ExpertDetector):
    """Starts a network, or returns to one, when the loss of the stream leaves its range (TAME).

    The images of an experience are read once, batch by batch, in the order of the stream. The
    chosen expert is then trained on the images since the last switch, as many steps per batch as a
    network has epochs. Category names and the beginnings of experiences are ignored.
    """

    recurring = True
    finds_boundaries = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.rule = SwitchingRule(params.window, params.smoothing, params.floor)

    def owner_of(self, category: str | None) -> int | None:
        return None

    def learn(self, experience: TrainExperience) -> None:
        from ..stored_images import as_floats, read_experience

        data = read_experience(experience, self.inputs)
        values, size = data["values"].to(self.context.device), self.params.batch_size
        learned: dict[int, Counter[int]] = {}
        begin, optimizer = 0, None
        for start in range(0, len(values), size):
            end = min(start + size, len(values))
            batch = as_floats(values[start:end]).to(self.context.device)
            if self._switch(batch, start // size + 1, end) or optimizer is None:
                begin, optimizer = start, self.optimizer(self.experts[self.rule.active])
            self._train(optimizer, values[begin:end])
            for number in data["targets"][start:end]:
                learned.setdefault(number, Counter())[self.rule.active] += 1
        for number, category in enumerate(experience.categories, experience.categories_before):
            most = learned[number].most_common(1)[0][0]
            self.own(category, most, "it learned most of the images")

    def state_dict(self) -> State:
        return {**super().state_dict(), "rule": self.rule.state()}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.rule.restore(state["rule"])
        self.network = self.experts[self.rule.active]

    def _switch(self, batch: Tensor, step: int, image: int) -> bool:
        """Choose the expert that learns a batch; return whether it is another one than before.

        Args:
            batch: the images.
            step: number of the batch in the experience, from 1.
            image: images of the experience up to the end of the batch.
        """
        losses = [self._loss(network, batch) for network in self.experts]
        before = self.rule.active
        chosen = self.rule.choose(losses)
        active = self.rule.experts[before] if before >= 0 else None
        known = len(self.experts)
        if chosen is None and known == self.params.max_experts:
            chosen = losses.index(min(losses))
        if chosen is None:
            self.experts.append(self.untrained())
            losses.append(self._loss(self.experts[-1], batch))
            chosen = self.rule.add(losses[-1])
        self.rule.learn(chosen, losses[chosen])
        self.network = self.experts[chosen]
        record, switched = self.context.record, active is not None and chosen != before
        if switched and active is not None:
            record(
                "switch",
                image=image,
                expert=chosen,
                reason="a new expert" if chosen == known else f"back to expert {chosen}",
                smoothed=active.smoothed,
                threshold=active.threshold,
            )
        threshold = self.rule.experts[chosen].threshold
        record("batch", step=step, loss=losses[chosen], threshold=threshold, expert=chosen)
        return switched

    def _loss(self, network: Any, batch: Tensor) -> float:
        """Mean loss of a batch in evaluation mode, of all patches."""
        import torch

        with torch.no_grad():
            return float(network.eval()(batch).square().sum(1).mean())

    def _train(self, optimizer: torch.optim.Optimizer, values: Tensor) -> None:
        """Train the active expert on random batches of the images since the last switch."""
        import torch

        from ..stored_images import as_floats

        network = self.network
        assert network is not None
        network.train()
        network.mixed = self.params.precision == "mixed"
        for _ in range(self.params.epochs):
            rows = torch.randperm(len(values))[: self.params.batch_size]
            batch = as_floats(values[rows]).to(self.context.device)
            (view,) = self.training_view([batch])
            optimizer.zero_grad()
            network(view).square().sum(1).mean().backward()
            optimizer.step()
