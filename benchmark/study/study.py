"""`Study`: which methods run on which stream, with which parameters, orders and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.errors import UsageError
from ...results.python_names import python_names
from ..finished.results import Results
from .fields import StudyFields, given_fields
from .file import read_fields, write_study
from .settings import Settings, settings_of

if TYPE_CHECKING:
    from ..running.callbacks import Callback
    from ..running.cell import Cell
    from ..system.reporting import Reporter
    from .estimate import Estimate
    from .execution import Device, Engine, Maps
    from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Study(StudyFields):
    """An experiment: every combination of methods, parameters, orders and seeds on one stream.

    A study is checked when it is created; `run` computes cells that have no record. None means
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
        orders: orders of the categories: `alphabetical`, `random:SEED`, `easy_to_hard`,
            `hard_to_easy`, or a file [alphabetical].
        drift: domains under which every category returns, such as `dark:2` [none].
        blend: share of training images that move to a neighboring experience [0].
        contaminate: share of defective test images that are moved to the training images, or
            several shares; 0 only removes those that larger shares may need from the test set
            [the splits of the dataset].
        holdout: share of training images that are held out to set alarm thresholds [0].
        threshold_quantile: quantile of their scores that alarm thresholds have [0.99].
        routing: `oracle` (methods get the category of test images) or `inferred` [oracle].
        unseen: categories that are scored before they are introduced: next, all, none [next].
        methods: a method, several, or method -> parameter -> value or values [mecad].
        seeds: seeds of the methods' random generators [0].
        match_memory: give the other methods as much memory as this one uses at the end.
        backbone: a timm model [wide_resnet50_2 on MVTec AD, else tf_efficientnet_lite0].
        weights: file with backbone weights, used instead of a download.
        random_weights: use an untrained backbone.
        layers: layers of the backbone: strides such as `8,16`, blocks of a transformer such as
            `block:5,block:11`, or names such as `layer2` [depends on the backbone].
        embedding: `concat`, `official` or `tokens` [depends on the backbone].
        image_size: side of the square that images become, in pixels [224].
        resize: how images become squares: `crop`, `pad` or `squash` [crop].
        map_sigma: sigma of the Gaussian that smooths anomaly maps, in pixels [4].
        tune: method -> parameter -> values, of which the best on held-out training images with
            drawn defects is used (docs/tuning.md).
        tune_on: name or TOML file of a protocol whose training images are used for that [those
            of the study].

    Raises:
        UsageError: a value is wrong, contradicts the protocol, or does not fit another one.
    """

    _settings: Settings = field(init=False, repr=False, compare=False)

    @python_names()
    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_settings", settings_of(self))

    def __repr__(self) -> str:
        """The fields that were given."""
        given = given_fields(self).items()
        return f"Study({', '.join(f'{name}={value!r}' for name, value in given)})"

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
        given = read_fields(Path(file))
        try:
            return cls(**{**given, **changes})
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from error

    def save(self, file: str | Path) -> None:
        """Write the study as a TOML file. The folder of the data (`data_root`) is left out."""
        write_study(self, Path(file))

    @python_names()
    def plan(self, reporter: Reporter | None = None, out: str | Path = "runs") -> Plan:
        """Open the dataset and list the cells.

        Args:
            reporter: receives progress and warnings; None to show nothing.
            out: folder of the records that the orders `easy_to_hard` and `hard_to_easy` need.

        Raises:
            UsageError: the schedule or an order does not fit the data.
            DataError: the data are missing, incomplete or damaged.
        """
        from .plan import make_plan

        return make_plan(self._settings, reporter, Path(out).expanduser())

    def cells(self, out: str | Path = "runs") -> list[Cell]:
        """Return the cells, in the order method, parameters, order, seed.

        Cells that get the memory size of another method (`match_memory`) and cells of a method
        that is tuned (`tune`) are not included: their parameters depend on results.

        Args:
            out: folder of the records that the orders `easy_to_hard` and `hard_to_easy` need.
        """
        return self.plan(out=out).cells

    def estimate(self, out: str | Path = "runs") -> Estimate:
        """Count the cells that are done, begun and missing, and estimate the remaining time.

        Args:
            out: folder of the records; the time is estimated from their durations.
        """
        from .estimate import estimate

        return estimate(self.plan(out=out), Path(out).expanduser())

    @python_names()
    def run(
        self,
        out: str | Path = "runs",
        *,
        jobs: int | None = None,
        engine: Engine = "local",
        address: str | None = None,
        cell_cpus: int | None = None,
        cell_gpus: float | None = None,
        device: Device = "auto",
        keep_distances: float = 0.0,
        maps: Maps = "final",
        timed: bool = False,
        overwrite: bool = False,
        keep_state: bool = False,
        callbacks: Callback | Sequence[Callback] = (),
        progress: bool = True,
    ) -> Results:
        """Compute the cells that have no record, and return the records of all cells.

        Finished cells are reused, and interrupted ones resumed, as by `cadbench run`.

        Args:
            out: folder of the records.
            jobs: number of cells computed in parallel; None for one, or with Ray as many as fit.
            engine: `local` for this machine, or `ray` for a cluster.
            address: address of the Ray cluster; None for RAY_ADDRESS or a new one here.
            cell_cpus: with Ray, cores per cell; None for 2.
            cell_gpus: with Ray, GPUs per cell; None for 1 with `device="cuda"`, else 0.
            device: `cpu`, `cuda`, or `auto`: CUDA if it is available.
            keep_distances: GB of neighbor distances that stay in the cache for later runs.
            maps: anomaly maps in the records: after the last experience, after each, or none.
            timed: also measure update seconds and ms per image, with all caches off.
            overwrite: compute cells again that already have a record.
            keep_state: keep the final state of each method in its record, for `cadbench.score`;
                a cell whose record has none is computed again.
            callbacks: objects to notify when cells start, and when experiences and cells finish.
                With `jobs` above 1 or Ray only `cell_finished` is called, since cells run in other
                processes.
            progress: show progress: a bar in a notebook or terminal, lines elsewhere.

        Raises:
            UsageError: an option is wrong or does not fit the data.
            CadbenchError: a cell failed; the records of finished cells are kept.
        """
        from ..progress.choose_reporter import choose_reporter
        from ..running.callbacks import Callback
        from .execution import Execution, execute

        execution = Execution(
            out=Path(out).expanduser(),
            jobs=jobs,
            engine=engine,
            address=address,
            cell_cpus=cell_cpus,
            cell_gpus=cell_gpus,
            device=device,
            keep_distances=keep_distances,
            maps=maps,
            timed=timed,
            overwrite=overwrite,
            keep_state=keep_state,
            callbacks=(callbacks,) if isinstance(callbacks, Callback) else tuple(callbacks),
        )
        reporter = choose_reporter(0 if progress else -1)
        outcomes = execute(self.plan(reporter, out), execution, reporter)
        return Results(tuple(outcome.record for outcome in outcomes))
