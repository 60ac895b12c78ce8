"""UCAD: one key, one prompt and one knowledge bank per category, on a frozen transformer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import CellFacts, Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..deterministic import deterministic
from ..patch_prediction import predict_from_distances
from ..routing.registry import ROUTERS
from ..routing.router import Candidates
from .segments import check_source, resolve_source, segments_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class UcadParams(Params):
    """The source's sizes and training; without segments there is nothing to train."""

    key_size: int = param(196, "vectors in the key of each category", low=1)
    knowledge_size: int = param(196, "vectors in the knowledge bank of each category", low=1)
    prompt_length: int = param(1, "key and value vectors of the prompt, per block", low=1)
    segments: str = param(
        "none", "regions for contrastive training: none (untrained prompts), slic, or files"
    )
    epochs: int = param(25, "passes over the training images of a category", low=1)
    batch_size: int = param(8, "images per training step", low=1)
    lr: float = param(0.0005, "learning rate of Adam", above=0)
    temperature: float = param(0.5, "divides the cosines of the contrastive loss", above=0)
    router: str = param(
        "nearest_mean", "how the key of an image is chosen without the oracle", choices=ROUTERS
    )
    keep_epochs: bool = param(
        False, "keep prompt and knowledge of every epoch (for the table of leaks)", later=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_source(self.segments)


@dataclass
class Task:
    """What is stored of a category.

    Attributes:
        category: its name.
        key: coreset of the patches without prompt, which routes images.
        prompt: (blocks, 2, length, D) prefixes.
        knowledge: coreset of the patches with the prompt, which scores images.
        epochs: prompt and knowledge after each epoch, if they are kept.
    """

    category: str
    key: Block
    prompt: Tensor
    knowledge: Block
    epochs: list[tuple[Tensor, Block]] = field(default_factory=list)

    def memory(self, expert: int, router_bytes: int, budget: int) -> ExpertMemory:
        """The memory of the task as an expert with a budget in vectors."""
        kept = sum(len(block) for _, block in self.epochs)
        kept_bytes = sum(prompt.nbytes + block.nbytes for prompt, block in self.epochs)
        vectors = len(self.key) + len(self.knowledge)
        nbytes = self.key.nbytes + self.knowledge.nbytes + self.prompt.nbytes + router_bytes
        return ExpertMemory(
            expert=expert,
            categories=(self.category,),
            scoring_vectors=vectors,
            stored_vectors=vectors + kept,
            scoring_bytes=nbytes,
            stored_bytes=nbytes + kept_bytes,
            utilization=vectors / budget,
        )


class Ucad(Method[UcadParams]):
    """UCAD: key, prompt and knowledge per category on a frozen vision transformer.

    Source: Liu et al., "Unsupervised Continual Anomaly Detection with Contrastively-learned Prompt"
    (AAAI 2024). An image is routed by the distance of its patches to the keys. Its patches with the
    prompt of that category are scored by their distance to the knowledge. The number of epochs is
    fixed, the last epoch counts, and each image is routed alone: no test data decide anything. The
    released code differs; `python -m cadbench.methods.prompted.leaks` computes by how much.
    """

    Params = UcadParams
    uses_images = True
    needs_transformer = True

    def __init__(self, params: UcadParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.router = ROUTERS[params.router](context)
        self.tasks: list[Task] = []

    @classmethod
    def resolve(cls, params: UcadParams, facts: CellFacts) -> UcadParams:
        return params.replace(segments=resolve_source(params.segments))

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        for category in experience.categories:
            key = self.context.coresets.select(experience, category, self.params.key_size)
            self.router.learn(len(self.tasks), experience, category, [])
            _, images = experience.images(category)
            self.tasks.append(self._learn(category, key, images))
            self.context.record(
                "assignment",
                category=category,
                expert=len(self.tasks) - 1,
                similarity=None,
                chosen=True,
                reason="a task of its own",
                threshold=None,
            )
        return frozenset(experience.categories)

    def _learn(self, category: str, key: Block, images: Tensor) -> Task:
        """Train the prompt of a category and select its knowledge."""
        import torch

        shape = self.context.backbone().prefix_shape(self.params.prompt_length)
        start = self.context.rng("prompt", category).uniform(-1, 1, shape)
        prompt = torch.from_numpy(start).float().to(self.context.device)
        epochs: list[tuple[Tensor, Block]] = []
        if self.params.segments != "none":
            segments = segments_of(self.params.segments, images, self.context.grid)
            prompt.requires_grad_()
            optimizer = torch.optim.Adam([prompt], lr=self.params.lr)
            for epoch in range(self.params.epochs):
                loss = self._train_epoch(category, epoch, prompt, optimizer, images, segments)
                self.context.record("epoch", category=category, epoch=epoch + 1, loss=loss)
                if self.params.keep_epochs:
                    learned = prompt.detach().clone()
                    epochs.append((learned, self._knowledge(images, learned)))
        prompt = prompt.detach()
        knowledge = epochs[-1][1] if epochs else self._knowledge(images, prompt)
        return Task(category, key, prompt, knowledge, epochs)

    @deterministic()
    def _train_epoch(
        self,
        category: str,
        epoch: int,
        prompt: Tensor,
        optimizer: torch.optim.Optimizer,
        images: Tensor,
        segments: Tensor,
    ) -> float:
        """Train a prompt once on all images; return the mean loss of the steps."""
        import torch

        from .contrastive import contrastive_loss

        order = self.context.rng("batches", f"{category}/{epoch}").permutation(len(images))
        losses = []
        for rows in torch.from_numpy(order).split(self.params.batch_size):
            features = self._features(images[rows.to(images.device)], prompt)
            regions = segments[rows].to(features.device)
            loss = contrastive_loss(features, regions, self.params.temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([prompt], _LARGEST_GRADIENT)
            optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    def _knowledge(self, images: Tensor, prompt: Tensor) -> Block:
        """Select the knowledge of a prompt from the patches of all training images."""
        import torch

        with torch.no_grad():
            parts = [self._features(part, prompt) for part in images.split(self.params.batch_size)]
        patches = Block.of(torch.cat(parts).flatten(0, 1), copy=False)
        return Block.of(
            patches.vectors[self.context.coresets.reduce([patches], self.params.knowledge_size)]
        )

    @deterministic()
    def _features(self, images: Tensor, prompt: Tensor) -> Tensor:
        """Patch embeddings (B, P, D) with a prompt; all layers have one grid."""
        import torch

        maps = self.context.backbone().prompted_maps(images.to(self.context.device), prompt)
        return torch.cat(maps, dim=1).flatten(2).transpose(1, 2)

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        names = [task.category for task in self.tasks]
        if batch.category in names:
            route = torch.full((len(batch),), names.index(str(batch.category)))
        else:
            route = self.router.route(batch, self.key_distances(batch)).cpu()
        images = batch.images()
        distances = torch.empty(len(batch), self.context.grid[0] * self.context.grid[1])
        for expert in route.unique().tolist():
            rows = (route == expert).nonzero()[:, 0]
            task = self.tasks[expert]
            distances[rows] = self.distances(images[rows], task.prompt, task.knowledge).cpu()
        return predict_from_distances(distances, self.context.grid, route.to(torch.int16))

    def key_distances(self, batch: TestBatch) -> Candidates:
        """The distances of a batch to the key of each task."""
        import torch

        keys = [[task.key] for task in self.tasks]
        stacked = torch.stack([self.context.neighbors.min_distance(batch, key) for key in keys])
        return Candidates(range(len(keys)), stacked, keys)

    def distances(self, images: Tensor, prompt: Tensor, knowledge: Block) -> Tensor:
        """Distances (B, P) of patches with a prompt to a knowledge bank."""
        import torch

        parts = []
        with torch.no_grad():
            for part in images.split(self.params.batch_size):
                queries = self._features(part, prompt)
                nearest, _ = self.context.neighbors.k_nearest(queries.flatten(0, 1), [knowledge], 1)
                parts.append(nearest.reshape(len(part), -1))
        return torch.cat(parts)

    def memory(self) -> MemoryReport:
        budget = self.params.key_size + self.params.knowledge_size
        experts = tuple(
            task.memory(expert, self.router.nbytes(expert), budget)
            for expert, task in enumerate(self.tasks)
        )
        return MemoryReport(
            sum(expert.scoring_vectors for expert in experts),
            sum(expert.stored_vectors for expert in experts),
            sum(expert.scoring_bytes for expert in experts),
            sum(expert.stored_bytes for expert in experts),
            experts,
            parameters_trained=max((task.prompt.numel() for task in self.tasks), default=0),
            parameters_stored=sum(task.prompt.numel() for task in self.tasks),
            network_bytes=sum(task.prompt.nbytes for task in self.tasks),
        )

    def state_dict(self) -> State:
        return {
            "tasks": [
                {
                    "category": task.category,
                    "key": task.key.vectors,
                    "prompt": task.prompt,
                    "knowledge": task.knowledge.vectors,
                    "epochs": [[prompt, block.vectors] for prompt, block in task.epochs],
                }
                for task in self.tasks
            ],
            "router": self.router.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.tasks = [
            Task(
                task["category"],
                Block.of(task["key"].to(device)),
                task["prompt"].to(device),
                Block.of(task["knowledge"].to(device)),
                [
                    (prompt.to(device), Block.of(block.to(device)))
                    for prompt, block in task["epochs"]
                ],
            )
            for task in state["tasks"]
        ]
        self.router.load_state_dict(state["router"])
