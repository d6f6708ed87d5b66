"""Which version of which package provides an environment."""

from importlib import metadata

from rlhp_ray.envs.env_lookup import find_env_spec


def env_version(env_id: str) -> str | None:
    """Name and version of the package that provides an environment, e.g. `gymnasium 1.2.2`.

    None where that is no installed package, such as a file on `PYTHONPATH`.

    Raises:
        EnvironmentNotSupportedError: The id is unknown, or what registers it is not installed.
    """
    entry_point = find_env_spec(env_id).entry_point
    module = entry_point if isinstance(entry_point, str) else getattr(entry_point, "__module__", "")
    package = module.partition(":")[0].partition(".")[0]
    try:
        return f"{package} {metadata.version(package)}"
    except (metadata.PackageNotFoundError, ValueError):  # the latter where there is no name at all
        return None
