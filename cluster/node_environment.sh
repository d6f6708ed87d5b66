# Sourced by every shell of a node: the package's environment, and settings that all of Ray's processes have to share.
export PATH="$HOME/rlhp-env/bin:$PATH"
export RAY_AUTH_MODE=token  # the token itself is in ~/.ray/auth_token; without this line a node joins nothing
export RAY_USAGE_STATS_ENABLED=0
# A node that is cut off is given up after about 5 s, not after a minute; read by the head.
export RAY_health_check_initial_delay_ms=2000 RAY_health_check_period_ms=500
export RAY_health_check_timeout_ms=1000 RAY_health_check_failure_threshold=3
export RAY_task_events_max_num_task_in_gcs=10000  # of some 4 kB each, in the head's memory; read by the head
