"""What options are given: first what they take, then what lies at the bounds and beyond.

Files are named from the current folder of `judging.World`. Of a list the first three are usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

UP = "../../../../.."
"""From the current folder to the root of the world."""
PLATES, RUNS, FILES = f"{UP}/data/plates", f"{UP}/runs", f"{UP}/files"

STRANGE = (
    *("", " ", ".", "..", "~", "~nobody", "-", "--", "-1", "-x", "--help", "--=", ",", ",,", ":"),
    *("=", "@", "%", "%s", "{}", "{0}", "*", "?", "[", "\\", "'", '"', "`id`", "$HOME", ";", "|"),
    *("<script>", "a,b", "a=b", "a:b", "a:b:c", "a.b=c", "a/b", "./x", "x/", "x//y", "../x"),
    *("é", "日本語", "😀", "a\u202eb", "\u200b", "\x1b[31m", "\n", "a\nb", "\t", "\r", "\x7f"),
    *("\x85", "\udcff", "a" * 300, "a" * 5000, "9" * 30, "9" * 5000, "-0", "1e400", "nan", "inf"),
    *("-inf", "0x10", "1_000", "١", "²", "½", "None", "null", "true", "auto", "all", "0", "01"),
)
"""Texts that some program has stumbled over."""

NUMBERS = (
    *("0", "1", "2", "-1", "0.5", "1.5", "-0.5", "1e-9", "1e9", "1e400", "nan", "inf", "-inf"),
    *("", " 1 ", "0x10", "1_0", "١", "²", "9" * 25, "9" * 5000, "1,2", "1-2", "one"),
)

RANGES = (
    *("0", "0-2", "0,3", "1-3,2", "0-40", "5-1", "-1", "1-", "-", "0-0", "1,,2", "1, 2", "0-1-2"),
    *("0-9999999999999", f"0-{'9' * 5000}", "9" * 25, "9" * 5000, "٣", "²", "0x1", "1.0", "1e3"),
)

PLACES = (
    *(PLATES, RUNS, FILES, f"{UP}/data", f"{UP}/nowhere", f"{UP}/home", f"{FILES}/text.txt"),
    *(f"{FILES}/order.txt", f"{FILES}/cells.json", f"{FILES}/protocol.toml", f"{FILES}/none.toml"),
    *(f"{FILES}/export.zip", f"{FILES}/text.txt/below", f"{FILES}/cut.zip", f"{FILES}/bytes.bin"),
    *("/dev/null/x", "/proc/nope/x", "new", "new/deep/er", "x" * 255, "x" * 300, "new\nline"),
    *("\x1b[31m", "new.txt", "~/x", f"{UP}/data/plates/apple", "new/", "./new", " new"),
)
NEW_FILES = ("new.zip", "new.tar.gz", "new.html", "new.tex", "new.csv", "new.md", "new.pdf",
              "new.png", "new.svg", "new", f"{FILES}/text.txt", f"{FILES}/text.txt/x.html",
        "\x1b.html",
"a b.html", "é.pdf", "new.PDF", ".html", f"{RUNS}/x.zip",
              "x" * 251 + ".pdf", "x" * 300 + ".html", "/proc/nope/x.html")  # fmt: skip

NAMED: Mapping[str, Sequence[str]] = {
    "seeds": RANGES,
    "experts": RANGES,
    "order": ("alphabetical", "random:0-2", f"{FILES}/order.txt", "random:0-9999999999999",
        "random:",
              "random:-1", f"random:{'9' * 5000}", "alphabetical,random:1",
              f"{FILES}/text.txt", f"{FILES}/bytes.bin", FILES, "random:1e3", "alphabetic"),
    "schedule": ("1x*", "1x3", "2-1", "3x1", "3", "1-1x2", "1x2-1", "1x6", "3x*", "2x*", "0x3",
                 "1x0", "x", "-", "1x1x1", "*", "*x1", f"1x{'9' * 30}", f"1x{'9' * 5000}",
                 "9" * 5000, "1-" * 3000 + "1", "1x*-1x*", "٣x1", " 1 x 3 ", "1X3"),
    "drift": ("dark:2", "dark:2,blur:1", "noise:3", "dark:4", "dark:0", "dark", "dark:", ":1",
              "dark:2,dark:2", f"dark:{'9' * 5000}", "fog:1", "DARK:1", "dark:١"),
    "dataset": ("auto", "folder", "auto", "plates", "mvtec", "visa", "btad", "mvtec,visa",
        "real_iad",
                "folder,mvtec", "auto,mvtec", "plates,plates", "mvtek", "apple"),
    "data_root": (PLATES, f"plates={PLATES}", f"{UP}/data/plates/", *PLACES, f"x={PLATES}",
        f"plates={PLATES}", f"mvtec={PLATES}", "x=", "=x",
                  f"X={PLATES}", f"x=y={PLATES}", "x=~nobody/y", "x=~"),
    "categories": ("apple", "apple,bolt", "bolt,apple,bolt", "apple,bolt,cork", "aple", "Apple",
                   "apple ,cork", "mvtec/bottle"),
    "backbone": ("tf_efficientnet_lite0",) * 3 + ("wide_resnet50_2", "resnet18", "efficientnet",
        "hf-hub:x",
                 "local-dir:x", "a.b.c"),
    "embedding": ("concat", "official", "concat", "concta", "CONCAT"),
    "match_memory": ("mecad", "finetune", "joint", "mecda"),
    "shard": ("1/2", "2/2", "1/1", "0/2", "3/2", "1/0", "1/", "/1", "-1/2", f"1/{'9' * 25}",
              f"1/{'9' * 5000}", f"{'9' * 5000}/1", "١/٢", "²/2", "1/2/3"),
    "methods": ("mecad", "finetune", "joint", "patchcore", "per_category", "mecda", "MECAD",
                "mecad,finetune", "json:dumps", "nothing:Here", ":", "x:", ":x", "a.b:c",
                "cadbench.benchmark.interface.method:Method",
                "cadbench.benchmark.conformance.mocks:MockBank", "sys:exit",
                "tests.faults.option_words:nothing", "os.path:join", "anomalib:Nope", "x:y:z"),
    "protocol": (f"{FILES}/plates.toml", f"{FILES}/plates.toml", "plates-1x3-64-oracle@1",
        "mvtec-1x15", "synthetic-1x15", "mvtec-drift", "mvtec",
                 f"{FILES}/protocol.toml", f"{FILES}/text.txt", f"{FILES}/bytes.bin", FILES),
    "cells_file": (f"{FILES}/cells.json",) * 3 + (f"{FILES}/text.txt", f"{FILES}/bytes.bin", FILES),
    "weights": (f"{FILES}/text.txt", f"{FILES}/bytes.bin", FILES, f"{FILES}/none.pth"),
    "address": ("auto", "local", "127.0.0.1:1", "ray://127.0.0.1:1", "host", "host:port", ":"),
    "columns": ("acc", "acc,bwt", "fm,stored_mb", "pixel_auroc.acc", "aupro.acc", "accc", "acc,acc",
                "auroc.acc", "seconds", "."),
    "sort": ("acc", "bwt", "stored_mb", "seconds", "speed", "-acc"),
    "caption": ("A caption", "50 % of $x_1$ & more", "\\input{x}", "<b>", "|", "a\n\nb"),
    "label": ("tab:main", "a b", "é", "-x", ":"),
    "base": ("auroc", "ap", "fpr95", "pixel_auroc", "aupro", "routing", "auprc"),
    "width": ("column", "page", "3.5", "2.5", "20", "20.1", "0", "-1", "nan", "inf", "1e400"),
    "formats": ("pdf", "png", "svg", "pdf,png", "PDF", "gif", "pdf,pdf", "eps"),
    "category": ("apple", "bolt", "cork", "aple", "Apple"),
    "only": ("declaration", "parameters", "memory", "determinsm", "state"),
    "to": NEW_FILES,
    "refs": ("mecad", "finetune", "joint", "mecad:experts=5", "mecad:experts=x", "mecad:",
        "mecad:=",
             "mecad:experts", "finetune:bank_budget=400", "0000", "abcdef", "joint", "deadbeef" * 8,
             "mecad:experts=5,replay=random", "mecad:nothing=1", f"mecad:experts={'9' * 5000}"),
    "runs": ("all", "mecad", "finetune", "abcdef", RUNS, f"{RUNS}/none", f"{UP}/files", "joint"),
    "run": ("mecad", "finetune", "mecad", "abcdef", "0000", RUNS, f"{RUNS}/none", "joint", "all"),
    "sources": (f"{FILES}/export.zip", f"{FILES}/export", f"{FILES}/export.tar.gz",
        f"{FILES}/text.txt", f"{FILES}/cut.zip", f"{FILES}/none.zip",
                RUNS, FILES, f"{FILES}/bytes.bin", f"{FILES}/order.txt", PLATES),
    "names": ("acc", "bwt", "fm", "mecad", "finetune", "accc", "mecda"),
}  # fmt: skip

NAMES: Mapping[str, Sequence[str]] = {
    "new-method": ("my-method", "mine", "Mine", "1x", "class", "torch", "my_method", "a" * 200,
                   "mecad", "x.y", "con", "-", "my--method"),
    "check": ("finetune", "cadbench.benchmark.conformance.mocks:MockMean", "finetune", "mecda",
        "json:dumps", "nothing:Here", "cadbench.benchmark.conformance.mocks:MockBank"),
    "data info": ("mvtec", "visa", "btad", "mpdd", "real_iad", "mvtec_loco", "plates", "mvtek"),
    "data verify": ("mvtec", "visa", "btad", "plates", "mvtek"),
    "data download": ("mvtec", "visa", "btad", "mpdd", "real_iad", "mvtec_loco", "mvtek"),
    "paper": ("mecad",) * 3 + ("mecda", "iuf"),
    "protocols": NAMED["protocol"],
    "figure": ("tradeoff", "all", "matrix", "experts", "examples", "expertz", "curves"),
    "table": ("main", "per-category", "matrix", "memory", "assignments", "experts", "published"),
}  # fmt: skip
"""What the argument called `name` or `kind` takes, by command."""

BASES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "run": (("--data-root", PLATES), ("--image-size", "64"), ("--device", "cpu"), ("-q",)),
    "paper": (
        *(("--data-root", f"{UP}/data/mvtec"), ("--backbone", "tf_efficientnet_lite0")),
        *(("--categories", "bottle,cable"), ("-q",), ("--dry-run",)),
    ),
    "data info": (("--data-root", PLATES),),
    "data verify": (("--root", PLATES),),
    "export": (("--to", "new.zip"), ("--out", RUNS)),
    "import": (("--out", "new"),),
    "report": (("--to", "new.html"), ("--out", RUNS)),
    "figure": (("--to", "new"), ("--out", RUNS), ("--format", "png")),
}
"""What a call of the command has where the drawn options leave it out."""
WITH: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("--address", "--cell-cpus", "--cell-gpus"), ("--engine", "ray")),
    "--match-memory": ("--method", "mecad", "--method", "finetune", "--method", "joint"),
    "--images": ("--data-root", PLATES),
}
WITHOUT: Mapping[str, set[str]] = {
    "--image-size": {"--cells", "--protocol"},
    "--dry-run": {"--compare-only"},
    "--backbone": {"--compare-only"},
    "--data-root": {"--compare-only"},
}
"""What an option makes no sense without, and which options a base does not go with."""
OF_RECORDS = ("show", "table", "compare", "leaderboard")
