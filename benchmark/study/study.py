"""`Study`: which methods run on which stream, with which parameters, orders and seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.errors import UsageError
from .fields import StudyFields
from .file import read_fields, write_study
from .settings import Settings, settings_of

if TYPE_CHECKING:
    from ..running.cell import Cell
    from ..system.reporting import Reporter
    from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Study(StudyFields):
    """An experiment: every combination of methods, parameters, orders and seeds on one stream.

    A study is checked when it is made; `run` computes the cells that have no record yet. None means
    the value of `protocol`, or else the default in brackets.

        study = cadbench.Study(
            dataset="synthetic",
            methods={"mecad": {"experts": range(1, 9)}, "patchcore": {}},
            seeds=range(3),
        )
        results = study.run("runs")

    Attributes:
        dataset: a dataset's name, several such as `mvtec,visa`, or `auto` [auto].
        data_root: folder of the dataset, or dataset -> folder [CADBENCH_DATA].
        categories: the categories to use [all].
        skip_unreadable: leave out unreadable images instead of raising an error.
        protocol: name or TOML file of a protocol, which fixes data, stream and preprocessing.
        schedule: categories per experience, such as `1x15` or `10-1x5` [1x*].
        orders: orders of the categories: `alphabetical`, `random:SEED`, or a file [alphabetical].
        drift: domains under which every category returns, such as `dark:2` [none].
        blend: share of training images that move to a neighboring experience [0].
        routing: `oracle` (methods get the category of test images) or `inferred` [oracle].
        unseen: categories that are scored before they are introduced: next, all, none [next].
        methods: a method, several, or method -> parameter -> value or values [mecad].
        seeds: seeds of the methods' random generators [0].
        match_memory: give the other methods as much memory as this one uses at the end.
        backbone: a timm model [wide_resnet50_2 on MVTec AD, else tf_efficientnet_lite0].
        weights: file with backbone weights, used instead of a download.
        random_weights: use an untrained backbone.
        embedding: `concat` or `official` [depends on the backbone].
        image_size: side of the square that images become, in pixels [224].
        resize: how images become squares: `crop`, `pad` or `squash` [crop].
        map_sigma: sigma of the Gaussian that smooths anomaly maps, in pixels [4].

    Raises:
        UsageError: a value is wrong, contradicts the protocol, or does not fit another one.
    """

    _settings: Settings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_settings", settings_of(self))

    @property
    def settings(self) -> Settings:
        """The values of the study, the protocol's, and the defaults, merged."""
        return self._settings

    @classmethod
    def from_file(cls, file: str | Path, **changes: Any) -> Study:
        """Read a study file, such as `cadbench run ... --save study.toml` writes.

        Args:
            file: the TOML file.
            **changes: fields that replace those of the file, such as `data_root`.

        Raises:
            UsageError: the file cannot be read, or a key or value is wrong.
        """
        values = read_fields(Path(file))
        try:
            return cls(**{**values, **changes})
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from error

    def save(self, file: str | Path) -> None:
        """Write the study as a TOML file. The folder of the data (`data_root`) is left out."""
        write_study(self, Path(file))

    def plan(self, reporter: Reporter | None = None) -> Plan:
        """Open the dataset and list the cells.

        Args:
            reporter: receives progress and warnings; None to show nothing.

        Raises:
            UsageError: the schedule or an order does not fit the data.
            DataError: the data are missing, incomplete or damaged.
        """
        from .plan import make_plan

        return make_plan(self._settings, reporter)

    def cells(self) -> list[Cell]:
        """Return the cells, in the order method, parameters, order, seed.

        Cells that `match_memory` gives another method's memory are not among them: their
        parameters depend on results.
        """
        return self.plan().cells
