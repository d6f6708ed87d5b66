"""The errors that users meet. Each message says what was wrong, what came, what was expected and what to do next."""


class RlhpError(Exception):
    """Something failed that the user can do something about; the command line prints it without a traceback."""

    exit_code = 1


class ConfigError(RlhpError):
    """The configuration or the command line is wrong; nothing was started."""

    exit_code = 2


class EnvironmentNotSupportedError(ConfigError):
    """The environment does not exist, or has spaces that cannot be used."""


class ArchiveError(RlhpError):
    """A run directory cannot be written or read."""


class TrackingError(RlhpError):
    """A program that runs are to be recorded with cannot be reached, or does not let us in."""


class ClusterError(RlhpError):
    """A cluster cannot be reached, does not let us in, or cannot hold what is to run."""


class CheckpointError(RlhpError):
    """A checkpoint is missing, truncated or not one."""


class ActorLostError(RlhpError):
    """A process of a trial died more often than is put up with."""


class PreferenceStoreError(RlhpError):
    """The preference database is damaged, foreign, or written by a newer version."""


class RewardDataError(RlhpError):
    """Clips, rewards or observations hold values that nothing can be learnt from (NaN, infinity, wrong shape)."""


class TrainingDivergedError(RlhpError):
    """The loss, a gradient or the weights of the policy are no longer finite."""


class TeacherError(RlhpError):
    """A function that the user gave as teacher, its reward or label schedule cannot be loaded, fails or errs."""


class RewardNetworkError(RlhpError):
    """A network class that the user gave cannot be loaded, fails, or returns nonsense."""


class LabellingError(RlhpError):
    """The queue of queries for people cannot be used, or a person's answer does not fit it."""


class LabellingStorageError(LabellingError):
    """The queue's file cannot be written or read just now; the same call may succeed once the disk does."""
