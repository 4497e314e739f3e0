"""The same job in a container (Fargate), for as long as it takes: `python -m lambda_functions.run_job JOB_ID ATTEMPT`.

The exit code is 0 for every job that came to an end, however: how, says its result in storage.
"""

import sys

from sightline.errors import SightlineError
from sightline.jobs.remote.serverless import Machine, carry_out_described, machine_settings
from sightline.logs import explain


def main(job_id: str, attempt: str) -> int:
    try:
        carry_out_described(job_id, int(attempt), machine_settings(), Machine("container", until=None))
    except SightlineError as err:
        return explain(err)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
