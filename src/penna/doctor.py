"""Facts about this machine and install, as a dict for JSON. Changes and installs nothing."""

import platform
import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from penna import environment, extras, telemetry
from penna.encoders import hub
from penna.hardware import cores, memory

#: What the kernels of torch and onnxruntime look for, by its name in /proc/cpuinfo.
_INSTRUCTIONS = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
    "i8mm",
)


def examine() -> dict[str, dict[str, Any]]:
    """Facts under the headings machine, speed, install, encoders, network and missing."""
    return {
        "machine": machine(),
        "speed": speed(),
        "install": install(),
        "encoders": encoders(),
        "network": network(),
        "missing": missing(),
    }


def machine() -> dict[str, Any]:
    """Processor, memory and disk."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _cpuinfo("model name") or platform.processor() or None,
        "cores": cores(),
        "instructions": instructions(),
        "memory": _gigabytes(memory()),
        "disk free here": _free(),
        "cache": _cache(),
    }


def instructions() -> list[str] | None:
    """Which of the instruction sets that matter are here; None where the system does not say."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return [name for name in _INSTRUCTIONS if name in flags] if flags else None


def speed() -> dict[str, Any]:
    """Measured rates of matrix products, the number format that training will use, and the GPU."""
    if extras.missing("encoders"):
        return {"torch": f"not installed, so no encoder is fitted: {extras.advice('encoders')}"}
    try:
        import torch

        from penna.training import precision

        rates = {name: f"{rate:.0f} GFLOP/s" for name, rate in precision.gemm_rates().items()}
        gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
        return {**rates, "training uses": precision.fastest_dtype(), "threads": torch.get_num_threads(), "gpu": gpu}
    except (ImportError, OSError, RuntimeError) as error:  # a broken torch must not hide the other facts
        return {"torch": f"does not work ({' '.join(str(error).split())[:200]}): install it again"}


def install() -> dict[str, Any]:
    """Versions of Python, Penna and the libraries that it stands on."""
    here = {"python": platform.python_version(), "penna": _version("penna"), "at": str(Path(__file__).parent)}
    return here | {name: _version(name) for name in requirements()}


def encoders() -> dict[str, Any]:
    """Return encoders that can be used without a network: shipped with the package, or in the hub's cache."""
    from penna.encoders import checkpoints

    found = shipped(checkpoints.ASSETS)
    return {
        "shipped": found,
        "used by default": list(found) or "none: fit needs --encoder for frozen and finetune",
        "in the hub's cache": _cached(),
        "others": "any folder or hub name in place of the default: penna fit --encoder NAME",
    }


def shipped(assets: Path) -> dict[str, str]:
    """Return the encoders in the package by name: what each measures, or what is wrong with it."""
    from penna.encoders import checkpoints
    from penna.errors import EncoderError

    encoders_found = {}
    for name in checkpoints.shipped(assets):
        try:
            found = checkpoints.find(name, assets=assets)
        except EncoderError as error:
            encoders_found[name] = str(error)
            continue
        depths = " or ".join(map(str, found.trained or (found.layers,)))
        encoders_found[name] = f"({found.kind}, {found.megabytes:.1f} MB in use, {depths} layers)"
    return encoders_found


def network() -> dict[str, Any]:
    """Whether a library may report to its maker, and when Penna itself goes to the network."""
    downloads = (
        "never, as HF_HUB_OFFLINE asks" if hub.kept_offline() else "only for an encoder that is given by a hub name"
    )
    return {**{f"reports of {library}": state for library, state in telemetry.state().items()}, "downloads": downloads}


def missing() -> dict[str, Any]:
    """Return required packages and extras that are not here, each with the command that gets it."""
    lacking = {name: f'pip install "{name}"' for name in requirements() if _version(name) is None}
    for extra in metadata.metadata("penna").get_all("Provides-Extra") or ():
        absent = [name for name in requirements(extra) if _version(name) is None]
        if absent:
            lacking[f"extra [{extra}]"] = f'{", ".join(absent)}: pip install "penna[{extra}]"'
    return lacking or {"nothing": "everything that Penna can use is installed"}


def requirements(extra: str | None = None) -> list[str]:
    """Names of the packages that Penna needs, or that one of its extras adds, as its own metadata lists them."""
    names = []
    for line in metadata.requires("penna") or ():
        marker = re.search(r"""extra\s*==\s*["']([^"']+)["']""", line)
        if (marker[1] if marker else None) == extra:
            names.append(re.split(r"[^\w.-]", line, maxsplit=1)[0])
    return sorted(names)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _free() -> str | None:
    """Space for files in the working folder; None where that cannot be looked at, or is gone."""
    try:
        return _gigabytes(shutil.disk_usage(Path.cwd()).free)
    except OSError:
        return None


def _cache() -> str:
    folder = environment.cache_folder()
    return "none: no folder can be written (PENNA_CACHE names one)" if folder == environment.NOWHERE else str(folder)


def _cached() -> list[str]:
    if extras.missing("encoders"):
        return []
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(environment.hub_cache()).repos
    except (CacheNotFound, OSError, ValueError):  # none, or not to be read by this user
        return []
    return sorted(repo.repo_id for repo in repos if repo.repo_type == "model")


def _cpuinfo(field: str) -> str:
    """Return the first value of a field in /proc/cpuinfo; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == field), "")


def _gigabytes(count: int | None) -> str | None:
    return None if count is None else f"{count / 1e9:.1f} GB"
